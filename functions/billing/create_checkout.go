package billing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/jobs/billing"
	"slicegate/store"
)

// createCheckout opens the page at Stripe at which its user subscribes.
func (b *Billing) createCheckout(w http.ResponseWriter, r *http.Request) error {
	user, err := b.customerOf(r)
	if err != nil {
		return err
	}
	form, err := answer.Body[struct {
		StorageGB int `json:"storageGB"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	if form.StorageGB != 0 {
		if err := b.mayBuy(form.StorageGB); err != nil {
			return err
		}
	}
	url, err := b.CreateCheckout(r.Context(), user.ID, form.StorageGB)
	if err != nil {
		return err
	}
	answer.JSON(w, http.StatusCreated, struct {
		URL string `json:"url"`
	}{url})
	return nil
}

// CreateCheckout keeps a place for a user and gives the address of the page at which they pay. Called again
// while that page takes payments, it gives the same page.
func (b *Billing) CreateCheckout(ctx context.Context, user int64, storageGB int) (url string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	kept, err := b.keepPlace(ctx, user, storageGB, reopen)
	if err != nil {
		return "", err
	}
	customer, err := b.customer(ctx, kept.user)
	if err != nil {
		return "", err
	}
	// The row may not know yet what was paid a moment ago. Two subscriptions would be paid twice.
	known := ""
	if kept.user.StripeSubscription != nil {
		known = *kept.user.StripeSubscription
	}
	has, err := b.Stripe.Subscription(ctx, customer, known)
	if err != nil && !errors.Is(err, billing.ErrGone) {
		return "", err
	}
	if has != nil {
		if refusal := whySubscribed(has.Status); refusal != nil {
			return "", errors.Join(refusal, b.Settler.Settle(ctx, b.Jobs, user))
		}
		known = has.ID
	}
	open := func(until time.Time) (billing.CheckoutSession, error) {
		return b.Stripe.Checkout(ctx, billing.Checkout{
			User: user, Customer: customer, Until: until, StorageGB: storageGB,
			SuccessURL: b.AppURL + "/billing/done?session_id={CHECKOUT_SESSION_ID}", CancelURL: b.AppURL + "/billing",
			Key: fmt.Sprintf("checkout-%d-%s-%s-%d-%d", user, customer, known, storageGB, until.Unix()),
		})
	}
	session, err := open(kept.until)
	switch {
	case errors.Is(err, billing.ErrUnreachable):
		// Stripe says of a key what it has said before, also that it could not: the next try has another.
		return "", errors.Join(err, b.leavePage(ctx, kept))
	case err != nil && kept.again && ctx.Err() == nil:
		// The page that the place was kept for was never made, and it is too late to make one that
		// ends so soon.
		if kept, err = b.keepPlace(ctx, user, storageGB, anew); err != nil {
			return "", err
		}
		session, err = open(kept.until)
	}
	if err != nil {
		return "", fmt.Errorf("open Checkout: %w", err)
	}
	return session.URL, nil
}

// customer gives the customer of a user at Stripe, and sees that their row has it.
func (b *Billing) customer(ctx context.Context, user store.User) (string, error) {
	known := ""
	if user.StripeCustomer != nil {
		known = *user.StripeCustomer
	}
	id, err := b.Stripe.Customer(ctx, user.ID, user.Email, known)
	if err != nil || id == known {
		return id, err
	}
	queries := store.New(b.Pool)
	noted, err := queries.NoteCheckoutCustomer(ctx, store.NoteCheckoutCustomerParams{ID: user.ID, Customer: id, Known: user.StripeCustomer})
	if err != nil || noted > 0 {
		return id, err
	}
	now, err := queries.UserByID(ctx, user.ID)
	if err != nil {
		return "", err
	}
	if now.StripeCustomer == nil {
		return "", fmt.Errorf("the customer of user %d at Stripe was taken out of their row", user.ID)
	}
	return *now.StripeCustomer, nil
}

// whySubscribed refuses another subscription beside one that Stripe has in this status; nil: it has ended.
func whySubscribed(status string) error {
	switch status {
	case "active", "trialing", "paused":
		return errSubscribed
	case "past_due", "unpaid", "incomplete":
		return answer.Errorf(answer.Conflict, "You have subscribed already, and a payment is open. Pay or confirm it in the payment settings.")
	}
	return nil
}

var errSubscribed = answer.Errorf(answer.Conflict, "You have subscribed already: there is nothing to be paid now.")
