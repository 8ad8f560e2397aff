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

// ProvisionArgs asks for one slice, whose row is `provisioning`, to be made.
type ProvisionArgs struct {
	Server string `json:"server"`
	Slice  int64  `json:"slice"`
}

// Kind names the job.
func (ProvisionArgs) Kind() string { return "provision" }

// InsertOpts sends the job to its server, once for each slice. Many attempts: as long as the server
// itself does not do its part, fill_pool would only order the job anew.
func (a ProvisionArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 20, UniqueOpts: onceEach}
}

// A slice that fails by itself is given up with this attempt.
const provisionAttempts = 4

// Provision takes a slice from `provisioning` to `available`, and on to `assigned` if
// somebody waits. A slice that cannot be made becomes `failed` and is released.
type Provision struct {
	river.WorkerDefaults[ProvisionArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Ports []int
	Clock Clock
}

// NextRetry tries again soon: a user may be waiting.
func (w *Provision) NextRetry(job *river.Job[ProvisionArgs]) time.Time { return soon(job.Attempt) }

// Work makes the slice.
func (w *Provision) Work(ctx context.Context, job *river.Job[ProvisionArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func() error {
		slice, err := store.New(w.Pool).SliceByID(ctx, job.Args.Slice)
		if err != nil {
			return fmt.Errorf("provision slice %d: %w", job.Args.Slice, err)
		}
		if slice.Status != "provisioning" {
			return nil // done by an earlier run
		}
		err = bringUp{w.Pool, w.Hands, w.Ports, w.Clock}.run(ctx, slice)
		var snooze *river.JobSnoozeError
		switch {
		case err == nil:
			return w.finish(ctx, slice)
		case errors.As(err, &snooze):
			return err
		case givesUp(job.Attempt, err) && ctx.Err() == nil:
			return errors.Join(w.giveUp(ctx, slice), river.JobCancel(fmt.Errorf("provision slice %d: %w", slice.ID, err)))
		default:
			return fmt.Errorf("provision slice %d: %w", slice.ID, err)
		}
	})
}

// givesUp says that a slice is not to be had: not for want of an engine, of Postgres or of a disk,
// whose outage would turn every slice on its way into a failed one and stop the pool for minutes.
func givesUp(attempt int, err error) bool {
	var fatal *FatalError
	var own *SliceError
	return errors.As(err, &fatal) || errors.As(err, &own) && attempt >= provisionAttempts
}

func (w *Provision) finish(ctx context.Context, slice store.Slice) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if _, err := queries.MakeAvailable(ctx, slice.ID); err != nil {
			return fmt.Errorf("finish slice %d: %w", slice.ID, err)
		}
		if err := queries.RecordSlice(ctx, "job:provision", "slice.provision", slice.ID, nil); err != nil {
			return err
		}
		matched, err := store.Match(ctx, tx, "job:provision")
		if err != nil {
			return err
		}
		if len(matched) > 0 {
			return enqueue(ctx, tx, FillPoolArgs{Server: slice.Server})
		}
		return nil
	})
}

func (w *Provision) giveUp(ctx context.Context, slice store.Slice) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err := queries.MarkFailed(ctx, slice.ID)
		if err != nil || changed == 0 {
			return err
		}
		if err := queries.RecordSlice(ctx, "job:provision", "slice.fail", slice.ID, nil); err != nil {
			return err
		}
		if err := enqueue(ctx, tx, ReleaseArgs{Server: slice.Server, Slice: slice.ID}); err != nil {
			return err
		}
		return enqueue(ctx, tx, FillPoolArgs{Server: slice.Server})
	})
}
