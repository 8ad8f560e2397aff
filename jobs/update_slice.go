package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/store/rollouts"
)

// UpdateSliceArgs asks for a slice of a rollout, which is under way, to be taken further.
type UpdateSliceArgs struct {
	Server  string `json:"server"`
	Rollout int64  `json:"rollout"`
	Slice   int64  `json:"slice"`
}

// Kind names the job.
func (UpdateSliceArgs) Kind() string { return "update_slice" }

// InsertOpts sends the job to its server, once for each slice. `rollout` asks again for one that was discarded.
func (a UpdateSliceArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 10, UniqueOpts: onceEach}
}

// UpdateSlice takes one slice to the rollout's image, or back to the one that it came from: it
// sets the image in the slice's row together with a restart, which `recycle` carries out with the
// slice's migrations and the same volumes, and watches what comes of it. What fails on the new
// image is taken back at once. It never waits: each run looks once, writes what that means,
// and comes again.
type UpdateSlice struct {
	river.WorkerDefaults[UpdateSliceArgs]
	Pool   *pgxpool.Pool
	Hands  Hands
	Limits UpdateLimits
	Clock  Clock
}

// UpdateLimits are how long a slice gets for each step.
type UpdateLimits struct {
	Answer time.Duration // from the restart until its backend answers
	Ready  time.Duration // from there until WhatsApp is ready, where it was before
	Life   time.Duration // from there until WhatsApp says something
}

const lookEvery = time.Second

// NextRetry tries again soon: a slice may be down.
func (w *UpdateSlice) NextRetry(job *river.Job[UpdateSliceArgs]) time.Time { return soon(job.Attempt) }

// Work looks once.
func (w *UpdateSlice) Work(ctx context.Context, job *river.Job[UpdateSliceArgs]) error {
	err := w.look(ctx, job)
	var snooze *river.JobSnoozeError
	if err != nil && !errors.As(err, &snooze) {
		return fmt.Errorf("rollout %d, slice %d: %w", job.Args.Rollout, job.Args.Slice, err)
	}
	return err
}

// change is one slice on its way.
type change struct {
	row     store.RolloutSlice
	rollout store.Rollout
	slice   store.Slice
}

func (c change) back() bool { return c.row.State == "rolling_back" }

// to is the image that the slice is to have.
func (c change) to() string {
	if c.back() {
		return c.row.FromImage
	}
	return c.rollout.Image
}

func (c change) action() string {
	if c.back() {
		return "slice.rollback"
	}
	return "slice.update"
}

func (w *UpdateSlice) read(ctx context.Context, args UpdateSliceArgs) (c change, err error) {
	queries := store.New(w.Pool)
	if c.rollout, err = queries.RolloutByID(ctx, args.Rollout); err != nil {
		return c, err
	}
	if c.row, err = queries.RolloutSlice(ctx, store.RolloutSliceParams{Rollout: args.Rollout, Slice: args.Slice}); err != nil {
		return c, err
	}
	c.slice, err = queries.SliceByID(ctx, args.Slice)
	return c, err
}

func (w *UpdateSlice) look(ctx context.Context, job *river.Job[UpdateSliceArgs]) error {
	// Before the rows: what they tell of the slice's state is then at least as new as this.
	container, there, err := w.Hands.Containers.Look(ctx, job.Args.Slice)
	if err != nil {
		return fmt.Errorf("look at container: %w", err)
	}
	c, err := w.read(ctx, job.Args)
	switch {
	case err != nil:
		return err
	case !rollouts.UnderWay(c.row.State):
		return nil
	case isGone(c.slice.Status, c.slice.UserID):
		return w.end(ctx, c, "skipped", false, "the slice is gone")
	case isResting(c.slice.Status):
		return w.rest(ctx, c)
	case c.slice.Status != "available" && c.slice.Status != "assigned":
		return river.JobSnooze(lookEvery)
	case c.row.AskedAt == nil:
		return w.begin(ctx, c, container)
	case c.slice.RecycleAt != nil && c.slice.RecycleAt.After(*c.row.AskedAt):
		return river.JobSnooze(lookEvery) // somebody else has it restarted; what was seen may be that
	}
	return w.follow(ctx, c, container, there)
}

// rest is for a slice that was suspended, or has failed, while it was its turn.
func (w *UpdateSlice) rest(ctx context.Context, c change) error {
	if c.slice.Status == "failed" && !c.back() && c.row.AskedAt != nil {
		return w.fail(ctx, c, "it has crashed too often and stays down")
	}
	changed, err := store.New(w.Pool).SetSliceImage(ctx, store.SetSliceImageParams{
		ID: c.slice.ID, FromImage: c.slice.Image, Image: c.to(), Statuses: []string{c.slice.Status},
	})
	if err != nil {
		return err
	}
	if changed == 0 {
		return river.JobSnooze(lookEvery)
	}
	state := "done"
	if c.back() {
		state = "rolled_back"
	}
	return w.end(ctx, c, state, true, c.slice.Status+": it comes up on the image when it is resumed")
}

// begin asks how the slice is and has it restarted on the other image.
func (w *UpdateSlice) begin(ctx context.Context, c change, container Container) error {
	if _, err := w.Hands.Containers.Identify(ctx, c.to()); err != nil {
		if !isFatal(err) {
			return err
		}
		// Nothing has been done to it, and nothing is: it would be down.
		return w.failUntouched(ctx, c, err.Error())
	}
	state, heard, err := w.before(ctx, c, container)
	if err != nil {
		return err
	}
	now := w.Clock()
	err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err := queries.AskRolloutSlice(ctx, store.AskRolloutSliceParams{
			Rollout: c.rollout.ID, Slice: c.slice.ID, State: c.row.State, Now: now, WaState: state, HeardAt: heard,
		})
		if err != nil || changed == 0 {
			return err
		}
		return w.restart(ctx, tx, c, c.to(), c.action(), now)
	})
	if err != nil && !errors.Is(err, errMoved) {
		return err
	}
	return river.JobSnooze(lookEvery)
}

// before is what the slice's backend says of itself before it is restarted. Another asking may
// find what a first, to a slice that was paged out, was too slow for. A slice that does not answer
// has the state that was last known, and one that has failed that which it had before.
func (w *UpdateSlice) before(ctx context.Context, c change, container Container) (state *string, heard *time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	state = &c.slice.WaState
	if c.row.WaState != nil {
		state = c.row.WaState
	}
	running, up, err := w.Hands.Containers.Find(ctx, c.slice.ID)
	if err != nil || !up || c.row.FailedAt != nil {
		return state, c.row.HeardAt, err
	}
	for range 3 {
		if status, err := w.Hands.Containers.Status(ctx, running); err == nil {
			return &status.State, w.Hands.heard(ctx, container, status), nil
		}
	}
	return state, c.row.HeardAt, nil
}

// errMoved ends a transaction about a slice that has been suspended, destroyed or updated meanwhile.
var errMoved = errors.New("the slice has changed meanwhile")

// restart sets a slice's image and asks for its restart, in one transaction with what says why.
func (w *UpdateSlice) restart(ctx context.Context, tx pgx.Tx, c change, image, action string, now time.Time) error {
	queries, up := store.New(tx), []string{"available", "assigned"}
	changed, err := queries.SetSliceImage(ctx, store.SetSliceImageParams{ID: c.slice.ID, FromImage: c.slice.Image, Image: image, Statuses: up})
	if err == nil && changed == 0 {
		err = errMoved
	}
	if err != nil {
		return err
	}
	if _, err := queries.AskRecycle(ctx, store.AskRecycleParams{ID: c.slice.ID, FromStatuses: up, Now: now}); err != nil {
		return err
	}
	if err := queries.RecordSlice(ctx, rolloutActor, action, c.slice.ID, map[string]any{"rollout": c.rollout.ID, "image": image}); err != nil {
		return err
	}
	return enqueue(ctx, tx, RecycleArgs{Server: c.slice.Server, Slice: c.slice.ID, Asked: now})
}

// follow sees how far a restarted slice is.
func (w *UpdateSlice) follow(ctx context.Context, c change, container Container, there bool) error {
	now, asked := w.Clock(), *c.row.AskedAt
	fresh := there && container.Image == c.to() && container.StartedAt.After(asked)
	switch {
	case c.slice.Crashes > 0, fresh && !container.Running && !container.EndedAt.IsZero():
		return w.fail(ctx, c, fmt.Sprintf("its container ended by itself with code %d: %s", container.ExitCode, w.Hands.Containers.LastWords(ctx, c.slice.ID)))
	case !fresh || !container.Running:
		return w.late(ctx, c, asked.Add(w.Limits.Answer), "its container did not start")
	}
	running, up, err := w.Hands.Containers.Find(ctx, c.slice.ID)
	if err != nil {
		return err
	}
	if !up {
		return river.JobSnooze(lookEvery)
	}
	status, err := w.Hands.Containers.Status(ctx, running)
	if err != nil {
		return w.late(ctx, c, container.StartedAt.Add(w.Limits.Answer), "its backend does not answer: "+err.Error())
	}
	if c.row.AnsweredAt == nil {
		if _, err := store.New(w.Pool).AnswerRolloutSlice(ctx, store.AnswerRolloutSliceParams{
			Rollout: c.rollout.ID, Slice: c.slice.ID, AskedAt: c.row.AskedAt, Now: now,
		}); err != nil {
			return err
		}
		return river.JobSnooze(lookEvery)
	}
	return w.verify(ctx, c, status, w.Hands.heard(ctx, container, status), now)
}

// verify holds what the backend says against what it said before.
func (w *UpdateSlice) verify(ctx context.Context, c change, status Status, heard *time.Time, now time.Time) error {
	before := ""
	if c.row.WaState != nil {
		before = *c.row.WaState
	}
	readyUntil := c.row.AnsweredAt.Add(w.Limits.Ready)
	switch {
	case status.State == "failed" && before != "failed":
		return w.fail(ctx, c, "WhatsApp has failed in it")
	case before != "ready" && status.State == "starting" && before != "starting":
		return w.late(ctx, c, readyUntil, "WhatsApp never got further than its start")
	case before != "ready":
		return w.succeed(ctx, c, "")
	case status.State != "ready":
		if c.row.ReadyAt != nil { // it was, for a moment
			if err := w.noteReady(ctx, c, nil); err != nil {
				return err
			}
		}
		return w.late(ctx, c, readyUntil, "WhatsApp was ready before and is not any more: "+status.State)
	case c.row.ReadyAt == nil:
		if err := w.noteReady(ctx, c, &now); err != nil {
			return err
		}
		return river.JobSnooze(lookEvery)
	case heard != nil && heard.After(*c.row.ReadyAt):
		return w.succeed(ctx, c, "")
	case now.Before(c.row.ReadyAt.Add(w.Limits.Life)):
		return river.JobSnooze(lookEvery)
	case c.row.HeardAt != nil && c.row.HeardAt.After(c.row.AskedAt.Add(-w.Limits.Life)):
		return w.fail(ctx, c, fmt.Sprintf("WhatsApp is ready, but has said nothing for %s, and was not so silent before", w.Limits.Life))
	default:
		// A phone that had said nothing for longer than that before may well go on saying nothing.
		return w.succeed(ctx, c, "as silent as before")
	}
}

func (w *UpdateSlice) noteReady(ctx context.Context, c change, at *time.Time) error {
	_, err := store.New(w.Pool).NoteReady(ctx, store.NoteReadyParams{
		Rollout: c.rollout.ID, Slice: c.slice.ID, AskedAt: c.row.AskedAt, ReadyAt: at,
	})
	return err
}

// late waits on, until the time is over.
func (w *UpdateSlice) late(ctx context.Context, c change, until time.Time, why string) error {
	if w.Clock().Before(until) {
		return river.JobSnooze(lookEvery)
	}
	return w.fail(ctx, c, why)
}

func (w *UpdateSlice) succeed(ctx context.Context, c change, note string) error {
	if c.back() {
		return w.end(ctx, c, "rolled_back", false, note)
	}
	return w.end(ctx, c, "done", false, note)
}

// end writes the last state of a slice's row and has the rollout go on.
func (w *UpdateSlice) end(ctx context.Context, c change, state string, resting bool, note string) error {
	now := w.Clock()
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err := queries.EndRolloutSlice(ctx, store.EndRolloutSliceParams{
			Rollout: c.rollout.ID, Slice: c.slice.ID, FromStates: []string{c.row.State}, ToState: state, Now: now, Resting: resting, Note: note,
		})
		if err != nil || changed == 0 {
			return err
		}
		return enqueue(ctx, tx, RolloutArgs{Rollout: c.rollout.ID, Asked: now})
	})
}

// fail takes a slice back that does not work on the new image. One that does not work on the
// image that it came from either needs a person.
func (w *UpdateSlice) fail(ctx context.Context, c change, why string) error {
	slog.ErrorContext(ctx, "a slice of the rollout has failed", "slice", c.slice.ID, "rollout", c.rollout.ID, "image", c.to(), "back", c.back(), "why", why)
	if c.back() {
		return w.end(ctx, c, "failed", false, "it could not be taken back: "+why)
	}
	now := w.Clock()
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		failed := store.FailRolloutSliceParams{Rollout: c.rollout.ID, Slice: c.slice.ID, ToState: "rolling_back", Now: now, Note: why, AskedAt: &now}
		down := c.slice.Status == "failed"
		if down {
			failed.ToState, failed.EndedAt = "failed", &now
		}
		changed, err := queries.FailRolloutSlice(ctx, failed)
		if err != nil || changed == 0 {
			return err
		}
		if !down {
			err = w.restart(ctx, tx, c, c.row.FromImage, "slice.rollback", now)
		} else {
			_, err = queries.SetSliceImage(ctx, store.SetSliceImageParams{ID: c.slice.ID, FromImage: c.slice.Image, Image: c.row.FromImage, Statuses: []string{"failed"}})
		}
		if err != nil {
			return err
		}
		return enqueue(ctx, tx, RolloutArgs{Rollout: c.rollout.ID, Asked: now})
	})
	if err != nil && !errors.Is(err, errMoved) {
		return err
	}
	return river.JobSnooze(lookEvery)
}

// failUntouched ends a slice that the restart would have left without an image.
func (w *UpdateSlice) failUntouched(ctx context.Context, c change, why string) error {
	if c.back() {
		return w.end(ctx, c, "failed", false, "it could not be taken back: "+why)
	}
	now := w.Clock()
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		changed, err := store.New(tx).FailRolloutSlice(ctx, store.FailRolloutSliceParams{
			Rollout: c.rollout.ID, Slice: c.slice.ID, ToState: "failed", Now: now, Note: why, EndedAt: &now,
		})
		if err != nil || changed == 0 {
			return err
		}
		return enqueue(ctx, tx, RolloutArgs{Rollout: c.rollout.ID, Asked: now})
	})
}
