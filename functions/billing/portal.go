package billing

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/payments"
)

// portal leads to the page at Stripe at which its user changes their card and sees their invoices. Whoever has followed
// a link and cannot be led there comes back to where the link is, and reads why.
func (b *Billing) portal(w http.ResponseWriter, r *http.Request) error {
	err := b.leadToPortal(w, r)
	if err == nil || r.Header.Get("Sec-Fetch-Dest") != "document" {
		return err
	}
	why := "later"
	var refusal *answer.Error
	if !errors.As(err, &refusal) {
		slog.ErrorContext(r.Context(), "nobody is led to Stripe's page", "error", err.Error())
	} else if refusal.Code == answer.Conflict {
		why = "none"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, b.AppURL+"/billing?portal="+why, http.StatusSeeOther)
	return nil
}

func (b *Billing) leadToPortal(w http.ResponseWriter, r *http.Request) error {
	user, err := b.customerOf(r)
	if err != nil {
		return err
	}
	if user.StripeCustomer == nil {
		return answer.Errorf(answer.Conflict, "Nothing has been paid yet, so there are no payment settings. Subscribe first.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	url, err := b.Stripe.Portal(ctx, *user.StripeCustomer, b.AppURL+"/billing")
	if err != nil {
		return goneIn(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, url, http.StatusSeeOther)
	return nil
}

// Invoice is one of the answer of invoices.
type Invoice struct {
	ID       string    `json:"id"`
	Number   string    `json:"number"`
	At       time.Time `json:"at"`
	Amount   string    `json:"amount"`   // "4.50"
	Currency string    `json:"currency"` // "usd"
	Status   string    `json:"status"`   // Stripe's
	URL      string    `json:"url"`
}

func (b *Billing) invoices(w http.ResponseWriter, r *http.Request) error {
	visitor, err := b.visitor(r)
	if err != nil {
		return err
	}
	user, err := b.withStripe(r.Context(), visitor)
	if err != nil {
		return err
	}
	list := []Invoice{}
	if user.StripeCustomer != nil {
		ctx, cancel := context.WithTimeout(r.Context(), askWithin)
		defer cancel()
		found, err := b.Stripe.Invoices(ctx, *user.StripeCustomer)
		if err != nil {
			return goneIn(err)
		}
		for _, i := range found {
			if visitor.Sight != nil {
				i.URL = "" // whoever has it has the invoice, and pays it
			}
			list = append(list, Invoice{i.ID, i.Number, i.At, payments.InDigits(i.Amount, i.Currency), i.Currency, i.Status, i.URL})
		}
	}
	answer.JSON(w, http.StatusOK, struct {
		Invoices []Invoice `json:"invoices"`
	}{list})
	return nil
}
