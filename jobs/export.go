package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// ExportQueue is the queue of a server's exports: one is made at a time, so that they leave the disk to the slices.
func ExportQueue(server string) string { return "export-" + server }

// ExportArgs asks for the file of a row of gateway.exports to be made.
type ExportArgs struct {
	Server string `json:"server"`
	Export int64  `json:"export"`
}

// Kind names the job.
func (ExportArgs) Kind() string { return "export" }

// InsertOpts sends the job to its server, once for each export.
func (a ExportArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ExportQueue(a.Server), MaxAttempts: exportAttempts, UniqueOpts: onceEach}
}

const (
	exportAttempts = 6
	exportWithin   = 12 * time.Hour     // one run
	exportLate     = 24 * time.Hour     // a slice that could not be asked for so long is not waited for
	exportLife     = 7 * 24 * time.Hour // of the file
	// A slice that sends nothing for so long sends nothing more. A large file that is not compressed takes
	// no time at all, and thousands of rows take less.
	exportSilence = 2 * time.Minute
	// What a slice has besides its media: it is not trusted to end.
	exportBesides = 4 << 30
)

// What users read of an export that failed.
const (
	exportGone    = "Your workspace was deleted before the copy was made."
	exportNoRoom  = "The server has no room for a copy just now. Try again in a few hours, and write to us if that does not help."
	exportBroken  = "The copy could not be made. Try again in a while, and write to us if that does not help."
	exportTooLate = "Your workspace could not be reached for a day, so no copy was made. Try again once it works."
)

// Export makes the file of an export: of a slice that runs it asks the slice, beside its use; of one that rests,
// its image. A run that is cut off leaves nothing, and the next begins anew.
type Export struct {
	river.WorkerDefaults[ExportArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Quota int64 // of media, in bytes, beside what is bought
	Clock Clock
	// After gives the time at which a slice has been silent for too long; nil is time.After.
	After func(time.Duration) <-chan time.Time
}

// Timeout lets a large one take its time. One whose runner is killed is taken over by the server's next.
func (w *Export) Timeout(*river.Job[ExportArgs]) time.Duration { return exportWithin }

// NextRetry tries again soon: its user may be waiting.
func (w *Export) NextRetry(job *river.Job[ExportArgs]) time.Time { return soon(job.Attempt) }

// Work makes it, or says in its row why it cannot be made.
func (w *Export) Work(ctx context.Context, job *river.Job[ExportArgs]) error {
	queries := store.New(w.Pool)
	row, err := queries.ExportByID(ctx, job.Args.Export)
	if err != nil && !store.IsNone(err) {
		return fmt.Errorf("export %d: %w", job.Args.Export, err)
	}
	if err != nil || row.UserID == nil || row.Status != "waiting" && row.Status != "running" {
		return nil // it is done, or nobody wants it any more: tend_exports clears up
	}
	slice, err := queries.SliceByUser(ctx, *row.UserID)
	switch {
	case store.IsNone(err):
		return w.fail(ctx, row, exportGone, errors.New("its slice is gone"))
	case err != nil:
		return fmt.Errorf("export %d: %w", row.ID, err)
	case slice.Status == "destroying" || slice.Server != row.Server:
		return w.fail(ctx, row, exportGone, fmt.Errorf("its slice is %s on server %s", slice.Status, slice.Server))
	}
	err = w.make(ctx, row, slice.ID)
	var snooze *river.JobSnoozeError
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, errUnwanted):
		return nil
	case errors.As(err, &snooze):
		if w.Clock().Sub(row.CreatedAt) > exportLate {
			return w.fail(ctx, row, exportTooLate, errors.New("the slice could not be asked"))
		}
		return err
	case errors.Is(err, ErrNoRoom):
		return w.fail(ctx, row, exportNoRoom, err)
	case isFatal(err), job.Attempt >= job.MaxAttempts:
		return w.fail(ctx, row, exportBroken, err)
	}
	return fmt.Errorf("export %d of slice %d: %w", row.ID, slice.ID, err)
}

// errUnwanted is an export whose row is gone, or over, while it is made.
var errUnwanted = errors.New("nobody wants it any more")

// fail tells the user why, in words, and the operator what it was.
func (w *Export) fail(ctx context.Context, row store.Export, says string, cause error) error {
	if err := w.Hands.Exports.Remove(row.ID); err != nil {
		return fmt.Errorf("export %d: %w", row.ID, err)
	}
	if _, err := store.New(w.Pool).FailExport(ctx, store.FailExportParams{ID: row.ID, Error: says}); err != nil {
		return fmt.Errorf("export %d: %w", row.ID, err)
	}
	slog.ErrorContext(ctx, "an export failed", "export", row.ID, "slice", row.SliceID, "error", cause.Error())
	return river.JobCancel(fmt.Errorf("export %d: %w", row.ID, cause))
}

// finish makes a file that is whole one that can be had.
func (w *Export) finish(ctx context.Context, row store.Export, bytes int64) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		expires := now.Add(exportLife)
		changed, err := queries.FinishExport(ctx, store.FinishExportParams{ID: row.ID, UserID: *row.UserID, Bytes: bytes, Now: now, ExpiresAt: expires})
		if err != nil {
			return err
		}
		if changed == 0 {
			return errUnwanted
		}
		if err := queries.ReplaceExports(ctx, store.ReplaceExportsParams{UserID: *row.UserID, ID: row.ID, Now: now}); err != nil {
			return err
		}
		if err := oweExportMail(ctx, tx, row, now, expires); err != nil {
			return err
		}
		return enqueue(ctx, tx, TendExportsArgs{Server: row.Server, Asked: now})
	})
}

func oweExportMail(ctx context.Context, tx pgx.Tx, row store.Export, now, expires time.Time) error {
	email, err := store.New(tx).OweEmailOnce(ctx, store.OweEmailOnceParams{
		UserID: *row.UserID, Kind: "export_ready", Once: fmt.Sprintf("export:%d", row.ID), Detail: []byte(fmt.Sprintf(`{"at": %q}`, expires.UTC().Format(time.RFC3339))), Now: now,
	})
	if store.IsNone(err) {
		return nil // they have been told
	}
	if err != nil {
		return fmt.Errorf("owe a mail: %w", err)
	}
	return enqueue(ctx, tx, SendEmailArgs{Email: email})
}
