// Package jobs holds the work that changes the world: one file per River job, its args beside
// its worker, and the small interfaces of what a worker needs from its server. Every worker
// compares what should be (the row) with what is (Docker, Postgres, disk) and closes the
// difference, so it can be run twice, or again after a crash at any line.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Clock tells the time where a rule depends on it.
type Clock func() time.Time

// ServerQueue is the River queue that the runner of one server works.
func ServerQueue(server string) string { return "server-" + server }

// unfinished are the states in which a job still counts as the one that is wanted.
// River's default also counts completed ones, which would forbid a job for a day.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateScheduled, rivertype.JobStateRetryable,
}

// onceEach allows one unfinished job for each set of args.
var onceEach = river.UniqueOpts{ByArgs: true, ByState: unfinished}

// FatalError is a failure that a repetition cannot mend; anything else is tried again.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }
func (e *FatalError) Unwrap() error { return e.Err }

func isFatal(err error) bool {
	var fatal *FatalError
	return errors.As(err, &fatal)
}

// SliceError is a failure of the slice itself: its image, or what it does when it starts. Others are
// of its server (the engine, Postgres or the disk do not do their part), and pass with it.
type SliceError struct{ Err error }

func (e *SliceError) Error() string { return e.Err.Error() }
func (e *SliceError) Unwrap() error { return e.Err }

// soon is the retry policy of work that a user may be waiting for: 1, 2, 4, ... at most 30 s.
func soon(attempt int) time.Time {
	return time.Now().Add(min(30*time.Second, time.Second<<min(attempt-1, 10)))
}

// doubled is the pause after the nth failure in a row: first, twice that after the second, ... at most longest.
func doubled(first time.Duration, nth int, longest time.Duration) time.Duration {
	return min(longest, first<<min(nth-1, 16))
}

// enqueue inserts a job in the transaction that makes it necessary.
func enqueue(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	if _, err := client.InsertTx(ctx, tx, args, nil); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}
