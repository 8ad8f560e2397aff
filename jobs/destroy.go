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

// DestroyArgs asks for everything of a `destroying` slice to be deleted.
type DestroyArgs struct {
	Server string    `json:"server"`
	Slice  int64     `json:"slice"`
	Asked  time.Time `json:"asked,omitzero"` // of an order, see Give
}

// Kind names the job.
func (DestroyArgs) Kind() string { return "destroy" }

// InsertOpts sends the job to its server, once for each slice.
func (a DestroyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 20, UniqueOpts: onceEach}
}

// Destroy deletes container, schema, role, media and session of a slice. What stays is its row
// without user, port and number, and the lines of the audit.
type Destroy struct {
	river.WorkerDefaults[DestroyArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Clock Clock
}

// NextRetry tries again soon; fill_pool orders the job anew should it run out of attempts.
func (w *Destroy) NextRetry(job *river.Job[DestroyArgs]) time.Time { return soon(job.Attempt) }

// Work deletes what there is.
func (w *Destroy) Work(ctx context.Context, job *river.Job[DestroyArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.Status != "destroying" {
			return nil
		}
		if err := w.Hands.takeAway(ctx, slice.ID); err != nil {
			return fmt.Errorf("destroy slice %d: %w", slice.ID, err)
		}
		return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
			queries := store.New(tx)
			if err := unless(queries.FinishDestroy(ctx, store.FinishDestroyParams{ID: slice.ID, Version: slice.Version})); err != nil {
				return fmt.Errorf("destroy slice %d: %w", slice.ID, err)
			}
			if err := errors.Join(queries.EndStart(ctx, slice.ID), queries.CloseAlertsOf(ctx, store.CloseAlertsOfParams{Subject: subjectSlice(slice.ID), Now: w.Clock()})); err != nil {
				return fmt.Errorf("destroy slice %d: %w", slice.ID, err)
			}
			if err := queries.RecordSlice(ctx, "job:destroy", "slice.destroyed", slice.ID, nil); err != nil {
				return err
			}
			// There is room for somebody who waits.
			return enqueue(ctx, tx, FillPoolArgs{Server: slice.Server})
		})
	})
}
