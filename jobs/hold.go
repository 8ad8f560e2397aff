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

// errLockLost is why the context of a job ends whose slice may be another's by now.
var errLockLost = errors.New("the lock of the slice is lost: the connection to Postgres has ended")

// withSlice runs do while no other job, of this runner or another, works on the same slice.
// A slice that is taken makes the job snooze.
func withSlice(ctx context.Context, pool *pgxpool.Pool, slice int64, do func(context.Context, store.Slice) error) error {
	free, err := ifFree(ctx, pool, slice, do)
	if err == nil && !free {
		return river.JobSnooze(time.Second)
	}
	return err
}

// ifFree runs do with the slice's row unless another job works on it, and tells whether it did.
//
// Two things keep two jobs from having an effect on one slice. The lock is Postgres's, on a
// connection of its own: a killed runner lets go of it at once, and a job whose connection ends has
// its context cancelled. And the row's version, which each holder moves on, must still be the
// holder's in whatever it writes.
func ifFree(ctx context.Context, pool *pgxpool.Pool, slice int64, do func(context.Context, store.Slice) error) (free bool, err error) {
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
	row, err := queries.TakeSlice(ctx, slice)
	if err != nil {
		return true, fmt.Errorf("take slice %d: %w", slice, err)
	}
	held, watched := watch(ctx, conn.Conn())
	err = do(held, row)
	if watched(); errors.Is(context.Cause(held), errLockLost) {
		err = errors.Join(err, errLockLost)
	}
	return true, err
}

// watch gives a context that ends with a connection on which nothing else is asked meanwhile.
// What it also returns must be called before the connection is used again.
func watch(ctx context.Context, conn *pgx.Conn) (held context.Context, stop func()) {
	held, lose := context.WithCancelCause(ctx)
	looking, stopLooking := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for looking.Err() == nil {
			// Nothing is listened to: this returns when the connection or the looking ends.
			if _, err := conn.WaitForNotification(looking); err != nil && looking.Err() == nil {
				lose(errLockLost)
				return
			}
		}
	}()
	return held, func() {
		stopLooking()
		<-ended
		lose(nil) // lets the context's parent forget it
	}
}

// unless makes a job look at its slice again whose write found another version or status.
func unless(changed int64, err error) error {
	if err == nil && changed == 0 {
		return river.JobSnooze(time.Second)
	}
	return err
}
