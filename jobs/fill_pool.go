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
)

// FillPoolArgs asks for a server's warm pool to be what it should be.
type FillPoolArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (FillPoolArgs) Kind() string { return "fill_pool" }

// InsertOpts sends the job to its server. It is not unique: River would drop one that is
// inserted while another is finishing, and with it a slice that somebody waits for. A
// run that finds nothing to do costs three queries.
func (a FillPoolArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 5}
}

// FillPool gives ready slices to those who wait, orders new slices up to PoolSize beyond
// that, and sees that each slice on its way has a job which works on it.
type FillPool struct {
	river.WorkerDefaults[FillPoolArgs]
	Pool      *pgxpool.Pool
	PoolSize  int    // slices to keep ready
	MaxSlices int    // on this server, in all
	Image     string // of new slices, where no rollout has set another
	Clock     Clock
}

// After one failure slices are made one at a time, and after failuresAllowed within
// failureMemory none is ordered until the oldest of them is that old: an image that cannot
// start is not tried in a loop.
const (
	failuresAllowed = 3
	failureMemory   = 10 * time.Minute
)

// NextRetry tries again soon: users may be waiting.
func (w *FillPool) NextRetry(job *river.Job[FillPoolArgs]) time.Time { return soon(job.Attempt) }

// Work matches and orders in one transaction; what is on its way then gets its jobs.
func (w *FillPool) Work(ctx context.Context, job *river.Job[FillPoolArgs]) error {
	server := job.Args.Server
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.LockPool(ctx, server); err != nil {
			return err
		}
		if _, err := store.Match(ctx, tx, "job:fill_pool"); err != nil {
			return err
		}
		return w.order(ctx, queries, server)
	})
	if err == nil {
		err = w.attend(ctx, server)
	}
	if err != nil {
		return fmt.Errorf("fill pool of %s: %w", server, err)
	}
	return nil
}

// order creates the rows of missing slices.
func (w *FillPool) order(ctx context.Context, queries *store.Queries, server string) error {
	waiting, err := queries.CountWaiting(ctx)
	if err != nil {
		return err
	}
	pool, err := queries.CountPool(ctx, store.CountPoolParams{
		Server: server, FailedSince: w.Clock().Add(-failureMemory),
	})
	if err != nil {
		return err
	}
	missing := missingSlices(w.PoolSize, w.MaxSlices, int(waiting), pool)
	if pool.FailedLately > 0 {
		missing = min(missing, max(0, 1-int(pool.Provisioning)))
	}
	if missing > 0 && pool.FailedLately >= failuresAllowed {
		slog.WarnContext(ctx, "pool is not filled: too many slices failed",
			"server", server, "failed", pool.FailedLately, "within", failureMemory.String())
		return nil
	}
	image, err := queries.ImageOfNewSlices(ctx, store.ImageOfNewSlicesParams{Name: server, Configured: w.Image})
	if err != nil {
		return err
	}
	for range missing {
		if _, err := queries.CreateSlice(ctx, store.CreateSliceParams{Server: server, Image: image.Image}); err != nil {
			return err
		}
	}
	return nil
}

// missingSlices is how many to order: one for each who waits and poolSize beyond, less what
// is ready or on its way, and never more than maxSlices in all.
func missingSlices(poolSize, maxSlices, waiting int, pool store.CountPoolRow) int {
	wanted := poolSize + waiting - int(pool.Available) - int(pool.Provisioning)
	return max(0, min(wanted, maxSlices-int(pool.Live)))
}

// attend enqueues the job of each slice that is being made, cleaned up or destroyed. Jobs are unique
// for each slice, so those that have one keep it; a job that was discarded, or lost with an
// old backup, is replaced. Each is inserted by itself: River locks the row of the job that is
// there already, and several of those locks in one transaction meet its own the other way round.
func (w *FillPool) attend(ctx context.Context, server string) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	queries := store.New(w.Pool)
	provisioning, err := queries.SlicesInStatus(ctx, store.SlicesInStatusParams{Server: server, Statuses: []string{"provisioning"}})
	if err != nil {
		return err
	}
	failed, err := queries.SlicesToRelease(ctx, server)
	if err != nil {
		return err
	}
	destroying, err := queries.SlicesInStatus(ctx, store.SlicesInStatusParams{Server: server, Statuses: []string{"destroying"}})
	if err != nil {
		return err
	}
	var wanted []river.JobArgs
	for _, slice := range provisioning {
		wanted = append(wanted, ProvisionArgs{Server: server, Slice: slice})
	}
	for _, slice := range failed {
		wanted = append(wanted, ReleaseArgs{Server: server, Slice: slice})
	}
	for _, slice := range destroying {
		wanted = append(wanted, DestroyArgs{Server: server, Slice: slice})
	}
	for _, args := range wanted {
		if _, err := client.Insert(ctx, args, nil); err != nil {
			return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
		}
	}
	return nil
}
