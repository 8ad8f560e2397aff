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

// ReconcileArgs asks for a server's containers to be held against its rows.
type ReconcileArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (ReconcileArgs) Kind() string { return "reconcile" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a ReconcileArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// Reconcile sees that what should run does and what should not does not: a slice whose container
// has crashed, or was stopped or removed by somebody, is started again; that of a suspended slice
// is stopped; one that no row knows is removed, without the data that it was for. Nothing
// restarts containers but this: the engine's own policy is `no`.
type Reconcile struct {
	river.WorkerDefaults[ReconcileArgs]
	Pool       *pgxpool.Pool
	Hands      Hands
	FirstPause time.Duration // after a crash
	Clock      Clock
}

const (
	longestPause  = 5 * time.Minute
	healthyWithin = 10 * time.Minute // a slice that runs for so long has its crashes forgotten
)

// Work compares in both directions. A slice that another job works on is left to it.
func (w *Reconcile) Work(ctx context.Context, job *river.Job[ReconcileArgs]) error {
	containers, err := w.Hands.Containers.Each(ctx)
	if err != nil {
		return fmt.Errorf("reconcile %s: list containers: %w", job.Args.Server, err)
	}
	// After the containers: a row is always there before its container.
	rows, err := store.New(w.Pool).SlicesOfServer(ctx, job.Args.Server)
	if err != nil {
		return fmt.Errorf("reconcile %s: %w", job.Args.Server, err)
	}
	has := make(map[int64]Container, len(containers))
	for _, container := range containers {
		has[container.Slice] = container
	}
	var failures []error
	for _, row := range rows {
		container, there := has[row.ID]
		delete(has, row.ID)
		if needsNothing(row, container, w.Clock()) {
			continue
		}
		_, err := ifFree(ctx, w.Pool, row.ID, func() error { return w.mend(ctx, row, container, there) })
		failures = append(failures, err)
	}
	for slice := range has {
		failures = append(failures, w.removeUnknown(ctx, slice))
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("reconcile %s: %w", job.Args.Server, err)
	}
	return nil
}

// needsNothing is true of nearly all slices at nearly all times.
func needsNothing(row store.Slice, container Container, now time.Time) bool {
	switch row.Status {
	case "available", "assigned":
		return container.Running && (row.Crashes == 0 || now.Sub(container.StartedAt) < healthyWithin)
	case "suspended":
		return !container.Running
	default: // their jobs are seen to by fill_pool
		return true
	}
}

// mend has the slice's lock. What it was called with was seen before that.
func (w *Reconcile) mend(ctx context.Context, seen store.Slice, container Container, there bool) error {
	row, err := store.New(w.Pool).SliceByID(ctx, seen.ID)
	if err != nil {
		return err
	}
	if row.Status != seen.Status {
		return nil // the next run sees what that comes to
	}
	if _, up, err := w.Hands.Containers.Find(ctx, row.ID); err != nil || up != container.Running {
		return err
	}
	switch {
	case row.Status == "suspended":
		return w.ask(ctx, StopArgs{Server: row.Server, Slice: row.ID})
	case container.Running:
		return store.New(w.Pool).ForgetCrashes(ctx, row.ID)
	case row.RecycleAt != nil:
		return w.ask(ctx, RecycleArgs{Server: row.Server, Slice: row.ID})
	case there && !container.EndedAt.IsZero() && (row.CrashedAt == nil || container.EndedAt.After(*row.CrashedAt)):
		return w.noteCrash(ctx, row, container)
	case row.StartAt != nil && w.Clock().Before(*row.StartAt):
		return nil
	default:
		return w.ask(ctx, StartArgs{Server: row.Server, Slice: row.ID})
	}
}

// noteCrash counts an end that nobody asked for, once, and sets when the slice is started again.
func (w *Reconcile) noteCrash(ctx context.Context, row store.Slice, container Container) error {
	// Postgres keeps microseconds; what is compared with it must not be later by less than that.
	ended := container.EndedAt.Add(time.Microsecond).Truncate(time.Microsecond)
	crashes := int(row.Crashes) + 1
	start := w.Clock().Add(pauseAfter(crashes, w.FirstPause))
	slog.WarnContext(ctx, "a slice's container has ended; it is started again", "slice", row.ID,
		"exit", container.ExitCode, "crashes", crashes, "start_at", start, "last_words", w.Hands.Containers.LastWords(ctx, row.ID))
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err := queries.NoteCrash(ctx, store.NoteCrashParams{ID: row.ID, Crashes: int32(crashes), CrashedAt: &ended, StartAt: &start})
		if err != nil || changed == 0 {
			return err
		}
		return queries.RecordSlice(ctx, "job:reconcile", "slice.crash", row.ID, map[string]any{"exit": container.ExitCode, "crashes": crashes})
	})
}

// pauseAfter is first, doubled with each further crash, up to longestPause.
func pauseAfter(crashes int, first time.Duration) time.Duration {
	return min(longestPause, first<<min(crashes-1, 10))
}

// removeUnknown takes a container away that is nobody's. One of another server's slice is left: then
// SERVER or FLEET is set wrong, and a person has to look.
func (w *Reconcile) removeUnknown(ctx context.Context, slice int64) error {
	queries := store.New(w.Pool)
	row, err := queries.SliceByID(ctx, slice)
	switch {
	case err == nil && row.Status != "destroyed":
		slog.ErrorContext(ctx, "the container of another server's slice is here: is SERVER or FLEET set wrong?", "slice", slice, "server", row.Server)
		return nil
	case err != nil && !store.IsNone(err):
		return err
	}
	slog.ErrorContext(ctx, "a container belongs to no slice; it is removed, and what is on disk stays", "slice", slice)
	if err := w.Hands.Containers.Remove(ctx, slice); err != nil {
		return err
	}
	return queries.RecordSlice(ctx, "job:reconcile", "slice.unknown", slice, nil)
}

func (w *Reconcile) ask(ctx context.Context, args river.JobArgs) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	_, err = client.Insert(ctx, args, nil)
	return err
}
