package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/migrations"
	"slicegate/store"
)

// A runner that was killed leaves its lock when Postgres sees its connection end; a starting one
// waits that long for it.
const lockWithin = 10 * time.Second

// lease is the right to be the one runner of a server: a lock in Postgres on a connection of its
// own, which goes when the runner does, in whatever way.
type lease struct {
	pool   *pgxpool.Pool
	server string

	conn    *pgx.Conn
	unwatch func() // ends the wait on conn; nil before keep
}

// takeLease waits a moment for a predecessor's end. Another runner that lives is an error.
func takeLease(ctx context.Context, pool *pgxpool.Pool, server string) (*lease, error) {
	l := &lease{pool: pool, server: server}
	patience, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	return l, l.take(patience, false)
}

// take asks until the lock is ours or ctx ends; with persist also while Postgres does not answer.
func (l *lease) take(ctx context.Context, persist bool) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	taken := false // as the last answer said
	for {
		free, err := l.try(ctx)
		switch {
		case free:
			return nil
		case err == nil:
			taken = true
		case err != nil && !persist && ctx.Err() == nil:
			return fmt.Errorf("lock server %s: %w", l.server, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if !taken {
				return fmt.Errorf("lock server %s: %w", l.server, err)
			}
			return fmt.Errorf("another runner works for server %s: stop it first, or give this one another SERVER", l.server)
		}
	}
}

func (l *lease) try(ctx context.Context) (free bool, err error) {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	if free, err = store.New(pooled).TryLockServer(ctx, l.server); err != nil || !free {
		pooled.Release()
		return false, err
	}
	l.conn = pooled.Hijack()
	return true, nil
}

// keep returns when ctx ends, without an error and with the lock held until release, or when another
// runner has the server: the lock was lost with its connection, and is taken again where nobody was
// faster.
func (l *lease) keep(ctx context.Context) error {
	for {
		select {
		case <-l.watch():
		case <-ctx.Done():
			return nil
		}
		if err := l.retake(ctx); err != nil {
			return err
		}
	}
}

// watch gives a channel that is closed when the connection ends. Nothing is ever told on it.
func (l *lease) watch() <-chan struct{} {
	conn, ended := l.conn, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		for {
			if _, err := conn.WaitForNotification(ctx); err != nil {
				return
			}
		}
	}()
	l.unwatch = func() {
		cancel()
		<-ended
	}
	return ended
}

// retake waits for Postgres as long as it takes, and for a lock that another holds a moment.
func (l *lease) retake(ctx context.Context) error {
	for {
		patience, cancel := context.WithTimeout(ctx, lockWithin)
		err := l.take(patience, true)
		cancel()
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if l.pool.Ping(ctx) == nil {
			return err
		}
	}
}

func (l *lease) release() {
	if l.unwatch != nil {
		l.unwatch()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // which gives the lock back
}

// clientID names a runner to River: its server first, so that the server's next runner knows what
// the last one left.
func clientID(server string, now time.Time) string {
	return server + ":" + now.UTC().Format("20060102T150405.000000")
}

// takeOver makes the jobs available that an earlier runner of this server was at when it was killed,
// and gives up its leadership: whoever holds the server's lease knows that it is dead. River itself
// would find the jobs after RESCUE_AFTER, and those that are unique would keep others out until then.
// The attempt does not count: the job has not failed.
func takeOver(ctx context.Context, pool *pgxpool.Pool, server string) (jobs int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE `+migrations.RiverSchema+`.river_job
			SET state = 'available', scheduled_at = now(), attempt = greatest(attempt - 1, 0),
			    errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', 'the runner ended during this attempt', 'trace', ''))
			WHERE state = 'running' AND starts_with(attempted_by[array_upper(attempted_by, 1)], $1)`, server+":")
		if err != nil {
			return err
		}
		jobs = tag.RowsAffected()
		_, err = tx.Exec(ctx, `DELETE FROM `+migrations.RiverSchema+`.river_leader WHERE starts_with(leader_id, $1)`, server+":")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take over the jobs of the last runner of %s: %w", server, err)
	}
	return jobs, nil
}
