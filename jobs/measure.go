package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// MeasureArgs asks for what a server's slices use to be read.
type MeasureArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (MeasureArgs) Kind() string { return "measure" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a MeasureArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// Measure writes into each slice's row how much memory, swap and disk it has. A slice that could
// not be measured keeps what was measured last.
type Measure struct {
	river.WorkerDefaults[MeasureArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Clock Clock
}

// Work reads all, and writes in one statement.
func (w *Measure) Work(ctx context.Context, job *river.Job[MeasureArgs]) error {
	containers, err := w.Hands.Containers.Each(ctx)
	if err != nil {
		return fmt.Errorf("measure %s: list containers: %w", job.Args.Server, err)
	}
	rows, err := store.New(w.Pool).SlicesOfServer(ctx, job.Args.Server)
	if err != nil {
		return fmt.Errorf("measure %s: %w", job.Args.Server, err)
	}
	running := map[int64]Container{}
	for _, container := range containers {
		if container.Running {
			running[container.Slice] = container
		}
	}
	used, failures := store.NoteUsageParams{Now: w.Clock()}, []error(nil)
	for _, row := range rows {
		var memory, swap int64
		if container, ok := running[row.ID]; ok {
			if memory, swap, err = w.Hands.Memory.Used(container); err != nil {
				failures = append(failures, fmt.Errorf("memory of slice %d: %w", row.ID, err))
				continue
			}
		}
		storage, err := w.Hands.Directories.Size(ctx, row.ID)
		if err != nil {
			failures = append(failures, fmt.Errorf("directories of slice %d: %w", row.ID, err))
			storage = -1
		}
		used.Ids, used.Memories = append(used.Ids, row.ID), append(used.Memories, memory)
		used.Swaps, used.Storages = append(used.Swaps, swap), append(used.Storages, storage)
	}
	if err := store.New(w.Pool).NoteUsage(ctx, used); err != nil {
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("measure %s: %w", job.Args.Server, err)
	}
	return nil
}
