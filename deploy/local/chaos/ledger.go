package chaos

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs"
)

// ledger gives orders as an operator does, whose are not undone by what is paid, and remembers the last of each slice.
type ledger struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]

	mu   sync.Mutex
	last map[int64]order
}

// give has a slice told something in one transaction. An error that is no refusal leaves unknown
// whether it was.
func (l *ledger) give(ctx context.Context, slice int64, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	now := time.Now()
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		return jobs.Give(ctx, tx, l.client, jobs.Order(name), slice, "operator", now)
	})
	if errors.Is(err, jobs.ErrRefused) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[slice] = order{name: name, at: now, sure: err == nil}
	return err
}

func (l *ledger) orders() map[int64]order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.last)
}
