package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// SweepSessionsArgs asks for expired sessions to be deleted, and what else of logging in is over.
type SweepSessionsArgs struct{}

// Kind names the job.
func (SweepSessionsArgs) Kind() string { return "sweep_sessions" }

// InsertOpts keeps one unfinished sweep.
func (SweepSessionsArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{UniqueOpts: onceEach} }

// What is over stays for so long: links in mails, and wrong passwords, which count for minutes.
const sweptAfter = 24 * time.Hour

// SweepSessions deletes sessions that have expired, links to set a password that are used or too old, and
// wrong passwords that count no longer. They are refused, or not counted, without it too.
type SweepSessions struct {
	river.WorkerDefaults[SweepSessionsArgs]
	Pool  *pgxpool.Pool
	Clock Clock
}

// Work deletes them.
func (w *SweepSessions) Work(ctx context.Context, _ *river.Job[SweepSessionsArgs]) error {
	queries, now := store.New(w.Pool), w.Clock()
	_, sessions := queries.DeleteExpiredSessions(ctx, now)
	_, resets := queries.DeleteOldResets(ctx, now.Add(-sweptAfter))
	_, attempts := queries.DeleteOldAttempts(ctx, now.Add(-sweptAfter))
	if err := errors.Join(sessions, resets, attempts); err != nil {
		return fmt.Errorf("sweep sessions: %w", err)
	}
	return nil
}
