package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// HandleStripeEventArgs asks for what a row of gateway.stripe_events tells of to be looked at.
type HandleStripeEventArgs struct {
	Event string `json:"event"`
}

// Kind names the job.
func (HandleStripeEventArgs) Kind() string { return "handle_stripe_event" }

// InsertOpts keeps one unfinished for each event.
func (HandleStripeEventArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 20, UniqueOpts: onceEach}
}

// HandleStripeEvent settles the account that an event is about. What the event says is not believed, only
// that there is something to be asked: events come twice, late and in any order.
type HandleStripeEvent struct {
	river.WorkerDefaults[HandleStripeEventArgs]
	Settler *Settler
}

// NextRetry tries again soon; tend_accounts orders the job anew should it run out of attempts.
func (w *HandleStripeEvent) NextRetry(job *river.Job[HandleStripeEventArgs]) time.Time {
	return soon(job.Attempt)
}

// Work settles the account.
func (w *HandleStripeEvent) Work(ctx context.Context, job *river.Job[HandleStripeEventArgs]) error {
	if err := w.handle(ctx, job.Args.Event); err != nil {
		return fmt.Errorf("event %s of Stripe: %w", job.Args.Event, err)
	}
	return nil
}

func (w *HandleStripeEvent) handle(ctx context.Context, id string) error {
	if w.Settler.Stripe == nil {
		return errors.New("there is no STRIPE_KEY: the runner cannot ask what it is about")
	}
	queries := store.New(w.Settler.Pool)
	event, err := queries.StripeEvent(ctx, id)
	if store.IsNone(err) || err == nil && event.HandledAt != nil {
		return nil
	}
	if err != nil {
		return err
	}
	user, err := w.user(ctx, queries, event)
	if err != nil {
		return err
	}
	if user == 0 {
		slog.InfoContext(ctx, "an event of Stripe's is about no account", "event", event.ID, "type", event.Type)
	} else {
		client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
		if err != nil {
			return err
		}
		if err := w.Settler.Settle(ctx, client, user); err != nil {
			return err
		}
	}
	return queries.NoteStripeEvent(ctx, store.NoteStripeEventParams{ID: event.ID, Now: w.Settler.Clock()})
}

// user finds whose account an event is about; 0: nobody's, or not any more.
func (w *HandleStripeEvent) user(ctx context.Context, queries *store.Queries, event store.GatewayStripeEvent) (int64, error) {
	customer := deref(event.Customer)
	if isDispute(event.Type) {
		return w.dispute(ctx, queries, event.Object)
	}
	if customer == "" {
		return 0, nil
	}
	if event.UserID != nil {
		// Of a Checkout session, which names whom it was made for: the row has its customer already,
		// unless that was not written any more.
		payer, user, err := w.Settler.Stripe.CheckoutCustomer(ctx, event.Object)
		if err != nil && !errors.Is(err, billing.ErrGone) {
			return 0, err
		}
		if payer != "" && user != 0 {
			if _, err := queries.AdoptCustomer(ctx, store.AdoptCustomerParams{ID: user, Customer: payer}); err != nil {
				return 0, err
			}
		}
	}
	return userOf(ctx, queries, customer)
}

// dispute writes down how a dispute, or a warning of fraud, stands now.
func (w *HandleStripeEvent) dispute(ctx context.Context, queries *store.Queries, id string) (int64, error) {
	dispute, err := w.Settler.Stripe.Dispute(ctx, id)
	if errors.Is(err, billing.ErrGone) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	user, err := userOf(ctx, queries, dispute.Customer)
	if err != nil || user == 0 {
		return 0, err
	}
	return user, queries.PutDispute(ctx, store.PutDisputeParams{
		ID: dispute.ID, UserID: user, Kind: dispute.Kind, Status: dispute.Status, Open: dispute.Open, OpenedAt: dispute.At,
	})
}

func isDispute(kind string) bool {
	return strings.HasPrefix(kind, "charge.dispute.") || strings.HasPrefix(kind, "radar.early_fraud_warning.")
}

func userOf(ctx context.Context, queries *store.Queries, customer string) (int64, error) {
	if customer == "" {
		return 0, nil
	}
	user, err := queries.UserByCustomer(ctx, customer)
	if store.IsNone(err) {
		return 0, nil
	}
	return user, err
}
