package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// MoveArgs asks for the user and the data of one slice to be moved to another of the same server.
type MoveArgs struct {
	Server string `json:"server"`
	Slice  int64  `json:"slice"`
	To     int64  `json:"to"`
}

// Kind names the job.
func (MoveArgs) Kind() string { return "move" }

// InsertOpts sends the job to its server, once for each pair.
func (a MoveArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 20, UniqueOpts: onceEach}
}

// GiveMove orders the user and the data of a slice to another, which it takes out of the pool, all
// in tx. Until the job is done the old one is `suspended`, the new one `provisioning`, and no other
// order is taken; then the new one is what the old one was, or `assigned` if that had failed.
func GiveMove(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], slice int64, actor string) (to int64, err error) {
	queries := store.New(tx)
	before, err := queries.LockedSlice(ctx, slice)
	if store.IsNone(err) {
		return 0, fmt.Errorf("%w: there is no slice %d", ErrRefused, slice)
	}
	if err != nil {
		return 0, fmt.Errorf("move slice %d: %w", slice, err)
	}
	source, err := queries.MoveSlice(ctx, store.MoveSliceParams{
		ID: slice, FromStatuses: []string{"assigned", "suspended", "failed"}, ToStatus: "suspended",
	})
	if store.IsNone(err) {
		return 0, fmt.Errorf("%w: slice %d is %s; only one that is assigned, suspended or failed and is not being moved already can be moved", ErrRefused, slice, before.Status)
	}
	if err != nil {
		return 0, fmt.Errorf("move slice %d: %w", slice, err)
	}
	then := "assigned"
	if before.Status == "suspended" {
		then = "suspended"
	}
	target, err := queries.TakeTarget(ctx, store.TakeTargetParams{Source: slice, Server: source.Server, MovedStatus: then})
	if store.IsNone(err) {
		return 0, fmt.Errorf("%w: no slice of the pool of %s is ready to take it", ErrRefused, source.Server)
	}
	if err != nil {
		return 0, fmt.Errorf("move slice %d: %w", slice, err)
	}
	if err := queries.RecordSlice(ctx, actor, "slice.move", slice, map[string]any{"to": target.ID}); err != nil {
		return 0, err
	}
	for _, args := range []river.JobArgs{MoveArgs{source.Server, slice, target.ID}, FillPoolArgs{source.Server}} {
		if _, err := client.InsertTx(ctx, tx, args, nil); err != nil {
			return 0, fmt.Errorf("move slice %d: enqueue: %w", slice, err)
		}
	}
	return target.ID, nil
}

// Move stops both containers, renames schema and directories, which no size makes slow, gives the
// user to the new slice, and lets go of the old. WhatsApp stays linked: its profile moves too.
type Move struct {
	river.WorkerDefaults[MoveArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Clock Clock
}

// NextRetry tries again soon: a user waits.
func (w *Move) NextRetry(job *river.Job[MoveArgs]) time.Time { return soon(job.Attempt) }

// Work moves what has not been moved yet.
func (w *Move) Work(ctx context.Context, job *river.Job[MoveArgs]) error {
	from := job.Args.Slice
	return withSlice(ctx, w.Pool, from, func(ctx context.Context, source store.Slice) error {
		return withSlice(ctx, w.Pool, job.Args.To, func(ctx context.Context, target store.Slice) error {
			if source.Status != "suspended" || target.Status != "provisioning" || target.MovedFrom == nil || *target.MovedFrom != from {
				return nil // done by an earlier run
			}
			if err := w.move(ctx, source, target); err != nil {
				return fmt.Errorf("move slice %d to %d: %w", from, target.ID, err)
			}
			return nil
		})
	})
}

func (w *Move) move(ctx context.Context, source, target store.Slice) error {
	for _, slice := range []int64{source.ID, target.ID} {
		if err := w.Hands.Containers.Remove(ctx, slice); err != nil {
			return fmt.Errorf("stop %d: %w", slice, err)
		}
	}
	// Whoever lost the slice while it waited for the containers must not touch the data.
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := w.Hands.Schemas.Move(ctx, source.ID, target.ID); err != nil {
		return err
	}
	if err := w.Hands.Directories.Move(ctx, source.ID, target.ID); err != nil {
		return fmt.Errorf("directories: %w", err)
	}
	return w.finish(ctx, source, target)
}

func (w *Move) finish(ctx context.Context, source, target store.Slice) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := unless(queries.LeaveForMove(ctx, store.LeaveForMoveParams{ID: source.ID, UserID: *source.UserID})); err != nil {
			return err
		}
		if err := unless(queries.ArriveFromMove(ctx, store.ArriveFromMoveParams{
			ID: target.ID, Source: source.ID, Version: target.Version, UserID: *source.UserID,
			WaState: source.WaState, WaConnected: source.WaConnected, WaPhone: source.WaPhone, WaChangedAt: source.WaChangedAt,
			WaReason: source.WaReason, LinkedAt: source.LinkedAt,
			LastActivityAt: source.LastActivityAt, StorageBytes: source.StorageBytes,
		})); err != nil {
			return err
		}
		if *target.MovedStatus == "assigned" {
			if err := enqueue(ctx, tx, StartArgs{Server: target.Server, Slice: target.ID, Asked: w.Clock()}); err != nil {
				return err
			}
		}
		return errors.Join(
			queries.RecordSlice(ctx, "job:move", "slice.assign", target.ID, map[string]any{"user": *source.UserID, "from": source.ID}),
			closeAlert(ctx, queries, alertSliceFailed, subjectSlice(source.ID), w.Clock()),
			enqueue(ctx, tx, DestroyArgs{Server: source.Server, Slice: source.ID, Asked: w.Clock()}),
		)
	})
}
