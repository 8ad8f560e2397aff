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
	Batch   int // 1 to 10
}

// StartRollout begins to take the fleet to an image. ErrRefused if another rollout is unfinished.
func StartRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], wanted NewRollout, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	switch other, err := queries.UnfinishedRollout(ctx); {
	case err == nil:
		return other, fmt.Errorf("%w: rollout %d to %s is not finished; `runner rollout status` shows it, `runner rollout abort` ends it", ErrRefused, other.ID, other.AskedImage)
	case !store.IsNone(err):
		return other, fmt.Errorf("start rollout: %w", err)
	}
	rollout, err := queries.CreateRollout(ctx, store.CreateRolloutParams{
		AskedImage: wanted.Asked, Image: wanted.Image, ImageID: wanted.ImageID, BatchSize: int32(wanted.Batch), Actor: actor,
	})
	if store.IsDuplicate(err) {
		return rollout, fmt.Errorf("%w: another rollout has just been started", ErrRefused)
	}
	if err != nil {
		return rollout, fmt.Errorf("start rollout: %w", err)
	}
	if err := forgetHalt(ctx, queries, now); err != nil {
		return rollout, err
	}
	if err := queries.RecordRollout(ctx, actor, "start", rollout.ID, map[string]any{"image": wanted.Asked, "id": wanted.ImageID, "batch": wanted.Batch}); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
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

// PauseRollout lets nothing more be begun, or again if paused is false. What is under way ends.
// ErrRefused if there is nothing to pause.
func PauseRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], paused bool, actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := lockUnfinished(ctx, queries)
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
	case changed == 0:
		return rollout, fmt.Errorf("%w: rollout %d is %s, and only ends what is under way", ErrRefused, rollout.ID, rollout.State)
	}
	if err := queries.RecordRollout(ctx, actor, action, rollout.ID, nil); err != nil {
		return rollout, err
	}
	return rollout, lead(ctx, tx, client, rollout.ID, now)
}

// AbortRollout ends a rollout where it is: what is under way is finished, what is on the new image
// stays there. ErrRefused if there is nothing to abort.
func AbortRollout(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := lockUnfinished(ctx, queries)
	if err != nil {
		return rollout, err
	}
	changed, err := queries.MoveRollout(ctx, store.MoveRolloutParams{
		ID: rollout.ID, FromStates: []string{"preparing", "running", "rolling_back"}, ToState: "aborted", Reason: rollout.Reason,
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
// from. ErrRefused if there is none, or that has been done.
func RollBack(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], actor string, now time.Time) (store.Rollout, error) {
	queries := store.New(tx)
	rollout, err := queries.LastRollout(ctx)
	if store.IsNone(err) {
		return rollout, fmt.Errorf("%w: there has been no rollout", ErrRefused)
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

// lockUnfinished gives the rollout that there is, locked to the end of the transaction.
func lockUnfinished(ctx context.Context, queries *store.Queries) (store.Rollout, error) {
	rollout, err := queries.UnfinishedRollout(ctx)
	if store.IsNone(err) {
		return rollout, fmt.Errorf("%w: no rollout is under way", ErrRefused)
	}
	if err == nil {
		rollout, err = queries.LockRollout(ctx, rollout.ID)
	}
	if err != nil {
		return rollout, fmt.Errorf("rollout: %w", err)
	}
	return rollout, nil
}
