package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// CompareSubscriptionsArgs asks for Stripe's subscriptions to be held against the accounts.
type CompareSubscriptionsArgs struct{}

// Kind names the job.
func (CompareSubscriptionsArgs) Kind() string { return "compare_subscriptions" }

// InsertOpts keeps one unfinished.
func (CompareSubscriptionsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 5, UniqueOpts: onceEach}
}

// CompareSubscriptions finds what no event has told: accounts that Stripe has otherwise are settled, and
// a subscription that somebody pays and that is no account's is an alert.
type CompareSubscriptions struct {
	river.WorkerDefaults[CompareSubscriptionsArgs]
	Settler *Settler
}

// Timeout is for as many pages as Stripe has.
func (w *CompareSubscriptions) Timeout(*river.Job[CompareSubscriptionsArgs]) time.Duration {
	return 10 * time.Minute
}

// Work compares.
func (w *CompareSubscriptions) Work(ctx context.Context, _ *river.Job[CompareSubscriptionsArgs]) error {
	if w.Settler.Stripe == nil {
		return nil
	}
	if err := w.compare(ctx); err != nil {
		return fmt.Errorf("compare subscriptions: %w", err)
	}
	return nil
}

func (w *CompareSubscriptions) compare(ctx context.Context) error {
	owned := map[string][]billing.Owned{} // by customer
	for one, err := range w.Settler.Stripe.Subscriptions(ctx) {
		if err != nil {
			return err
		}
		owned[one.Customer] = append(owned[one.Customer], one)
	}
	// Read after Stripe was asked: whoever subscribed meanwhile is settled once too often, and not missed.
	accounts, err := store.New(w.Settler.Pool).AccountsWithCustomer(ctx)
	if err != nil {
		return err
	}
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	var failures []error
	var reported []Alert
	for _, account := range accounts {
		has := owned[account.Customer]
		if len(has) > 1 {
			reported = append(reported, mismatch(account.Customer, "This customer has more than one subscription, and pays for each. Keep one in Stripe's dashboard, and give back what was paid for the others."))
		}
		delete(owned, account.Customer)
		if alike(account, has) {
			continue
		}
		// One that cannot be settled does not keep the others from it.
		failures = append(failures, w.Settler.Settle(ctx, client, account.ID))
	}
	reported = append(reported, strangers(owned)...)
	failures = append(failures, settleAlerts(ctx, store.New(w.Settler.Pool), alertMismatch, reported, func(string) bool { return true }, w.Settler.Clock()))
	return errors.Join(failures...)
}

// alike tells whether a row is what Stripe has; in doubt it is not.
func alike(account store.AccountsWithCustomerRow, has []billing.Owned) bool {
	runs := account.SubscriptionStatus == string(billing.Active)
	if len(has) == 0 {
		return !runs && (account.Subscription == "" || account.SubscriptionStatus == string(billing.Cancelled))
	}
	sub := has[0].Subscription
	return len(has) == 1 && sub.ID == account.Subscription && runs == (sub.Status == "active" || sub.Status == "trialing") &&
		account.PaidUntil != nil && account.PaidUntil.Equal(sub.PaidUntil) && (account.EndsAt == nil) == (sub.EndsAt == nil) &&
		int(account.StorageExtra) == sub.StorageGB &&
		sub.Monthly == billing.Monthly{Price: account.MonthlyPrice, Storage: account.MonthlyStorage, Discount: account.MonthlyDiscount, Currency: account.Currency}
}

// strangers are the customers who pay for an account that is not here.
func strangers(owned map[string][]billing.Owned) (all []Alert) {
	for _, customer := range slices.Sorted(maps.Keys(owned)) {
		if slices.ContainsFunc(owned[customer], func(one billing.Owned) bool { return one.User != 0 }) { // others are of something else that is sold over the same account
			all = append(all, mismatch(customer, "This customer pays at Stripe for an account that is not here. Cancel the subscription in Stripe's dashboard, and give back what was paid since."))
		}
	}
	return all
}

func mismatch(customer, detail string) Alert {
	return Alert{Kind: alertMismatch, Subject: "customer:" + customer, Severity: "critical", Detail: detail}
}
