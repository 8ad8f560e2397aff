package billing

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"slicegate/functions/answer"
	"slicegate/jobs/billing"
	"slicegate/store"
)

// refreshPause is how long after Stripe was asked for a user it is not asked again: an app that goes round
// in a loop gets what the row has.
const refreshPause = time.Second

var sessionName = regexp.MustCompile(`^cs_[A-Za-z0-9_]{1,250}$`)

// refresh asks Stripe what the account has, so that whoever returns from Checkout waits for no webhook.
func (b *Billing) refresh(w http.ResponseWriter, r *http.Request) error {
	visitor, err := b.visitor(r)
	if err != nil {
		return err
	}
	form, err := answer.Body[struct {
		Session string `json:"session"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	if form.Session != "" && !sessionName.MatchString(form.Session) {
		return answer.Errorf(answer.Invalid, "This is no payment: its name must begin with cs_. Open the page from Stripe again.")
	}
	if err := b.Refresh(r.Context(), visitor.UserID, form.Session); err != nil {
		return err
	}
	return b.answerStatus(r.Context(), w, visitor)
}

// Refresh settles an account, once a second at most. session is the Checkout session that its user
// returns from, which must be theirs; empty: none.
func (b *Billing) Refresh(ctx context.Context, user int64, session string) error {
	now := b.Clock()
	claimed, err := store.New(b.Pool).ClaimRefresh(ctx, store.ClaimRefreshParams{ID: user, Now: now, NotSince: now.Add(-refreshPause)})
	if err != nil || claimed == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if session != "" && b.Stripe != nil {
		if err := b.checkSession(ctx, user, session); err != nil {
			return err
		}
	}
	return b.Settler.Settle(ctx, b.Jobs, user)
}

func (b *Billing) checkSession(ctx context.Context, user int64, session string) error {
	customer, owner, err := b.Stripe.CheckoutCustomer(ctx, session)
	switch {
	case errors.Is(err, billing.ErrGone):
		return answer.Errorf(answer.NotFound, "Stripe does not know this payment. If you have paid, it is seen here within a few minutes.")
	case err != nil:
		return err
	case owner != user:
		return answer.Errorf(answer.Forbidden, "This payment was made for another account. Log in with that one.")
	case customer == "":
		return nil // nobody has paid there yet
	}
	// Its row has it since the page was opened, unless it is of an older backup.
	_, err = store.New(b.Pool).AdoptCustomer(ctx, store.AdoptCustomerParams{ID: user, Customer: customer})
	return err
}
