package jobs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// UnpaidKept is how long an account is kept that never paid, nor ever had a slice.
const UnpaidKept = 30 * 24 * time.Hour

// ForgetAccountArgs asks for everything of an account to be deleted whose time is over.
type ForgetAccountArgs struct {
	User int64 `json:"user"`
}

// Kind names the job.
func (ForgetAccountArgs) Kind() string { return "forget_account" }

// InsertOpts keeps one unfinished for each account.
func (ForgetAccountArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 25, UniqueOpts: onceEach}
}

// ForgetAccount deletes what the platform has of somebody, once their account is cancelled, the time for a way
// back is over, and their slice is destroyed. What stays are the slice's row, which says when there was one, and
// the lines of the audit, which name numbers alone.
type ForgetAccount struct {
	river.WorkerDefaults[ForgetAccountArgs]
	Pool     *pgxpool.Pool
	Stripe   billing.Stripe // nil: there are trials alone
	Customer bool           // the customer at Stripe is deleted too
	Clock    Clock
}

// Work deletes it, or does nothing if that is not to be done yet, or not any more.
func (w *ForgetAccount) Work(ctx context.Context, job *river.Job[ForgetAccountArgs]) error {
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		user, err := queries.AccountToForget(ctx, store.AccountToForgetParams{ID: job.Args.User, Now: now, UnpaidSince: now.Add(-UnpaidKept)})
		if store.IsNone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		// The row is held: nobody subscribes with this customer meanwhile. If what follows is cut off, it is
		// asked for again, which Stripe takes.
		if err := w.leaveStripe(ctx, user); err != nil {
			return err
		}
		return w.forget(ctx, tx, user, now)
	})
	if err != nil {
		return fmt.Errorf("forget account %d: %w", job.Args.User, err)
	}
	return nil
}

// leaveStripe sees that nothing more is charged, and that the customer is deleted where that is configured.
func (w *ForgetAccount) leaveStripe(ctx context.Context, user store.User) error {
	if w.Stripe == nil || user.StripeCustomer == nil {
		return nil
	}
	if w.Customer {
		return w.Stripe.Forget(ctx, *user.StripeCustomer)
	}
	known := ""
	if user.StripeSubscription != nil {
		known = *user.StripeSubscription
	}
	found, err := w.Stripe.Subscription(ctx, *user.StripeCustomer, known)
	if err != nil || found == nil || found.EndedAt != nil || found.EndsAt != nil {
		return ignoreGone(err)
	}
	return ignoreGone(w.Stripe.End(ctx, found.ID, true))
}

func ignoreGone(err error) error {
	if errors.Is(err, billing.ErrGone) {
		return nil
	}
	return err
}

func (w *ForgetAccount) forget(ctx context.Context, tx pgx.Tx, user store.User, now time.Time) error {
	queries := store.New(tx)
	slices, err := queries.SlicesThatWere(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("find slices: %w", err)
	}
	subjects := []string{fmt.Sprintf("user:%d", user.ID)}
	for _, slice := range slices {
		subjects = append(subjects, subjectSlice(slice))
	}
	servers, err := queries.ServersOfExports(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("find exports: %w", err)
	}
	address := sha256.Sum256([]byte(user.Email))
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"jobs", func() error {
			return queries.ForgetJobs(ctx, store.ForgetJobsParams{UserID: user.ID, Slices: slices, Customer: user.StripeCustomer})
		}},
		{"events", func() error {
			return queries.ForgetStripeEvents(ctx, store.ForgetStripeEventsParams{UserID: user.ID, Customer: user.StripeCustomer, Subscription: user.StripeSubscription})
		}},
		{"alerts", func() error {
			return queries.ForgetAlerts(ctx, store.ForgetAlertsParams{UserID: user.ID, Subjects: subjects})
		}},
		{"conditions", func() error { return queries.ForgetConditions(ctx, subjects) }},
		{"silences", func() error { return queries.ForgetSilences(ctx, subjects) }},
		{"mails to admins", func() error { return queries.ForgetAdminEmails(ctx, subjects) }},
		{"figures", func() error { return queries.ForgetSlices(ctx, slices) }},
		{"attempts", func() error { return queries.ForgetAttempts(ctx, address[:]) }},
		{"user", func() error { _, err := queries.ForgetUser(ctx, user.ID); return err }},
		{"audit", func() error { return queries.RecordAccount(ctx, "job:forget_account", "forgotten", user.ID, nil) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	for _, server := range servers { // their files go now, and their rows with them
		if err := enqueue(ctx, tx, TendExportsArgs{Server: server, Asked: now}); err != nil {
			return err
		}
	}
	return nil
}
