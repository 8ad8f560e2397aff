package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// FollowEmailArgs asks what has become of a mail that was sent.
type FollowEmailArgs struct {
	Email int64     `json:"email"`
	Due   time.Time `json:"due,omitzero"`
}

// Kind names the job.
func (FollowEmailArgs) Kind() string { return "follow_email" }

// InsertOpts lets the mail travel first. What cannot be learned in a few tries is not learned.
func (a FollowEmailArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: MailQueue, MaxAttempts: 5, ScheduledAt: a.Due}
}

// FollowEmail notes when a mail came back: its user has to know that they are told nothing.
type FollowEmail struct {
	river.WorkerDefaults[FollowEmailArgs]
	Pool  *pgxpool.Pool
	Post  Post
	Clock Clock
}

// followWithin is how long a mail is followed that has neither arrived nor come back.
const followWithin = 12 * time.Hour

// Work asks the post.
func (w *FollowEmail) Work(ctx context.Context, job *river.Job[FollowEmailArgs]) error {
	row, err := store.New(w.Pool).EmailToSend(ctx, job.Args.Email)
	if store.IsNone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow mail %d: %w", job.Args.Email, err)
	}
	if row.SentAt == nil || row.FailedAt != nil || row.MessageID == nil {
		return nil
	}
	fate, err := w.Post.Fate(ctx, *row.MessageID)
	switch {
	case err != nil:
		return fmt.Errorf("follow mail %d: %w", row.ID, err)
	case fate == Bounced:
		return bounce(ctx, w.Pool, row, "it came back: the address takes no mail", w.Clock())
	case fate == Pending && w.Clock().Sub(*row.SentAt) < followWithin:
		return river.JobSnooze(max(10*time.Minute, w.Clock().Sub(*row.SentAt)))
	}
	return nil
}
