package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// StopArgs asks for the container of a `suspended` or `failed` slice to be stopped.
type StopArgs struct {
	Server string    `json:"server"`
	Slice  int64     `json:"slice"`
	Asked  time.Time `json:"asked,omitzero"` // of an order, see Give
}

// Kind names the job.
func (StopArgs) Kind() string { return "stop" }

// InsertOpts sends the job to its server, once for each slice.
func (a StopArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 10, UniqueOpts: onceEach}
}

// Stop ends the container of a slice that should rest, in order. Its schema, media and session stay.
type Stop struct {
	river.WorkerDefaults[StopArgs]
	Pool  *pgxpool.Pool
	Hands Hands
}

// NextRetry tries again soon.
func (w *Stop) NextRetry(job *river.Job[StopArgs]) time.Time { return soon(job.Attempt) }

// Work stops the slice.
func (w *Stop) Work(ctx context.Context, job *river.Job[StopArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.Status != "suspended" && slice.Status != "failed" {
			return nil // it was resumed meanwhile
		}
		if err := w.Hands.Containers.Remove(ctx, slice.ID); err != nil {
			return fmt.Errorf("stop slice %d: %w", slice.ID, err)
		}
		return nil
	})
}
