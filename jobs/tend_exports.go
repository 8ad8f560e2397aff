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

// TendExportsArgs asks for the files of a server's exports to be held against its rows.
type TendExportsArgs struct {
	Server string    `json:"server"`
	Asked  time.Time `json:"asked,omitzero"` // beside the regular ones: one that is just finishing may have looked before
}

// Kind names the job.
func (TendExportsArgs) Kind() string { return "tend_exports" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a TendExportsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 3, UniqueOpts: onceEach}
}

// TendExports deletes the files of exports that are over, have failed or have no user any more, and files of
// which no row knows; and sees that what is to be made has a job.
type TendExports struct {
	river.WorkerDefaults[TendExportsArgs]
	Pool  *pgxpool.Pool
	Files ExportFiles
	Clock Clock
}

// Rows of exports whose files are gone stay for so long, to tell their users.
const exportsKept = 90 * 24 * time.Hour

// Work compares and deletes.
func (w *TendExports) Work(ctx context.Context, job *river.Job[TendExportsArgs]) error {
	if err := w.tend(ctx, job.Args.Server); err != nil {
		return fmt.Errorf("tend the exports of %s: %w", job.Args.Server, err)
	}
	return nil
}

func (w *TendExports) tend(ctx context.Context, server string) error {
	files, err := w.Files.Each()
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	// After the files: a row is always there before its file.
	queries, now := store.New(w.Pool), w.Clock()
	rows, err := queries.ExportsOfServer(ctx, server)
	if err != nil {
		return err
	}
	kept := map[int64]bool{}
	var failures []error
	for _, row := range rows {
		over := row.Status == "ready" && !row.ExpiresAt.After(now)
		switch {
		case row.UserID == nil || over:
			failures = append(failures, w.end(ctx, queries, row.ID))
		case row.Status == "waiting" || row.Status == "running":
			failures = append(failures, pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
				return enqueue(ctx, tx, ExportArgs{Server: server, Export: row.ID})
			}))
			fallthrough
		case row.Status == "ready":
			kept[row.ID] = true
		}
	}
	for _, export := range files {
		if !kept[export] {
			failures = append(failures, w.Files.Remove(export))
		}
	}
	failures = append(failures, queries.DropOldExports(ctx, store.DropOldExportsParams{Server: server, Before: now.Add(-exportsKept)}))
	return errors.Join(failures...)
}

// end deletes the file first: as long as the row says that there is one, it is looked for.
func (w *TendExports) end(ctx context.Context, queries *store.Queries, export int64) error {
	if err := w.Files.Remove(export); err != nil {
		return err
	}
	return queries.EndExport(ctx, export)
}
