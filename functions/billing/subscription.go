package billing

import (
	"context"
	"errors"
	"net/http"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/jobs/billing"
	"slicegate/store"
)

// mostStorage is how many gigabytes one account may buy: more is a slip of the finger.
const mostStorage = 1000

// cancel lets a subscription end with what is paid.
func (b *Billing) cancel(w http.ResponseWriter, r *http.Request) error {
	user, err := b.customerOf(r)
	if err != nil {
		return err
	}
	subscription, err := running(user)
	if err != nil {
		return err
	}
	return b.change(w, r, user.ID, "cancel", nil, func(ctx context.Context) error {
		return b.Stripe.End(ctx, subscription, true)
	})
}

// reactivate takes a cancellation back.
func (b *Billing) reactivate(w http.ResponseWriter, r *http.Request) error {
	user, err := b.customerOf(r)
	if err != nil {
		return err
	}
	subscription, err := running(user)
	if err != nil {
		return err
	}
	if user.HeldAt != nil {
		return errHeld
	}
	return b.change(w, r, user.ID, "reactivate", nil, func(ctx context.Context) error {
		return b.Stripe.End(ctx, subscription, false)
	})
}

// storage changes how many gigabytes are bought beside what is included.
func (b *Billing) storage(w http.ResponseWriter, r *http.Request) error {
	user, err := b.customerOf(r)
	if err != nil {
		return err
	}
	form, err := answer.Body[struct {
		Gigabytes *int `json:"gigabytes"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	if form.Gigabytes == nil {
		return answer.Errorf(answer.Invalid, `Say how many gigabytes there shall be beside what is included: "gigabytes" must be a number.`)
	}
	if err := b.mayBuy(*form.Gigabytes); err != nil {
		return err
	}
	subscription, err := running(user)
	switch {
	case err != nil:
		return err
	case user.HeldAt != nil:
		return errHeld
	case user.SubscriptionStatus == string(billing.PastDue):
		return answer.Errorf(answer.Conflict, "A payment is open. Pay it first, then change your storage.")
	}
	return b.change(w, r, user.ID, "storage", map[string]any{"gigabytes": *form.Gigabytes}, func(ctx context.Context) error {
		return b.Stripe.Storage(ctx, subscription, *form.Gigabytes)
	})
}

func (b *Billing) mayBuy(gigabytes int) error {
	switch {
	case b.Settings.StoragePrice == off:
		return answer.Errorf(answer.Conflict, "More storage is not sold here.")
	case gigabytes < 0 || gigabytes > mostStorage:
		return answer.Errorf(answer.Invalid, "Storage is bought in whole gigabytes, from 0 to %d.", mostStorage)
	}
	return nil
}

// running is the subscription of a user, as long as it runs.
func running(user store.User) (string, error) {
	status := billing.Status(user.SubscriptionStatus)
	if user.StripeSubscription == nil || status != billing.Active && status != billing.PastDue {
		return "", errNoSubscription
	}
	return *user.StripeSubscription, nil
}

var errNoSubscription = answer.Errorf(answer.Conflict, "There is no subscription that runs. Subscribe, and all that is still there is kept.")

// change does one thing to a subscription, which may be done twice, and answers with what came of it. The
// audit has it before it is done: what Stripe has done nobody else may have asked for.
func (b *Billing) change(w http.ResponseWriter, r *http.Request, user int64, action string, detail map[string]any, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	if err := store.New(b.Pool).RecordUser(ctx, action, user, detail); err != nil {
		return err
	}
	err := do(ctx)
	if errors.Is(err, billing.ErrGone) {
		err = errNoSubscription // and the row is about to know
	} else if err != nil {
		return err
	}
	if err := errors.Join(err, b.Settler.Settle(ctx, b.Jobs, user)); err != nil {
		return err
	}
	return b.answerStatus(ctx, w, session.Visitor{UserID: user})
}
