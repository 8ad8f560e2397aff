package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// NewRollout is what a rollout begins with.
type NewRollout struct {
	Asked   string // the image as it was asked for
	Image   string // PinnedName of it, which the engine that it was checked in has
	ImageID string
	Checked string // what the check said
	Batch   int    // 1 to 10
	Slice   *int64 // this one alone; nil: all
}

// StartRollout begins to take the fleet, or a slice alone, to an image that has been checked. ErrRefused if
// another rollout is unfinished.
func StartRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], wanted NewRollout, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := create(ctx, queries, store.CreateRolloutParams{State: "preparing", Image: wanted.Image, ImageID: wanted.ImageID, Checked: wanted.Checked}, wanted, actor)
	if err != nil {
		return rollout, err
	}
	if err := forgetHalt(ctx, queries, now); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// HeardWithin is how lately a server's runner must have written something down for it to be given a check.
const HeardWithin = 10 * time.Minute

// AskRollout is StartRollout for whoever has no engine at hand: the runner that was heard of last names and
// checks the image first. Of what is wanted, Image, ImageID and Checked are not known yet.
func AskRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], wanted NewRollout, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	server, err := queries.ServerHeardLast(ctx, store.ServerHeardLastParams{Since: now.Add(-HeardWithin), Slice: wanted.Slice})
	switch {
	case store.IsNone(err):
		return store.Rollout{}, fmt.Errorf("%w: no runner that could check the image has been heard of for %.0f minutes; see on the page of the servers which works", ErrRefused, HeardWithin.Minutes())
	case err != nil:
		return store.Rollout{}, fmt.Errorf("ask for a rollout: %w", err)
	}
	rollout, err := create(ctx, queries, store.CreateRolloutParams{State: "checking", CheckServer: &server}, wanted, actor)
	if err != nil {
		return rollout, err
	}
	if _, err := client.InsertTx(ctx, tx, CheckRolloutArgs{Server: server, Rollout: rollout.ID}, nil); err != nil {
		return rollout, fmt.Errorf("enqueue the check: %w", err)
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// create adds a rollout's row: one at a time.
func create(ctx context.Context, queries *store.Queries, row store.CreateRolloutParams, wanted NewRollout, actor string) (store.Rollout, error) {
	switch other, err := queries.UnfinishedRollout(ctx); {
	case err == nil:
		return other, fmt.Errorf("%w: rollout %d to %s is not finished; wait for it, or abort it", ErrRefused, other.ID, other.AskedImage)
	case !store.IsNone(err):
		return other, fmt.Errorf("start rollout: %w", err)
	}
	detail := map[string]any{"image": wanted.Asked, "batch": wanted.Batch}
	if wanted.ImageID != "" {
		detail["id"] = wanted.ImageID
	}
	if wanted.Slice != nil {
		if err := isSomebodys(ctx, queries, *wanted.Slice); err != nil {
			return store.Rollout{}, err
		}
		detail["slice"] = *wanted.Slice
	}
	row.AskedImage, row.BatchSize, row.SliceID, row.Actor = wanted.Asked, int32(wanted.Batch), wanted.Slice, actor
	rollout, err := queries.CreateRollout(ctx, row)
	if store.IsDuplicate(err) {
		return rollout, fmt.Errorf("%w: another rollout has just been started", ErrRefused)
	}
	if err != nil {
		return rollout, fmt.Errorf("start rollout: %w", err)
	}
	return rollout, queries.RecordRollout(ctx, actor, "start", rollout.ID, detail)
}

// isSomebodys refuses a slice that cannot have an image of its own: the pool is kept on the image of new slices.
func isSomebodys(ctx context.Context, queries *store.Queries, id int64) error {
	slice, err := queries.LockedSlice(ctx, id)
	if store.IsNone(err) {
		return fmt.Errorf("%w: there is no slice %d", ErrRefused, id)
	}
	if err != nil {
		return fmt.Errorf("start rollout: %w", err)
	}
	moving, err := queries.IsMoving(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("start rollout: %w", err)
	case moving:
		return fmt.Errorf("%w: slice %d is being moved to another; give that one the image when it has been, in a minute or two", ErrRefused, id)
	case slice.UserID == nil || slice.Status == "destroying":
		return fmt.Errorf("%w: slice %d is %s and nobody's; only a customer's slice can have an image of its own", ErrRefused, id, slice.Status)
	case slice.Status == "provisioning":
		return fmt.Errorf("%w: slice %d is still being made", ErrRefused, id)
	}
	return nil
}

// refuse ends a rollout whose image was not found fit. Nothing was begun.
func refuse(ctx context.Context, queries *store.Queries, rollout int64, reason string, now time.Time) error {
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: rollout, FromStates: []string{"checking"}, ToState: "refused", Reason: reason, FinishedAt: &now,
	})
	if err != nil || changed == 0 {
		return err
	}
	return queries.RecordRollout(ctx, rolloutActor, "refuse", rollout, map[string]any{"reason": reason})
}

// forgetHalt closes the alert of a rollout that was halted: somebody has acted.
func forgetHalt(ctx context.Context, queries *store.Queries, now time.Time) error {
	return settleAlerts(ctx, queries, alertRolloutHalt, nil, func(string) bool { return true }, now)
}

// lead gives the rollout the job that keeps coming back, and one that looks at once.
func lead(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], rollout int64, now time.Time) error {
	for _, args := range []RolloutArgs{{Rollout: rollout}, {Rollout: rollout, Asked: now}} {
		if _, err := client.InsertTx(ctx, tx, args, nil); err != nil {
			return fmt.Errorf("enqueue rollout: %w", err)
		}
	}
	return nil
}

// AnyRollout is the one that an order is about where whoever gives it names none.
const AnyRollout = 0

// PauseRollout lets nothing more be begun, or again if paused is false. What is under way ends.
// ErrRefused if there is nothing to pause, or it is another than is meant.
func PauseRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], meant int64, paused bool, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := lockUnfinished(ctx, queries, meant)
	if err != nil {
		return rollout, err
	}
	action := map[bool]string{true: "pause", false: "resume"}[paused]
	changed, err := queries.PauseRollout(ctx, store.PauseRolloutParams{ID: rollout.ID, Paused: paused})
	switch {
	case err != nil:
		return rollout, fmt.Errorf("%s rollout: %w", action, err)
	case changed == 0 && rollout.Paused == paused && (rollout.State == "preparing" || rollout.State == "running" || rollout.State == "rolling_back"):
		return rollout, nil // it was told so before
	case changed == 0 && rollout.State == "checking":
		return rollout, fmt.Errorf("%w: the image of rollout %d is still being checked; abort it, or pause it once it runs", ErrRefused, rollout.ID)
	case changed == 0:
		return rollout, fmt.Errorf("%w: rollout %d is %s, and only ends what is under way", ErrRefused, rollout.ID, rollout.State)
	}
	if err := queries.RecordRollout(ctx, actor, action, rollout.ID, nil); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// AbortRollout ends a rollout where it is: what is under way is finished, what is on the new image
// stays there. ErrRefused if there is nothing to abort, or it is another than is meant.
func AbortRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], meant int64, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := lockUnfinished(ctx, queries, meant)
	if err != nil {
		return rollout, err
	}
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: rollout.ID, FromStates: []string{"checking", "preparing", "running", "rolling_back"}, ToState: "aborted", Reason: rollout.Reason,
	})
	switch {
	case err != nil:
		return rollout, fmt.Errorf("abort rollout: %w", err)
	case changed == 0:
		return rollout, fmt.Errorf("%w: rollout %d is %s already", ErrRefused, rollout.ID, rollout.State)
	}
	if err := queries.SwitchServerImages(ctx, store.SwitchServerImagesParams{Rollout: rollout.ID, Forth: false}); err != nil {
		return rollout, fmt.Errorf("abort rollout: %w", err)
	}
	if err := queries.RecordRollout(ctx, actor, "abort", rollout.ID, nil); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// RollBack takes every slice of the last rollout, finished or not, back to the image that it came
// from. One whose image was refused has touched none, and does not count. ErrRefused if there is
// none, that has been done, or it is another than is meant.
func RollBack(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], meant int64, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := queries.LastBegunRollout(ctx)
	if store.IsNone(err) {
		return rollout, fmt.Errorf("%w: there has been no rollout", ErrRefused)
	}
	if err == nil && meant != AnyRollout && meant != rollout.ID {
		return rollout, fmt.Errorf("%w: rollout %d is not the last one, and only that can be taken back; to return to an image of before, start a rollout to it", ErrRefused, meant)
	}
	if err == nil {
		err = mayRollBack(ctx, queries, rollout)
	}
	if err == nil {
		rollout, err = queries.LockRollout(ctx, rollout.ID)
	}
	if err != nil {
		return rollout, fmt.Errorf("roll back: %w", err)
	}
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: rollout.ID, FromStates: []string{"preparing", "running", "halted", "aborted", "done"}, ToState: "rolling_back", Reason: rollout.Reason,
	})
	switch {
	case store.IsDuplicate(err):
		return rollout, fmt.Errorf("%w: another rollout has just been started", ErrRefused)
	case err != nil:
		return rollout, fmt.Errorf("roll back: %w", err)
	case changed == 0:
		return rollout, fmt.Errorf("%w: rollout %d is %s already", ErrRefused, rollout.ID, rollout.State)
	}
	if err := queries.RetryRollBack(ctx, rollout.ID); err != nil {
		return rollout, fmt.Errorf("roll back: %w", err)
	}
	if err := queries.SwitchServerImages(ctx, store.SwitchServerImagesParams{Rollout: rollout.ID, Forth: false}); err != nil {
		return rollout, fmt.Errorf("roll back: %w", err)
	}
	if err := forgetHalt(ctx, queries, now); err != nil {
		return rollout, err
	}
	if err := queries.RecordRollout(ctx, actor, "rollback", rollout.ID, nil); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// mayRollBack refuses while another one's image is being checked: that one would be unfinished too.
func mayRollBack(ctx context.Context, queries *store.Queries, rollout store.Rollout) error {
	other, err := queries.UnfinishedRollout(ctx)
	if store.IsNone(err) || err == nil && other.ID == rollout.ID {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%w: rollout %d is not finished; abort it first", ErrRefused, other.ID)
	}
	return err
}

// lockUnfinished gives the rollout that there is, locked to the end of the transaction.
func lockUnfinished(ctx context.Context, queries *store.Queries, meant int64) (store.Rollout, error) {
	rollout, err := queries.UnfinishedRollout(ctx)
	if store.IsNone(err) {
		return rollout, fmt.Errorf("%w: no rollout is under way", ErrRefused)
	}
	if err == nil && meant != AnyRollout && meant != rollout.ID {
		return rollout, fmt.Errorf("%w: rollout %d is over; under way is rollout %d", ErrRefused, meant, rollout.ID)
	}
	if err == nil {
		rollout, err = queries.LockRollout(ctx, rollout.ID)
	}
	if err != nil {
		return rollout, fmt.Errorf("rollout: %w", err)
	}
	return rollout, nil
}
