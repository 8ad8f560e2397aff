package admin

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/store/rollouts"
	"slicegate/views"
)

// So many rollouts are listed.
const pastRollouts = 50

// updates registers how slices come to another image: all of them, or one alone. What restarts customers'
// slices asks for a fresh second factor; the brakes do not.
func (rs *routes) updates() {
	const start, page = "/admin/start-update", "/admin/updates/:rollout"
	rs.link("/admin/updates", "Updates")
	rs.page("/admin/updates", "Updates", rs.updatesPage)
	rs.pageThatNeeds(NeedFresh, start, "Start a fleet update", rs.startPage)
	rs.act(NeedFresh, start, "admin.rollout.start", rs.startRollout)
	rs.page(page, "Rollout", rs.rolloutPage)
	rs.handle(Route{Method: http.MethodGet, Pattern: page + "/progress"}, rs.rolloutProgress)
	rs.act(NeedPassed, page+"/pause", "admin.rollout.pause", func(act *act) error { return rs.pauseRollout(act, true) })
	rs.act(NeedPassed, page+"/resume", "admin.rollout.resume", func(act *act) error { return rs.pauseRollout(act, false) })
	rs.act(NeedPassed, page+"/abort", "admin.rollout.abort", rs.abortRollout)
	rs.pageThatNeeds(NeedFresh, page+"/rollback", "Take back a rollout", rs.rollBackPage)
	rs.act(NeedFresh, page+"/rollback", "admin.rollout.rollback", rs.rollBack)
	const image = "/admin/slices/:slice/image"
	rs.pageThatNeeds(NeedFresh, image, "New image of a slice", rs.imagePage)
	rs.act(NeedFresh, image, "admin.slice.image", rs.setImage)
}

func subjectOfRollout(id int64) string { return fmt.Sprintf("rollout:%d", id) }

func pathOfRollout(id int64) string { return fmt.Sprintf("/admin/updates/%d", id) }

func (rs *routes) updatesPage(v *visit) (templ.Component, error) {
	past, err := v.queries.PastRollouts(v.Context(), pastRollouts)
	if err != nil {
		return nil, err
	}
	log := views.AdminRolloutLog{Past: past, Now: v.now}
	if len(past) > 0 && past[0].Rollout.FinishedAt == nil {
		current, err := v.progress(past[0].Rollout.ID)
		if err != nil {
			return nil, err
		}
		log.Current, log.Past = &current, past[1:]
	}
	return views.AdminUpdates(log), nil
}

// progress reads a rollout as its page shows it.
func (v *visit) progress(id int64) (views.AdminRolloutNow, error) {
	progress, err := rollouts.Read(v.Context(), v.queries, id, v.now.Add(-jobs.PresentWithin), v.now)
	if err != nil {
		return views.AdminRolloutNow{}, err
	}
	last, err := v.queries.LastBegunRollout(v.Context())
	if err != nil && !store.IsNone(err) {
		return views.AdminRolloutNow{}, err
	}
	return views.AdminRolloutNow{Progress: progress, Last: err == nil && last.ID == id}, nil
}

func (rs *routes) rolloutPage(v *visit) (templ.Component, error) {
	id, err := v.number("rollout")
	if err != nil {
		return nil, err
	}
	current, err := v.progress(id)
	if err != nil {
		return nil, err
	}
	lines, err := v.queries.AuditLines(v.Context(), store.AuditLinesParams{Subject: subjectOfRollout(id), Most: linesOfSlice})
	if err != nil {
		return nil, err
	}
	return views.AdminRollout(current, lines), nil
}

// rolloutProgress is the part of the page that changes, for the script that shows it anew.
func (rs *routes) rolloutProgress(v *visit) error {
	id, err := v.number("rollout")
	if err != nil {
		return err
	}
	current, err := v.progress(id)
	if err != nil {
		return err
	}
	write(v.w, v.Request, http.StatusOK, views.AdminRolloutProgress(current))
	return nil
}

// form is what the pages that start something need.
func (v *visit) updateForm() (form views.AdminUpdateForm, err error) {
	ctx := v.Context()
	if form.Images, err = v.queries.ImagesInUse(ctx); err != nil {
		return form, err
	}
	if form.Restarts, err = v.queries.CountRestarts(ctx, v.now.Add(-jobs.PresentWithin)); err != nil {
		return form, err
	}
	switch other, err := v.queries.UnfinishedRollout(ctx); {
	case err == nil:
		form.Other = &other
	case !store.IsNone(err):
		return form, err
	}
	return form, nil
}

func (rs *routes) startPage(v *visit) (templ.Component, error) {
	form, err := v.updateForm()
	if err != nil {
		return nil, err
	}
	return views.AdminStartUpdate(form), nil
}

func (rs *routes) imagePage(v *visit) (templ.Component, error) {
	id, err := v.number("slice")
	if err != nil {
		return nil, err
	}
	slice, err := v.queries.SliceByID(v.Context(), id)
	if err != nil {
		return nil, err
	}
	form, err := v.updateForm()
	if err != nil {
		return nil, err
	}
	return views.AdminSliceImage(slice, form), nil
}

// image reads the name of an image off a form.
func (act *act) image() (string, error) {
	image := act.field("image")
	if !jobs.IsImage(image) {
		return "", answer.Errorf(answer.Invalid, "That is not the name of an image. Type it as `docker images` shows it, such as whatsapp-slice:2.")
	}
	return image, nil
}

func (rs *routes) startRollout(act *act) error {
	image, err := act.image()
	if err != nil {
		return err
	}
	batch, err := strconv.Atoi(act.field("batch"))
	if err != nil || batch < 1 || batch > 10 {
		return answer.Errorf(answer.Invalid, "Say how many slices are updated at a time: from 1 to 10.")
	}
	return rs.askRollout(act, jobs.NewRollout{Asked: image, Batch: batch})
}

func (rs *routes) setImage(act *act) error {
	id, err := act.number("slice")
	if err != nil {
		return err
	}
	image, err := act.image()
	if err != nil {
		return err
	}
	return rs.askRollout(act, jobs.NewRollout{Asked: image, Batch: 1, Slice: &id})
}

func (rs *routes) askRollout(act *act, wanted jobs.NewRollout) error {
	rollout, err := jobs.AskRollout(act.Context(), act.tx, rs.Jobs, wanted, act.operator.actor(), act.now)
	if err != nil {
		return err
	}
	act.subject, act.then = subjectOfRollout(rollout.ID), pathOfRollout(rollout.ID)
	after := map[string]any{"state": rollout.State, "image": wanted.Asked, "batch": wanted.Batch, "checkServer": rollout.CheckServer}
	if wanted.Slice != nil {
		after["slice"] = *wanted.Slice
	}
	act.after = after
	act.said = fmt.Sprintf("Server %s checks %s first. Nothing is restarted before.", *rollout.CheckServer, wanted.Asked)
	return nil
}

// steer gives an order to a rollout, and notes how it was before and is after.
func (rs *routes) steer(act *act, said string, give func(id int64) (store.Rollout, error)) error {
	id, err := act.number("rollout")
	if err != nil {
		return err
	}
	before, err := act.queries.RolloutByID(act.Context(), id)
	if err != nil {
		return err
	}
	if _, err := give(id); err != nil {
		return err
	}
	after, err := act.queries.RolloutByID(act.Context(), id)
	if err != nil {
		return err
	}
	act.subject, act.then, act.said = subjectOfRollout(id), pathOfRollout(id), fmt.Sprintf(said, id)
	act.before, act.after = stateOfRollout(before), stateOfRollout(after)
	return nil
}

func stateOfRollout(r store.Rollout) map[string]any {
	return map[string]any{"state": r.State, "paused": r.Paused}
}

func (rs *routes) pauseRollout(act *act, paused bool) error {
	said := map[bool]string{true: "Rollout %d is paused: what is under way ends, and nothing more is begun.", false: "Rollout %d goes on."}[paused]
	return rs.steer(act, said, func(id int64) (store.Rollout, error) {
		return jobs.PauseRollout(act.Context(), act.tx, rs.Jobs, id, paused, act.operator.actor(), act.now)
	})
}

func (rs *routes) abortRollout(act *act) error {
	return rs.steer(act, "Rollout %d is aborted. What is on the new image stays there.", func(id int64) (store.Rollout, error) {
		return jobs.AbortRollout(act.Context(), act.tx, rs.Jobs, id, act.operator.actor(), act.now)
	})
}

func (rs *routes) rollBack(act *act) error {
	return rs.steer(act, "Rollout %d is being taken back.", func(id int64) (store.Rollout, error) {
		return jobs.RollBack(act.Context(), act.tx, rs.Jobs, id, act.operator.actor(), act.now)
	})
}

func (rs *routes) rollBackPage(v *visit) (templ.Component, error) {
	id, err := v.number("rollout")
	if err != nil {
		return nil, err
	}
	current, err := v.progress(id)
	if err != nil {
		return nil, err
	}
	return views.AdminRollBack(current), nil
}
