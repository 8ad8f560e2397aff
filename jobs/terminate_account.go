package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// TerminateAccountArgs asks for an account to leave Stripe, and to be destroyed, that an operator has ended.
type TerminateAccountArgs struct {
	User int64 `json:"user"`
}

// Kind names the job.
func (TerminateAccountArgs) Kind() string { return "terminate_account" }

// InsertOpts keeps one unfinished for each account.
func (TerminateAccountArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 20, UniqueOpts: onceEach}
}

// TerminateAccount deletes the customer of an account at Stripe, and with it the subscription; then it ends the account,
// whose slice is destroyed, and which is forgotten after that.
type TerminateAccount struct {
	river.WorkerDefaults[TerminateAccountArgs]
	Settler *Settler
}

// NextRetry tries again soon; tend_accounts orders the job anew should it run out of attempts.
func (w *TerminateAccount) NextRetry(job *river.Job[TerminateAccountArgs]) time.Time {
	return soon(job.Attempt)
}

// Work does it, or nothing to an account that nobody ends.
func (w *TerminateAccount) Work(ctx context.Context, job *river.Job[TerminateAccountArgs]) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, w.Settler.Pool, func(tx pgx.Tx) error {
		user, err := store.New(tx).LockedAccount(ctx, job.Args.User)
		if store.IsNone(err) || err == nil && user.TerminateAt == nil {
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
		return EndAccount(ctx, tx, client, user, w.Settler.Terms, deref(user.TerminateBy), w.Settler.Clock())
	})
	if err != nil {
		return fmt.Errorf("terminate account %d: %w", job.Args.User, err)
	}
	return nil
}

func (w *TerminateAccount) leaveStripe(ctx context.Context, user store.User) error {
	switch {
	case user.StripeCustomer == nil:
		return nil
	case w.Settler.Stripe == nil:
		return errors.New("it has a customer at Stripe, which must be deleted first, or it would go on to pay: set STRIPE_KEY")
	}
	return w.Settler.Stripe.Forget(ctx, *user.StripeCustomer)
}
