package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// RollUpArgs asks for the telemetry of all servers to be summed up.
type RollUpArgs struct{}

// Kind names the job.
func (RollUpArgs) Kind() string { return "roll_up" }

// InsertOpts keeps one unfinished roll-up; one that fails is repeated by the next.
func (RollUpArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// RollUp writes the bins of five minutes and of an hour that may have changed since it last did. It
// begins where it was, however long ago that is, and what it writes twice is the same.
type RollUp struct {
	river.WorkerDefaults[RollUpArgs]
	Pool  *pgxpool.Pool
	Clock Clock
}

const (
	lateBy     = 10 * time.Minute // a sample is in the database at most so long after its time
	rollUpDays = 24 * time.Hour   // in one transaction
)

// rolled is one of the two widths of bins.
type rolled struct {
	name  string
	width time.Duration
	first func(*store.Queries, context.Context) (time.Time, error) // of what it is made of
	write func(ctx context.Context, queries *store.Queries, since, until time.Time) error
}

var rolledUp = []rolled{
	{"telemetry_5m", 5 * time.Minute, (*store.Queries).FirstTelemetry, func(ctx context.Context, queries *store.Queries, since, until time.Time) error {
		if err := queries.RollUpSlices(ctx, store.RollUpSlicesParams{Since: since, Before: since.Add(-lateBy), Until: until}); err != nil {
			return err
		}
		return queries.RollUpServers(ctx, store.RollUpServersParams{Since: since, Until: until})
	}},
	{"telemetry_1h", time.Hour, (*store.Queries).FirstBin, func(ctx context.Context, queries *store.Queries, since, until time.Time) error {
		if err := queries.RollUpSliceHours(ctx, store.RollUpSliceHoursParams{Since: since, Until: until}); err != nil {
			return err
		}
		return queries.RollUpServerHours(ctx, store.RollUpServerHoursParams{Since: since, Until: until})
	}},
}

// Work sums up to now.
func (w *RollUp) Work(ctx context.Context, _ *river.Job[RollUpArgs]) error {
	return RollUpTo(ctx, w.Pool, w.Clock())
}

// RollUpTo brings all bins up to a time; those that hold it are unfinished, and written again by the next.
func RollUpTo(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	for _, bins := range rolledUp {
		for more := true; more; {
			err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
				more, err = bins.step(ctx, store.New(tx), now)
				return err
			})
			if err != nil {
				return fmt.Errorf("roll up %s: %w", bins.name, err)
			}
		}
	}
	return nil
}

// step writes one day's bins at most.
func (r rolled) step(ctx context.Context, queries *store.Queries, now time.Time) (more bool, err error) {
	if err := queries.LockRollUp(ctx, r.name); err != nil {
		return false, err
	}
	from, err := queries.RolledUpTo(ctx, r.name)
	switch {
	case store.IsNone(err):
		if from, err = r.first(queries, ctx); store.IsNone(err) {
			return false, nil
		}
	case err == nil:
		from = from.Add(-lateBy)
	}
	if err != nil {
		return false, err
	}
	// Go truncates from its zero time, which is on an hour in UTC as the bins are.
	since := from.Truncate(r.width)
	until := since.Add(rollUpDays)
	if more = until.Before(now); !more {
		until = now
	}
	if !since.Before(until) {
		return false, nil
	}
	if err := r.write(ctx, queries, since, until); err != nil {
		return false, err
	}
	return more, queries.SetRolledUp(ctx, store.SetRolledUpParams{Name: r.name, UpTo: until})
}
