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
}

// Kind names the job.
func (StartArgs) Kind() string { return "start" }

// InsertOpts sends the job to its server, once for each slice. Few attempts: `reconcile` asks again, at
// the pace that it knows from the slice's crashes.
func (a StartArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 3, UniqueOpts: onceEach}
}

// Start brings back a slice that should run and does not, after the server or its engine
// was restarted. A slice that runs is only asked whether it answers.
type Start struct {
	river.WorkerDefaults[StartArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Ports []int
	Clock Clock
}

// NextRetry tries again soon: a user may be waiting.
func (w *Start) NextRetry(job *river.Job[StartArgs]) time.Time { return soon(job.Attempt) }

// Work starts the slice.
func (w *Start) Work(ctx context.Context, job *river.Job[StartArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func() error {
		slice, err := store.New(w.Pool).SliceByID(ctx, job.Args.Slice)
		if err != nil {
			return fmt.Errorf("start slice %d: %w", job.Args.Slice, err)
		}
		if slice.Status != "available" && slice.Status != "assigned" {
			return nil
		}
		if slice.StartAt != nil && w.Clock().Before(*slice.StartAt) {
			return nil // it has crashed: reconcile asks when its pause is over
		}
		err = bringUp{w.Pool, w.Hands, w.Ports, w.Clock}.run(ctx, slice)
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

// EnqueueStanding asks for what the statuses of a server's slices stand for: those that should
// run are started, suspended ones stopped. The runner calls it when it starts.
func EnqueueStanding(ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], server string) error {
	var params []river.InsertManyParams
	for _, one := range []struct {
		statuses []string
		job      func(slice int64) river.JobArgs
	}{
		{[]string{"available", "assigned"}, func(slice int64) river.JobArgs { return StartArgs{Server: server, Slice: slice} }},
		{[]string{"suspended"}, func(slice int64) river.JobArgs { return StopArgs{Server: server, Slice: slice} }},
	} {
		slices, err := store.New(pool).SlicesInStatus(ctx, store.SlicesInStatusParams{Server: server, Statuses: one.statuses})
		if err != nil {
			return fmt.Errorf("enqueue what stands: %w", err)
		}
		for _, slice := range slices {
			params = append(params, river.InsertManyParams{Args: one.job(slice)})
		}
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := client.InsertMany(ctx, params); err != nil {
		return fmt.Errorf("enqueue what stands: %w", err)
	}
	return nil
}
