package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
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
	BringUp
	FirstPause time.Duration // after a slice could not be made; doubles with each further one
}

// NextRetry tries again soon: a user may be waiting.
func (w *Provision) NextRetry(job *river.Job[ProvisionArgs]) time.Time { return soon(job.Attempt) }

// Work makes the slice.
func (w *Provision) Work(ctx context.Context, job *river.Job[ProvisionArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		if slice.Status != "provisioning" || slice.MovedFrom != nil {
			return nil // done by an earlier run, or `move` has it
		}
		err := w.run(ctx, slice)
		var snooze *river.JobSnoozeError
		switch {
		case err == nil:
			return w.finish(ctx, slice)
		case errors.As(err, &snooze):
			return err
		case givesUp(job.Attempt, err) && ctx.Err() == nil:
			return errors.Join(w.giveUp(ctx, slice, err), river.JobCancel(fmt.Errorf("provision slice %d: %w", slice.ID, err)))
		default:
			return fmt.Errorf("provision slice %d: %w", slice.ID, err)
		}
	})
}

// givesUp says that a slice is not to be had: not for want of an engine, of Postgres or of a disk,
// whose outage would turn every slice on its way into a failed one and stop the pool for minutes.
func givesUp(attempt int, err error) bool {
	var own *SliceError
	return isFatal(err) || errors.As(err, &own) && attempt >= provisionAttempts
}

func (w *Provision) finish(ctx context.Context, slice store.Slice) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		// Ahead of the server's row, which fill_pool writes while it holds this.
		if err := queries.LockPlaces(ctx); err != nil {
			return fmt.Errorf("finish slice %d: %w", slice.ID, err)
		}
		if err := unless(queries.MakeAvailable(ctx, store.MakeAvailableParams{ID: slice.ID, Version: slice.Version, Now: now})); err != nil {
			return fmt.Errorf("finish slice %d: %w", slice.ID, err)
		}
		if err := queries.ForgetPoolFailures(ctx, slice.Server); err != nil {
			return fmt.Errorf("finish slice %d: %w", slice.ID, err)
		}
		if err := closeAlert(ctx, queries, alertPoolFailing, subjectServer(slice.Server), now); err != nil {
			return err
		}
		if err := queries.RecordSlice(ctx, "job:provision", "slice.provision", slice.ID, nil); err != nil {
			return err
		}
		matched, err := store.Match(ctx, tx, "job:provision", now)
		if err != nil {
			return err
		}
		if len(matched) > 0 {
			return enqueue(ctx, tx, FillPoolArgs{Server: slice.Server})
		}
		return nil
	})
}

const longestPoolPause = time.Hour

// giveUp lets the slice go, and the pool wait before it orders another: an image that cannot
// start must not be tried in a loop.
func (w *Provision) giveUp(ctx context.Context, slice store.Slice, cause error) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		if err := queries.LockPool(ctx, slice.Server); err != nil {
			return err
		}
		changed, err := queries.MarkFailed(ctx, store.MarkFailedParams{ID: slice.ID, Status: slice.Status, Version: slice.Version})
		if err != nil || changed == 0 {
			return err
		}
		if err := queries.RecordSlice(ctx, "job:provision", "slice.fail", slice.ID, nil); err != nil {
			return err
		}
		server, err := queries.ServerByName(ctx, slice.Server)
		if err != nil {
			return err
		}
		failures := server.PoolFailures + 1
		pause := doubled(w.FirstPause, int(failures), longestPoolPause)
		if err := queries.NotePoolFailure(ctx, store.NotePoolFailureParams{Name: slice.Server, Failures: failures, RetryAt: now.Add(pause)}); err != nil {
			return err
		}
		if err := openAlert(ctx, queries, Alert{
			Kind: alertPoolFailing, Subject: subjectServer(slice.Server), Severity: "critical",
			Detail: fmt.Sprintf("New slices of %s cannot be made, %d in a row; the next is tried in %s. %s", slice.Image, failures, pause, firstLine(cause)),
		}, now); err != nil {
			return err
		}
		if err := enqueue(ctx, tx, ReleaseArgs{Server: slice.Server, Slice: slice.ID}); err != nil {
			return err
		}
		return enqueue(ctx, tx, FillPoolArgs{Server: slice.Server})
	})
}

// firstLine is a cause without what a container wrote below it: an alert is one sentence.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
