package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// MeasureArgs asks for what a server's slices have on disk to be read; `sample` reads the rest.
type MeasureArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (MeasureArgs) Kind() string { return "measure" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a MeasureArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// Measure writes into each slice's row how much disk it has. A slice that could not be measured keeps
// what was measured last.
type Measure struct {
	river.WorkerDefaults[MeasureArgs]
	Pool  *pgxpool.Pool
	Hands Hands
}

// Work reads all, and writes in one statement.
func (w *Measure) Work(ctx context.Context, job *river.Job[MeasureArgs]) error {
	rows, err := store.New(w.Pool).SlicesOfServer(ctx, job.Args.Server)
	if err != nil {
		return fmt.Errorf("measure %s: %w", job.Args.Server, err)
	}
	used, failures := store.NoteStorageParams{}, []error(nil)
	for _, row := range rows {
		storage, err := w.Hands.Directories.Size(ctx, row.ID)
		if err != nil {
			failures = append(failures, fmt.Errorf("directories of slice %d: %w", row.ID, err))
			continue
		}
		used.Ids, used.Storages = append(used.Ids, row.ID), append(used.Storages, storage)
	}
	if err := store.New(w.Pool).NoteStorage(ctx, used); err != nil {
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("measure %s: %w", job.Args.Server, err)
	}
	return nil
}
