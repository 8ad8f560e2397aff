package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/views"
)

// So many of its alerts, lines of the audit and jobs are on the page of a slice.
const linesOfSlice = 20

func (rs *routes) slice() {
	const page = "/admin/slices/:slice"
	rs.page(page, "Slice", rs.slicePage)
	for _, order := range []jobs.Order{jobs.OrderRecycle, jobs.OrderSuspend, jobs.OrderResume} {
		rs.act(NeedPassed, page+"/"+string(order), "admin.slice."+string(order), func(act *act) error { return rs.order(act, order) })
	}
	rs.act(NeedPassed, page+"/move", "admin.slice.move", rs.move)
	rs.sliceReclaim(page)
	rs.logs(page)
	rs.sliceTimeline()
	rs.pageThatNeeds(NeedFresh, page+"/destroy", "Destroy a slice", rs.destroyPage)
	rs.act(NeedFresh, page+"/destroy", "admin.slice.destroy", rs.destroy)
}

func subjectOf(slice int64) string { return fmt.Sprintf("slice:%d", slice) }

func pathOf(slice int64) string { return fmt.Sprintf("/admin/slices/%d", slice) }

func (rs *routes) slicePage(v *visit) (templ.Component, error) {
	id, err := v.number("slice")
	if err != nil {
		return nil, err
	}
	page, err := oneSlice(v.Context(), v.queries, id, v.now)
	if err != nil {
		return nil, err
	}
	if page.Timeline, err = v.timeline(id); err != nil {
		return nil, err
	}
	return views.AdminSlice(page), nil
}

// oneSlice is what the page of a slice has, when it is loaded and as long as it is live.
func oneSlice(ctx context.Context, queries *store.Queries, id int64, now time.Time) (page views.AdminOneSlice, err error) {
	page.Now = now
	if page.Slice, err = queries.SliceByID(ctx, id); err != nil {
		return page, err
	}
	if page.Moving, err = queries.IsMoving(ctx, id); err != nil {
		return page, err
	}
	if page.Slice.UserID != nil {
		user, err := queries.UserByID(ctx, *page.Slice.UserID)
		if err != nil {
			return page, err
		}
		page.User = &user
	}
	if page.Alerts, err = queries.AlertsOf(ctx, store.AlertsOfParams{Subject: subjectOf(id), Most: linesOfSlice}); err != nil {
		return page, err
	}
	if page.Audit, err = queries.AuditLines(ctx, store.AuditLinesParams{Subject: subjectOf(id), Most: linesOfSlice}); err != nil {
		return page, err
	}
	if page.Jobs, err = queries.JobsOfSlice(ctx, store.JobsOfSliceParams{Slice: id, Most: linesOfSlice}); err != nil {
		return page, err
	}
	return page, nil
}

// take reads the slice that an act is about, as it is before.
func (act *act) take() (store.Slice, error) {
	id, err := act.number("slice")
	if err != nil {
		return store.Slice{}, err
	}
	slice, err := act.queries.LockedSlice(act.Context(), id)
	if err != nil {
		return slice, err
	}
	act.subject, act.then, act.before = subjectOf(id), pathOf(id), stateOf(slice)
	return slice, nil
}

// left notes how the act has left it.
func (act *act) left(id int64) error {
	slice, err := act.queries.SliceByID(act.Context(), id)
	act.after = stateOf(slice)
	return err
}

func stateOf(slice store.Slice) map[string]any {
	state := map[string]any{"status": slice.Status, "exempt": slice.ReclaimPaused}
	if slice.ReclaimAskedAt != nil {
		state["reclaimAskedAt"] = *slice.ReclaimAskedAt
	}
	if slice.RecycleAt != nil {
		state["recycleAt"] = *slice.RecycleAt
	}
	return state
}

func (rs *routes) order(act *act, order jobs.Order) error {
	slice, err := act.take()
	if err != nil {
		return err
	}
	if err := jobs.Give(act.Context(), act.tx, rs.Jobs, order, slice.ID, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d: %s is ordered. The runner of %s carries it out.", slice.ID, views.AdminOrder(string(order)), slice.Server)
	return act.left(slice.ID)
}

func (rs *routes) move(act *act) error {
	slice, err := act.take()
	if err != nil {
		return err
	}
	to, err := jobs.GiveMove(act.Context(), act.tx, rs.Jobs, slice.ID, act.operator.actor())
	if err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d is being moved to slice %d.", slice.ID, to)
	return act.left(slice.ID)
}

func (rs *routes) destroyPage(v *visit) (templ.Component, error) {
	id, err := v.number("slice")
	if err != nil {
		return nil, err
	}
	slice, err := v.queries.SliceByID(v.Context(), id)
	if err != nil {
		return nil, err
	}
	return views.AdminDestroy(slice), nil
}

func (rs *routes) destroy(act *act) error {
	slice, err := act.take()
	if err != nil {
		return err
	}
	if act.field("number") != strconv.FormatInt(slice.ID, 10) {
		return answer.Errorf(answer.Invalid, "The number does not match: to destroy slice %d, type %d.", slice.ID, slice.ID)
	}
	if err := jobs.Give(act.Context(), act.tx, rs.Jobs, jobs.OrderDestroy, slice.ID, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d is being destroyed.", slice.ID)
	return act.left(slice.ID)
}
