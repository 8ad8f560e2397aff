// Package jobs holds the work that changes the world: one file per River job, its args beside
// its worker, and the small interfaces of what a worker needs from its server. Every worker
// compares what should be (the row) with what is (Docker, Postgres, disk) and closes the
// difference, so it can be run twice, or again after a crash at any line.
package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"slicegate/store"
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

// SliceError is a failure of the slice itself: its image, or what it does when it starts. Others are
// of its server (the engine, Postgres or the disk do not do their part), and pass with it.
type SliceError struct{ Err error }

func (e *SliceError) Error() string { return e.Err.Error() }
func (e *SliceError) Unwrap() error { return e.Err }

// soon is the retry policy of work that a user may be waiting for: 1, 2, 4, ... at most 30 s.
func soon(attempt int) time.Time {
	return time.Now().Add(min(30*time.Second, time.Second<<min(attempt-1, 10)))
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

// withSlice runs do while no other job, of this runner or another, works on the same slice.
// A slice that is taken makes the job snooze.
func withSlice(ctx context.Context, pool *pgxpool.Pool, slice int64, do func() error) error {
	free, err := ifFree(ctx, pool, slice, do)
	if err == nil && !free {
		return river.JobSnooze(time.Second)
	}
	return err
}

// ifFree runs do unless another job works on the slice, and tells whether it did. The lock is
// Postgres's, on a connection of its own: a killed runner lets go of it at once.
func ifFree(ctx context.Context, pool *pgxpool.Pool, slice int64, do func() error) (free bool, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("lock slice %d: %w", slice, err)
	}
	defer conn.Release()
	queries := store.New(conn)
	if free, err = queries.TryLockSlice(ctx, slice); err != nil {
		return false, fmt.Errorf("lock slice %d: %w", slice, err)
	}
	if !free {
		return false, nil
	}
	defer func() {
		// Even a cancelled job gives the lock back; a connection that cannot is closed, which does.
		unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := queries.UnlockSlice(unlock, slice); err != nil {
			_ = conn.Conn().Close(unlock)
		}
	}()
	return true, do()
}
