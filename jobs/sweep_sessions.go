package jobs

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// SweepSessionsArgs asks for expired sessions to be deleted.
type SweepSessionsArgs struct{}

// Kind names the job.
func (SweepSessionsArgs) Kind() string { return "sweep_sessions" }

// InsertOpts keeps one unfinished sweep.
func (SweepSessionsArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{UniqueOpts: onceEach} }

// SweepSessions deletes sessions that have expired. They are refused without it too.
type SweepSessions struct {
	river.WorkerDefaults[SweepSessionsArgs]
	Pool  *pgxpool.Pool
	Clock Clock
}

// Work deletes them.
func (w *SweepSessions) Work(ctx context.Context, _ *river.Job[SweepSessionsArgs]) error {
	if _, err := store.New(w.Pool).DeleteExpiredSessions(ctx, w.Clock()); err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	return nil
}
