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

// StartArgs asks for the container of an `available` or `assigned` slice to run.
type StartArgs struct {
	Server string    `json:"server"`
	Slice  int64     `json:"slice"`
	Asked  time.Time `json:"asked,omitzero"` // of an order, see Give
	Boot   bool      `json:"boot,omitzero"`  // of a runner that starts: what ended meanwhile has not crashed
}

// Kind names the job.
func (StartArgs) Kind() string { return "start" }

// InsertOpts sends the job to its server, once for each slice. Many attempts, for an engine that is
// away; a slice that ends by itself is another matter, which `reconcile` paces.
func (a StartArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 20, UniqueOpts: onceEach}
}

// Start brings back a slice that should run and does not, after the server or its engine
// was restarted. A slice that runs is only asked whether it answers.
type Start struct {
	river.WorkerDefaults[StartArgs]
	BringUp
}

// NextRetry tries again soon: a user may be waiting.
func (w *Start) NextRetry(job *river.Job[StartArgs]) time.Time { return soon(job.Attempt) }

// Work starts the slice.
func (w *Start) Work(ctx context.Context, job *river.Job[StartArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.Status != "available" && slice.Status != "assigned" {
			return nil
		}
		if slice.StartAt != nil && w.Clock().Before(*slice.StartAt) {
			return nil // it has crashed: reconcile asks when its pause is over
		}
		if crashed, err := w.crashed(ctx, slice, job.Args); err != nil || crashed {
			return err // reconcile counts it, and asks when its pause is over
		}
		err := w.run(ctx, slice)
		var fatal *FatalError
		var ended *endedError
		switch {
		case errors.As(err, &fatal), errors.As(err, &ended): // reconcile counts the crash, and asks again after a pause
			return river.JobCancel(fmt.Errorf("start slice %d: %w", slice.ID, err))
		case err != nil:
			return fmt.Errorf("start slice %d: %w", slice.ID, err)
		default:
			return nil
		}
	})
}

// crashed tells whether the slice's container has ended in a way that was not counted yet.
func (w *Start) crashed(ctx context.Context, slice store.Slice, args StartArgs) (bool, error) {
	if args.Boot {
		return false, nil
	}
	container, there, err := w.Hands.Containers.Look(ctx, slice.ID)
	if err != nil {
		return false, fmt.Errorf("start slice %d: %w", slice.ID, err)
	}
	return there && !container.Running && uncounted(slice, container.EndedAt), nil
}

// EnqueueStarts asks for every slice of a server that should run: the runner calls it when
// it starts, since `reconcile` would take a server that was restarted for as many crashes.
func EnqueueStarts(ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], server string) error {
	slices, err := store.New(pool).SlicesInStatus(ctx, store.SlicesInStatusParams{
		Server: server, Statuses: []string{"available", "assigned"},
	})
	if err != nil {
		return fmt.Errorf("enqueue starts: %w", err)
	}
	if len(slices) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(slices))
	for i, slice := range slices {
		params[i] = river.InsertManyParams{Args: StartArgs{Server: server, Slice: slice.ID, Boot: true}}
	}
	if _, err := client.InsertMany(ctx, params); err != nil {
		return fmt.Errorf("enqueue starts: %w", err)
	}
	return nil
}
