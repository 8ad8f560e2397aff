package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// TendAccountsArgs asks for accounts to be settled of which something is due.
type TendAccountsArgs struct{}

// Kind names the job.
func (TendAccountsArgs) Kind() string { return "tend_accounts" }

// InsertOpts keeps one unfinished; one that fails is repeated by the next.
func (TendAccountsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// TendAccounts sees that what time alone brings about happens, that no event of Stripe's is left lying,
// and that nobody pays for nothing, or has something for nothing, without anybody being told.
type TendAccounts struct {
	river.WorkerDefaults[TendAccountsArgs]
	Settler *Settler
}

const (
	settleLost  = 5 * time.Minute // a job that has not settled its account by then was lost
	eventLeft   = time.Minute     // an event that is not handled by then gets another job
	eventLate   = 15 * time.Minute
	eventsKept  = 30 * 24 * time.Hour
	paidWaits   = 5 * time.Minute // who has paid has a slice by then
	unpaidAfter = 5 * time.Minute // and one that is paid no more has been stopped
)

// Work enqueues, and tells.
func (w *TendAccounts) Work(ctx context.Context, _ *river.Job[TendAccountsArgs]) error {
	now := w.Settler.Clock()
	err := pgx.BeginFunc(ctx, w.Settler.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		due, err := queries.AccountsDue(ctx, now)
		if err != nil {
			return err
		}
		// A job that was lost leaves its account due again.
		if err := queries.PutOffSettle(ctx, store.PutOffSettleParams{Ids: due, Again: now.Add(settleLost)}); err != nil {
			return err
		}
		for _, user := range due {
			if err := enqueue(ctx, tx, SettleAccountArgs{User: user, Asked: now}); err != nil {
				return err
			}
		}
		ending, err := queries.AccountsToTerminate(ctx, now.Add(-settleLost))
		if err != nil {
			return err
		}
		for _, user := range ending {
			if err := enqueue(ctx, tx, TerminateAccountArgs{User: user}); err != nil {
				return err
			}
		}
		over, err := queries.AccountsToForget(ctx, store.AccountsToForgetParams{Now: now, UnpaidSince: now.Add(-UnpaidKept)})
		if err != nil {
			return err
		}
		for _, user := range over {
			if err := enqueue(ctx, tx, ForgetAccountArgs{User: user}); err != nil {
				return err
			}
		}
		left, err := queries.StripeEventsLeft(ctx, now.Add(-eventLeft))
		if err != nil {
			return err
		}
		for _, event := range left {
			if err := enqueue(ctx, tx, HandleStripeEventArgs{Event: event}); err != nil {
				return err
			}
		}
		if err := queries.DropOldStripeEvents(ctx, now.Add(-eventsKept)); err != nil {
			return err
		}
		return w.tell(ctx, queries, now)
	})
	if err != nil {
		return fmt.Errorf("tend accounts: %w", err)
	}
	return nil
}

// tell opens and closes the alerts about accounts whose slice is not what is paid.
func (w *TendAccounts) tell(ctx context.Context, queries *store.Queries, now time.Time) error {
	waiting, err := queries.PaidWithoutSlice(ctx, now.Add(-paidWaits))
	if err != nil {
		return err
	}
	running, err := queries.RunsUnpaid(ctx, now.Add(-unpaidAfter))
	if err != nil {
		return err
	}
	all := func(string) bool { return true }
	var waits, runs []Alert
	for _, user := range waiting {
		waits = append(waits, Alert{
			Kind: alertPaidWaits, Subject: subjectUser(user), Severity: "critical",
			Detail: fmt.Sprintf("This account has paid and has been waiting for its slice for more than %s: make room (MAX_SLICES, POOL_SIZE), or give the money back.", paidWaits),
		})
	}
	for _, slice := range running {
		runs = append(runs, Alert{
			Kind: alertRunsUnpaid, Subject: subjectUser(slice.UserID), Severity: "warning",
			Detail: fmt.Sprintf("Slice %d of this account runs and should have been stopped: nothing is paid for it.", slice.ID),
		})
	}
	if err := settleAlerts(ctx, queries, alertPaidWaits, waits, all, now); err != nil {
		return err
	}
	if err := settleAlerts(ctx, queries, alertRunsUnpaid, runs, all, now); err != nil {
		return err
	}
	late, err := queries.StripeEventsLate(ctx, now.Add(-eventLate))
	if err != nil {
		return err
	}
	if late == 0 {
		return closeAlert(ctx, queries, alertStripe, subjectStripe, now)
	}
	return openAlert(ctx, queries, Alert{
		Kind: alertStripe, Subject: subjectStripe, Severity: "critical",
		Detail: fmt.Sprintf("What Stripe has told could not be looked at for more than %s: it cannot be reached, or does not take STRIPE_KEY. Nothing is lost; the job handle_stripe_event says why.", eventLate),
	}, now)
}
