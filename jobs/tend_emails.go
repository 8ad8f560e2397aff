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

// TendEmailsArgs asks for mails that are owed to have jobs.
type TendEmailsArgs struct{}

// Kind names the job.
func (TendEmailsArgs) Kind() string { return "tend_emails" }

// InsertOpts keeps one unfinished.
func (TendEmailsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// TendEmails sees that every mail which is owed is sent, also one whose row was written by a statement
// alone, and that what was sent long ago is forgotten.
type TendEmails struct {
	river.WorkerDefaults[TendEmailsArgs]
	Pool  *pgxpool.Pool
	Clock Clock
}

const (
	emailsKept   = 90 * 24 * time.Hour
	silencesKept = 365 * 24 * time.Hour
)

// Work enqueues and forgets.
func (w *TendEmails) Work(ctx context.Context, _ *river.Job[TendEmailsArgs]) error {
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		owed, err := queries.EmailsOwed(ctx, now.Add(-10*time.Second))
		if err != nil {
			return err
		}
		for _, email := range owed {
			if err := enqueue(ctx, tx, SendEmailArgs{Email: email}); err != nil {
				return err
			}
		}
		if _, err := queries.DropOldEmails(ctx, now.Add(-emailsKept)); err != nil {
			return err
		}
		return queries.DropOldSilences(ctx, now.Add(-silencesKept))
	})
	if err != nil {
		return fmt.Errorf("tend mails: %w", err)
	}
	return nil
}
