package standin

import (
	"fmt"
	"time"
)

// The controls are what people, banks and time do at Stripe. Each names what it is about by its id, and
// is an error where there is none.

// as does something with the stand-in in order.
func (s *Server) as(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	return do()
}

// Fail answers the next calls of the API with a status; calls below 0: all, until it is told another.
func (s *Server) Fail(status, calls int) {
	_ = s.as(func() error { s.outage = outage{status: status, calls: calls}; return nil })
}

// Calls is how often the API was called.
func (s *Server) Calls() (calls int) {
	_ = s.as(func() error { calls = s.calls; return nil })
	return calls
}

// SetCard says what happens from now on when a customer's card is charged.
func (s *Server) SetCard(customer string, card Card) error {
	return s.as(func() error {
		found, err := s.customer(customer)
		if err == nil {
			found.card = card
		}
		return err
	})
}

// Pay pays at a Checkout session's page.
func (s *Server) Pay(session string) error {
	return s.as(func() error {
		found := s.sessions[session]
		if found == nil || found.status != "open" {
			return fmt.Errorf("the stand-in has no open session %q", session)
		}
		if s.customers[found.customer].card == CardDeclined {
			found.declined = true
			return fmt.Errorf("the card of %s is declined", found.customer)
		}
		s.subscribe(found)
		return nil
	})
}

// Expire lets a Checkout session's page run out.
func (s *Server) Expire(session string) error {
	return s.as(func() error {
		found := s.sessions[session]
		if found == nil || found.status != "open" {
			return fmt.Errorf("the stand-in has no open session %q", session)
		}
		s.expire(found)
		return nil
	})
}

// PayInvoice pays an open invoice, or confirms its payment, at its page.
func (s *Server) PayInvoice(invoice string) error {
	return s.as(func() error {
		found := s.invoices[invoice]
		if found == nil || found.status != "open" {
			return fmt.Errorf("the stand-in has no open invoice %q", invoice)
		}
		s.pay(found)
		return nil
	})
}

// Void takes an open invoice back, as the operator may.
func (s *Server) Void(invoice string) error {
	return s.as(func() error {
		found := s.invoices[invoice]
		if found == nil || found.status != "open" {
			return fmt.Errorf("the stand-in has no open invoice %q", invoice)
		}
		found.status, found.retries = "void", time.Time{}
		s.tell("invoice.voided", found.id)
		if sub := s.subscriptions[found.subscription]; sub.latestInvoice == found.id && !sub.over() {
			sub.status = "active"
			s.tell("customer.subscription.updated", sub.id)
		}
		return nil
	})
}

// Newest is the id of a customer's newest subscription; empty: none.
func (s *Server) Newest(customer string) (id string) {
	_ = s.as(func() error {
		for _, found := range newest(s.subscriptions) {
			if found.customer == customer && id == "" {
				id = found.id
			}
		}
		return nil
	})
	return id
}

// Invoice is the id of a customer's newest invoice; empty: none.
func (s *Server) Invoice(customer string) (id string) {
	_ = s.as(func() error {
		for _, found := range newest(s.invoices) {
			if found.customer == customer && id == "" {
				id = found.id
			}
		}
		return nil
	})
	return id
}

// Session is the id of a customer's newest Checkout session; empty: none.
func (s *Server) Session(customer string) (id string) {
	_ = s.as(func() error {
		for _, found := range newest(s.sessions) {
			if found.customer == customer && id == "" {
				id = found.id
			}
		}
		return nil
	})
	return id
}

// Change is what a hand in the dashboard does to a subscription.
type Change struct {
	Now         bool      // cancel it now
	AtPeriodEnd *bool     // cancel it to the end of its period, or not
	At          time.Time // cancel it at a time
	Status      string    // give it a status that the stand-in's own rules do not lead to: "trialing", "paused", "incomplete", …
	Price       string    // the slice is charged at this price from now on
	Quantity    int64     // so many of the first item
	Storage     *int64    // so many of the storage item
	Paused      *string   // pause_collection's behaviour; empty: go on
	NoDiscount  bool      // take its coupon away
}

// Change changes a subscription.
func (s *Server) Change(subscription string, change Change) error {
	return s.as(func() error {
		sub := s.subscriptions[subscription]
		if sub == nil {
			return fmt.Errorf("the stand-in has no subscription %q", subscription)
		}
		if change.Now {
			s.end(sub)
			return nil
		}
		if change.AtPeriodEnd != nil {
			sub.atPeriodEnd, sub.cancelAt, sub.canceledAt = *change.AtPeriodEnd, time.Time{}, time.Time{}
			if sub.atPeriodEnd {
				sub.canceledAt = s.now
			}
		}
		if !change.At.IsZero() {
			sub.cancelAt, sub.canceledAt = change.At, s.now
		}
		if change.Status != "" {
			sub.status = change.Status
			if sub.over() {
				sub.endedAt = s.now
			}
		}
		if change.Price != "" {
			found, err := s.sold(change.Price, "price")
			if err != nil {
				return err
			}
			sub.items[0].price = found
		}
		if change.Quantity > 0 {
			sub.items[0].quantity = change.Quantity
		}
		if change.Storage != nil && len(sub.items) > 1 {
			sub.items[1].quantity = *change.Storage
		}
		if change.Paused != nil {
			sub.paused = *change.Paused
		}
		if change.NoDiscount {
			sub.discount = nil
		}
		s.tell("customer.subscription.updated", sub.id)
		return nil
	})
}

// Delete deletes a customer in the dashboard.
func (s *Server) Delete(customer string) error {
	return s.as(func() error {
		found, err := s.customer(customer)
		if err == nil {
			s.forget(found)
		}
		return err
	})
}

// charged is the payment of an invoice.
func (s *Server) charged(invoice string) (*charge, error) {
	for _, found := range newest(s.charges) {
		if found.invoice == invoice {
			return found, nil
		}
	}
	return nil, fmt.Errorf("the stand-in has no payment of the invoice %q", invoice)
}

// Dispute disputes the payment of an invoice, and gives the dispute's id.
func (s *Server) Dispute(invoice string) (id string, err error) {
	err = s.as(func() error {
		paid, err := s.charged(invoice)
		if err != nil {
			return err
		}
		made := &dispute{
			made: s.make("dp"), charge: paid.id, intent: paid.intent, status: "needs_response", currency: paid.currency, amount: paid.amount,
		}
		s.disputes[made.id], paid.disputed, id = made, true, made.id
		s.settle(paid.id)
		s.tell("charge.dispute.created", made.id)
		return nil
	})
	return id, err
}

// Decide ends a dispute.
func (s *Server) Decide(dispute string, won bool) error {
	return s.as(func() error {
		found := s.disputes[dispute]
		if found == nil {
			return fmt.Errorf("the stand-in has no dispute %q", dispute)
		}
		found.status = "lost"
		if won {
			found.status = "won"
		}
		s.tell("charge.dispute.closed", found.id)
		return nil
	})
}

// Warn makes an early fraud warning of the payment of an invoice, and gives its id.
func (s *Server) Warn(invoice string) (id string, err error) {
	err = s.as(func() error {
		paid, err := s.charged(invoice)
		if err != nil {
			return err
		}
		made := &warning{made: s.make("issfr"), charge: paid.id, intent: paid.intent, actionable: true}
		s.warnings[made.id], id = made, made.id
		s.tell("radar.early_fraud_warning.created", made.id)
		return nil
	})
	return id, err
}

// Refund gives all of an invoice's payment back.
func (s *Server) Refund(invoice string) error {
	return s.as(func() error {
		paid, err := s.charged(invoice)
		if err != nil {
			return err
		}
		paid.refunded = paid.amount
		s.tell("charge.refunded", paid.id)
		s.settle(paid.id)
		return nil
	})
}

// settle closes the fraud warnings of a payment.
func (s *Server) settle(charge string) {
	for _, found := range newest(s.warnings) {
		if found.charge == charge && found.actionable {
			found.actionable = false
			s.tell("radar.early_fraud_warning.updated", found.id)
		}
	}
}
