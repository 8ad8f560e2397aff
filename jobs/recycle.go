package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"slicegate/store"
)

// RecycleArgs asks for a slice's container to be restarted in order.
type RecycleArgs struct {
	Server string    `json:"server"`
	Slice  int64     `json:"slice"`
	Asked  time.Time `json:"asked,omitzero"` // of an order, see Give
}

// Kind names the job.
func (RecycleArgs) Kind() string { return "recycle" }

// InsertOpts sends the job to its server, once for each slice.
func (a RecycleArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 10, UniqueOpts: onceEach}
}

// Recycle stops a container that is older than the row's recycle_at, or of another image, and
// brings the slice up again, in a new container of today's settings. One that is younger was
// restarted already.
type Recycle struct {
	river.WorkerDefaults[RecycleArgs]
	BringUp
}

// NextRetry tries again soon: a user is waiting.
func (w *Recycle) NextRetry(job *river.Job[RecycleArgs]) time.Time { return soon(job.Attempt) }

// Work restarts the slice.
func (w *Recycle) Work(ctx context.Context, job *river.Job[RecycleArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.RecycleAt == nil || slice.Status != "available" && slice.Status != "assigned" {
			return nil
		}
		err := w.restart(ctx, slice)
		var fatal *FatalError
		var snooze *river.JobSnoozeError
		switch {
		case errors.As(err, &snooze):
			return err
		case errors.As(err, &fatal):
			return river.JobCancel(fmt.Errorf("recycle slice %d: %w", slice.ID, err))
		case err != nil:
			return fmt.Errorf("recycle slice %d: %w", slice.ID, err)
		}
		if _, err := store.New(w.Pool).FinishRecycle(ctx, store.FinishRecycleParams{ID: slice.ID, RecycleAt: slice.RecycleAt, Version: slice.Version}); err != nil {
			return fmt.Errorf("recycle slice %d: %w", slice.ID, err)
		}
		return nil
	})
}

func (w *Recycle) restart(ctx context.Context, slice store.Slice) error {
	running, up, err := w.Hands.Containers.Find(ctx, slice.ID)
	if err != nil {
		return fmt.Errorf("find container: %w", err)
	}
	if up && (running.StartedAt.Before(*slice.RecycleAt) || running.Image != slice.Image) {
		if err := w.Hands.Containers.Remove(ctx, slice.ID); err != nil {
			return fmt.Errorf("stop container: %w", err)
		}
	}
	return w.run(ctx, slice)
}
