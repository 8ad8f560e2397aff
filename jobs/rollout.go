package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/store/rollouts"
)

// RolloutArgs asks for the next step of a rollout.
type RolloutArgs struct {
	Rollout int64 `json:"rollout"`
	// Asked tells one that is wanted at once from the one that keeps coming back.
	Asked time.Time `json:"asked,omitzero"`
}

// Kind names the job.
func (RolloutArgs) Kind() string { return "rollout" }

// InsertOpts lets any server take it. Those with Asked differ from each other, so that none is
// dropped while another, which has looked before, is just finishing.
func (RolloutArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 10, UniqueOpts: onceEach}
}

// Rollout leads the fleet's update. It looks at the rows, decides, writes what it has decided, and
// sees that each server and slice that something is to be done about has a job. It does so every
// few seconds for as long as the rollout is unfinished, and at once when something has changed.
type Rollout struct {
	river.WorkerDefaults[RolloutArgs]
	Pool     *pgxpool.Pool
	Patience time.Duration // with a slice in use
	Clock    Clock
}

const lookAgainAfter = 2 * time.Second

// NextRetry tries again soon.
func (w *Rollout) NextRetry(job *river.Job[RolloutArgs]) time.Time { return soon(job.Attempt) }

// Work takes steps until there is none to take now.
func (w *Rollout) Work(ctx context.Context, job *river.Job[RolloutArgs]) error {
	for again := true; again; {
		var err error
		if again, err = w.step(ctx, job.Args.Rollout); err != nil {
			return fmt.Errorf("rollout %d: %w", job.Args.Rollout, err)
		}
	}
	unfinished, err := w.attend(ctx, job.Args.Rollout)
	if err != nil {
		return fmt.Errorf("rollout %d: %w", job.Args.Rollout, err)
	}
	if unfinished && job.Args.Asked.IsZero() {
		return river.JobSnooze(lookAgainAfter)
	}
	return nil
}

// step decides and writes it down in one transaction, which no other run can be in at the same
// time. It tells whether there may be more to do at once.
func (w *Rollout) step(ctx context.Context, id int64) (again bool, err error) {
	err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		rollout, err := queries.LockRollout(ctx, id)
		if err != nil || rollout.FinishedAt != nil {
			return err
		}
		fleet, err := w.look(ctx, queries, rollout)
		if err != nil {
			return err
		}
		n := decide(fleet)
		again, err = w.take(ctx, queries, fleet, n)
		return err
	})
	return again, err
}

func (w *Rollout) look(ctx context.Context, queries *store.Queries, rollout store.Rollout) (fleet, error) {
	f := fleet{rollout: rollout, patience: w.Patience, now: w.Clock()}
	if rollout.State == "checking" {
		return f, nil
	}
	err := queries.AddRolloutServers(ctx, rollout.ID)
	if err == nil && rollout.State == "running" {
		err = queries.AddRolloutSlices(ctx, rollout.ID)
	}
	if err != nil {
		return f, err
	}
	if f.servers, err = queries.RolloutServers(ctx, rollout.ID); err != nil {
		return f, err
	}
	f.slices, err = queries.RolloutSlices(ctx, store.RolloutSlicesParams{Rollout: rollout.ID, PresentSince: f.now.Add(-PresentWithin)})
	return f, err
}

// take writes a decision.
func (w *Rollout) take(ctx context.Context, queries *store.Queries, f fleet, n next) (again bool, err error) {
	id := f.rollout.ID
	forth := f.rollout.State == "running"
	begun, settled, wanted := "rolling_back", "rolled_back", []string{"done", "to_roll_back"}
	if forth {
		begun, settled, wanted = "updating", "done", []string{"pending"}
	}
	for _, slice := range n.begin {
		if _, err := queries.BeginRolloutSlice(ctx, store.BeginRolloutSliceParams{
			Rollout: id, Slice: slice, FromStates: wanted, ToState: begun, Batch: int32(n.batch), Canary: n.canary,
		}); err != nil {
			return false, err
		}
	}
	for _, slice := range n.skip {
		if _, err := queries.EndRolloutSlice(ctx, store.EndRolloutSliceParams{
			Rollout: id, Slice: slice, FromStates: wanted, ToState: "skipped", Now: f.now, Note: "the slice is gone",
		}); err != nil {
			return false, err
		}
	}
	for _, slice := range n.reach {
		if err := queries.ReachRolloutSlice(ctx, store.ReachRolloutSliceParams{Rollout: id, Slice: slice, Now: f.now}); err != nil {
			return false, err
		}
	}
	for _, slice := range f.slices {
		for _, resting := range n.rest {
			if slice.SliceID != resting {
				continue
			}
			if err := w.setResting(ctx, queries, f, slice, wanted, settled); err != nil {
				return false, err
			}
		}
	}
	switch {
	case n.state != "":
		return true, w.move(ctx, queries, f, n)
	case n.finished:
		_, err := queries.FinishRollout(ctx, store.FinishRolloutParams{ID: id, Now: f.now})
		return false, err
	case n.over && forth:
		return false, w.finishForth(ctx, queries, f)
	case n.over:
		return false, w.finish(ctx, queries, f, "rolled_back")
	}
	return len(n.skip)+len(n.rest) > 0 && len(n.begin) == 0, nil
}

// setResting gives a slice that is down on purpose its image; it comes up on it when it is
// resumed. One that was resumed meanwhile is left to the next decision.
func (w *Rollout) setResting(ctx context.Context, queries *store.Queries, f fleet, slice store.RolloutSlicesRow, wanted []string, settled string) error {
	to, action := f.rollout.Image, "slice.update"
	if settled == "rolled_back" {
		to, action = slice.FromImage, "slice.rollback"
	}
	row, err := queries.SliceByID(ctx, slice.SliceID)
	if err != nil {
		return err
	}
	changed, err := queries.SetSliceImage(ctx, store.SetSliceImageParams{ID: row.ID, FromImage: row.Image, Image: to, Statuses: []string{slice.Status}})
	if err != nil || changed == 0 {
		return err
	}
	if _, err := queries.EndRolloutSlice(ctx, store.EndRolloutSliceParams{
		Rollout: f.rollout.ID, Slice: slice.SliceID, FromStates: wanted, ToState: settled, Now: f.now, Resting: true,
		Note: slice.Status + ": it comes up on the image when it is resumed",
	}); err != nil {
		return err
	}
	return queries.RecordSlice(ctx, rolloutActor, action, slice.SliceID, map[string]any{"rollout": f.rollout.ID, "image": to})
}

const rolloutActor = "job:rollout"

// move takes the rollout to another state, and says why.
func (w *Rollout) move(ctx context.Context, queries *store.Queries, f fleet, n next) error {
	if n.state == "refused" {
		return refuse(ctx, queries, f.rollout.ID, n.reason, f.now)
	}
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: f.rollout.ID, FromStates: []string{f.rollout.State}, ToState: n.state, Reason: n.reason,
	})
	if err != nil || changed == 0 || n.state != "halted" {
		return err
	}
	slog.ErrorContext(ctx, "the rollout is halted", "rollout", f.rollout.ID, "image", f.rollout.AskedImage, "why", n.reason)
	if err := queries.SwitchServerImages(ctx, store.SwitchServerImagesParams{Rollout: f.rollout.ID, Forth: false}); err != nil {
		return err
	}
	if err := openAlert(ctx, queries, Alert{
		Kind: alertRolloutHalt, Subject: fmt.Sprintf("rollout:%d", f.rollout.ID), Severity: "warning",
		Detail: haltWords(f.rollout, n.reason),
	}, w.Clock()); err != nil {
		return err
	}
	return queries.RecordRollout(ctx, rolloutActor, "halt", f.rollout.ID, map[string]any{"reason": n.reason})
}

// haltWords tell a person what was halted, and what they can do.
func haltWords(rollout store.Rollout, reason string) string {
	if rollout.SliceID != nil {
		return fmt.Sprintf("Slice %d was to have the image %s, and that was halted: %s. `runner rollout status` shows where it is; `runner rollout --rollback` takes it back to the image that it came from, if it is not there.", *rollout.SliceID, rollout.AskedImage, reason)
	}
	return fmt.Sprintf("The fleet update to %s was halted: %s. `runner rollout status` shows where each slice is; `runner rollout --rollback` takes all of them back.", rollout.AskedImage, reason)
}

// finishForth makes new slices of the new image and is done when none of the old one is being
// made any more. The pools are locked: one that is just ordering slices has read which image.
func (w *Rollout) finishForth(ctx context.Context, queries *store.Queries, f fleet) error {
	for _, server := range f.servers {
		if err := queries.LockPool(ctx, server.Server); err != nil {
			return err
		}
	}
	if err := queries.SwitchServerImages(ctx, store.SwitchServerImagesParams{Rollout: f.rollout.ID, Forth: true}); err != nil {
		return err
	}
	late, err := queries.CountLate(ctx, f.rollout.ID)
	if err != nil || late > 0 {
		return err
	}
	return w.finish(ctx, queries, f, "done")
}

func (w *Rollout) finish(ctx context.Context, queries *store.Queries, f fleet, state string) error {
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: f.rollout.ID, FromStates: []string{f.rollout.State}, ToState: state, Reason: f.rollout.Reason, FinishedAt: &f.now,
	})
	if err != nil || changed == 0 {
		return err
	}
	if state == "rolled_back" {
		if err := queries.SwitchServerImages(ctx, store.SwitchServerImagesParams{Rollout: f.rollout.ID, Forth: false}); err != nil {
			return err
		}
	}
	slog.InfoContext(ctx, "the rollout has ended", "rollout", f.rollout.ID, "image", f.rollout.AskedImage, "state", state)
	return queries.RecordRollout(ctx, rolloutActor, state, f.rollout.ID, nil)
}

// attend enqueues the job of each server that is to be prepared and each slice that is under
// way. Jobs are unique, so those that have one keep it. Each is inserted by itself, see FillPool.
func (w *Rollout) attend(ctx context.Context, id int64) (unfinished bool, err error) {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return false, err
	}
	queries := store.New(w.Pool)
	rollout, err := queries.RolloutByID(ctx, id)
	if err != nil || rollout.FinishedAt != nil {
		return false, err
	}
	servers, err := queries.RolloutServers(ctx, id)
	if err != nil {
		return false, err
	}
	rows, err := queries.RolloutSlices(ctx, store.RolloutSlicesParams{Rollout: id, PresentSince: w.Clock().Add(-PresentWithin)})
	if err != nil {
		return false, err
	}
	var wanted []river.JobArgs
	if rollout.State == "checking" && rollout.CheckServer != nil {
		wanted = append(wanted, CheckRolloutArgs{Server: *rollout.CheckServer, Rollout: id})
	}
	for _, server := range servers {
		if server.PreparedAt == nil && (rollout.State == "preparing" || rollout.State == "running") {
			wanted = append(wanted, PrepareRolloutArgs{Server: server.Server, Rollout: id})
		}
	}
	for _, slice := range rows {
		if rollouts.UnderWay(slice.State) {
			wanted = append(wanted, UpdateSliceArgs{Server: slice.Server, Rollout: id, Slice: slice.SliceID})
		}
	}
	for _, args := range wanted {
		if _, err := client.Insert(ctx, args, nil); err != nil {
			return false, fmt.Errorf("enqueue %s: %w", args.Kind(), err)
		}
	}
	return true, nil
}

// TendRolloutsArgs asks for an unfinished rollout to have its job.
type TendRolloutsArgs struct{}

// Kind names the job.
func (TendRolloutsArgs) Kind() string { return "tend_rollouts" }

// InsertOpts keeps one of it.
func (TendRolloutsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// TendRollouts puts back the job of an unfinished rollout that was discarded, or lost with an old backup.
type TendRollouts struct {
	river.WorkerDefaults[TendRolloutsArgs]
	Pool *pgxpool.Pool
}

// Work enqueues it; one that is there stays.
func (w *TendRollouts) Work(ctx context.Context, _ *river.Job[TendRolloutsArgs]) error {
	rollout, err := store.New(w.Pool).UnfinishedRollout(ctx)
	if store.IsNone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tend rollouts: %w", err)
	}
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	if _, err := client.Insert(ctx, RolloutArgs{Rollout: rollout.ID}, nil); err != nil {
		return fmt.Errorf("tend rollouts: %w", err)
	}
	return nil
}
