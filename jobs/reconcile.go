package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
// is stopped; one that is published on another port than its row's is made anew; one that no row
// knows is removed, without the data that it was for. Nothing restarts containers but this: the
// engine's own policy is `no`.
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
	stuckAfter    = time.Hour        // in a status that should pass

	// A slice that has crashed so often within so long stays down until somebody acts.
	crashesAllowed = 6
	crashesWithin  = time.Hour
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
		_, err := ifFree(ctx, w.Pool, row.ID, func(ctx context.Context, now store.Slice) error {
			return w.mend(ctx, row, now, container, there)
		})
		failures = append(failures, err)
	}
	for slice := range has {
		failures = append(failures, w.removeUnknown(ctx, slice))
	}
	failures = append(failures, w.tellOfStuck(ctx, rows))
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("reconcile %s: %w", job.Args.Server, err)
	}
	return nil
}

// needsNothing is true of nearly all slices at nearly all times.
func needsNothing(row store.Slice, container Container, now time.Time) bool {
	switch row.Status {
	case "available", "assigned":
		return container.Running && onItsPort(row, container) && (row.Crashes == 0 || now.Sub(container.StartedAt) < healthyWithin)
	case "suspended", "failed":
		return !container.Running
	default: // their jobs are seen to by fill_pool
		return true
	}
}

func onItsPort(row store.Slice, container Container) bool {
	return row.Port != nil && int(*row.Port) == container.Port
}

// mend has the slice's lock and its row. What was seen before that may be over.
func (w *Reconcile) mend(ctx context.Context, seen, row store.Slice, container Container, there bool) error {
	if row.Status != seen.Status {
		return nil // the next run sees what that comes to
	}
	if _, up, err := w.Hands.Containers.Find(ctx, row.ID); err != nil || up != container.Running {
		return err
	}
	switch {
	case row.Status == "suspended" || row.Status == "failed":
		return w.ask(ctx, StopArgs{Server: row.Server, Slice: row.ID})
	case container.Running && !onItsPort(row, container):
		return w.putOnItsPort(ctx, row, container)
	case container.Running:
		return store.New(w.Pool).ForgetCrashes(ctx, store.ForgetCrashesParams{ID: row.ID, Version: row.Version})
	case row.RecycleAt != nil:
		return w.ask(ctx, RecycleArgs{Server: row.Server, Slice: row.ID})
	case there && uncounted(row, container.EndedAt):
		return w.noteCrash(ctx, row, container)
	case row.StartAt != nil && w.Clock().Before(*row.StartAt):
		return nil
	default:
		return w.ask(ctx, StartArgs{Server: row.Server, Slice: row.ID})
	}
}

// putOnItsPort has a container made anew that nginx cannot find, or finds where another slice should be.
func (w *Reconcile) putOnItsPort(ctx context.Context, row store.Slice, container Container) error {
	if row.RecycleAt == nil { // else it is being restarted already
		slog.ErrorContext(ctx, "a slice's container is not on its port; it is restarted there", "slice", row.ID, "container", container.Port)
		now := w.Clock()
		if err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
			queries := store.New(tx)
			_, err := queries.AskRecycle(ctx, store.AskRecycleParams{ID: row.ID, FromStatuses: []string{row.Status}, Now: now})
			if err != nil {
				return err
			}
			return queries.RecordSlice(ctx, "job:reconcile", "slice.recycle", row.ID, map[string]any{"port": container.Port})
		}); err != nil {
			return err
		}
	}
	return w.ask(ctx, RecycleArgs{Server: row.Server, Slice: row.ID})
}

// uncounted tells whether a container's end is one that noteCrash has not seen.
func uncounted(row store.Slice, ended time.Time) bool {
	return !ended.IsZero() && (row.CrashedAt == nil || ended.After(*row.CrashedAt))
}

// noteCrash counts an end that nobody asked for, once, and sets when the slice is started again,
// or that it is not.
func (w *Reconcile) noteCrash(ctx context.Context, row store.Slice, container Container) error {
	// Postgres keeps microseconds; what is compared with it must not be later by less than that.
	ended := container.EndedAt.Add(time.Microsecond).Truncate(time.Microsecond)
	crashes := int(row.Crashes) + 1
	start := w.Clock().Add(doubled(w.FirstPause, crashes, longestPause))
	times, tooOften := lately(row.CrashTimes, ended)
	slog.WarnContext(ctx, "a slice's container has ended", "slice", row.ID, "exit", container.ExitCode, "crashes", crashes,
		"start_at", start, "too_often", tooOften, "last_words", w.Hands.Containers.LastWords(ctx, row.ID))
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err := queries.NoteCrash(ctx, store.NoteCrashParams{
			ID: row.ID, Version: row.Version, Crashes: int32(crashes), CrashedAt: &ended, CrashTimes: times, StartAt: &start,
		})
		if err != nil || changed == 0 {
			return err
		}
		if err := queries.RecordSlice(ctx, "job:reconcile", "slice.crash", row.ID, map[string]any{"exit": container.ExitCode, "crashes": crashes}); err != nil || !tooOften {
			return err
		}
		return w.fail(ctx, tx, row)
	})
}

// lately adds a crash to those before it, and tells whether that makes too many.
func lately(times []time.Time, ended time.Time) ([]time.Time, bool) {
	times = append(slices.Clone(times), ended)
	times = times[max(0, len(times)-crashesAllowed):]
	return times, len(times) == crashesAllowed && ended.Sub(times[0]) <= crashesWithin
}

// fail leaves a slice down. One of the pool is replaced; one with a user waits for a person.
func (w *Reconcile) fail(ctx context.Context, tx pgx.Tx, row store.Slice) error {
	queries := store.New(tx)
	changed, err := queries.MarkFailed(ctx, store.MarkFailedParams{ID: row.ID, Status: row.Status, Version: row.Version})
	if err != nil || changed == 0 {
		return err
	}
	if err := queries.RecordSlice(ctx, "job:reconcile", "slice.fail", row.ID, nil); err != nil {
		return err
	}
	if row.UserID == nil {
		return enqueue(ctx, tx, ReleaseArgs{Server: row.Server, Slice: row.ID})
	}
	return openAlert(ctx, queries, Alert{
		Kind: alertSliceFailed, Subject: subjectSlice(row.ID), Severity: "critical",
		Detail: fmt.Sprintf("Slice %d crashed %d times within an hour and stays down, with its user's data. Look at the runner's log for its last words, then: runner slice resume %d", row.ID, crashesAllowed, row.ID),
	}, w.Clock())
}

// tellOfStuck opens an alert for each slice whose job does not get done, and closes it when it was.
func (w *Reconcile) tellOfStuck(ctx context.Context, rows []store.Slice) error {
	now, here := w.Clock(), map[string]bool{}
	var stuck []Alert
	for _, row := range rows {
		here[subjectSlice(row.ID)] = true
		if (row.Status == "destroying" || row.Status == "provisioning") && now.Sub(row.StatusAt) > stuckAfter {
			stuck = append(stuck, Alert{
				Kind: alertSliceStuck, Subject: subjectSlice(row.ID), Severity: "warning",
				Detail: fmt.Sprintf("Slice %d has been %s since %s. Its job says why in river.river_job; it goes on trying.", row.ID, row.Status, row.StatusAt.UTC().Format("2006-01-02 15:04 UTC")),
			})
		}
	}
	return settleAlerts(ctx, store.New(w.Pool), alertSliceStuck, stuck, func(subject string) bool { return here[subject] }, now)
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
