package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// ReleaseArgs asks for everything of a failed slice to be taken off its server.
type ReleaseArgs struct {
	Server string `json:"server"`
	Slice  int64  `json:"slice"`
}

// Kind names the job.
func (ReleaseArgs) Kind() string { return "release" }

// InsertOpts sends the job to its server, once for each slice.
func (a ReleaseArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 10, UniqueOpts: onceEach}
}

// Release removes container, schema, role and directories of a `failed` slice, which has
// no user, and gives its port back last: as long as a port is there, so may be the rest.
type Release struct {
	river.WorkerDefaults[ReleaseArgs]
	Pool  *pgxpool.Pool
	Hands Hands
}

// NextRetry tries again soon.
func (w *Release) NextRetry(job *river.Job[ReleaseArgs]) time.Time { return soon(job.Attempt) }

// Work removes what there is.
func (w *Release) Work(ctx context.Context, job *river.Job[ReleaseArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.Status != "failed" || slice.UserID != nil {
			return nil
		}
		if err := w.Hands.takeAway(ctx, slice.ID); err != nil {
			return fmt.Errorf("release slice %d: %w", slice.ID, err)
		}
		return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
			queries := store.New(tx)
			if err := unless(queries.FreePort(ctx, store.FreePortParams{ID: slice.ID, Version: slice.Version})); err != nil {
				return fmt.Errorf("release slice %d: %w", slice.ID, err)
			}
			return queries.RecordSlice(ctx, "job:release", "slice.release", slice.ID, nil)
		})
	})
}
