package standin

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Card is what happens when a customer's card is charged.
type Card string

// The cards.
const (
	CardPays     Card = ""                // it is charged
	CardDeclined Card = "declined"        // it is not
	CardAsks     Card = "requires_action" // its owner has to confirm each payment
)

// subscribe makes what a Checkout session was for; its first payment has gone through.
func (s *Server) subscribe(c *session) {
	sub := &subscription{
		made: s.make("sub"), customer: c.customer, status: "active", metadata: c.subscriptionMetadata,
		periodStart: s.now, periodEnd: months(s.now, 1), periods: 1,
	}
	for _, wanted := range c.items {
		sub.items = append(sub.items, &item{made: s.make("si"), price: wanted.price, quantity: wanted.quantity})
	}
	s.subscriptions[sub.id] = sub
	if found := s.coupons[c.coupon]; found != nil {
		sub.discount = &discount{id: s.make("di").id, coupon: found, start: s.now}
		if found.duration == "repeating" {
			sub.discount.end = months(s.now, found.months)
		}
	}
	invoice := s.bill(sub, "subscription_create", s.due(sub))
	s.tell("customer.subscription.created", sub.id)
	s.finalized(invoice)
	s.pay(invoice)
	c.status, c.subscription = "complete", sub.id
	s.tell("checkout.session.completed", c.id)
}

func (s *Server) expire(c *session) {
	c.status = "expired"
	s.tell("checkout.session.expired", c.id)
}

// due is what a period costs.
func (s *Server) due(sub *subscription) int64 {
	total, discounted := int64(0), int64(0)
	for _, item := range sub.items {
		amount := item.price.amount * item.quantity
		total += amount
		if d := sub.discount; d != nil && (len(d.coupon.products) == 0 || slices.Contains(d.coupon.products, item.price.product)) {
			discounted += amount
		}
	}
	if d := sub.discount; d != nil {
		total -= min(discounted, d.coupon.amountOff+int64(float64(discounted)*d.coupon.percentOff/100))
	}
	return max(0, total+sub.pending)
}

// bill writes an invoice; it is a draft until it is finalized.
func (s *Server) bill(sub *subscription, reason string, total int64) *invoice {
	invoice := &invoice{
		made: s.make("in"), customer: sub.customer, subscription: sub.id, status: "draft", reason: reason,
		currency: sub.items[0].price.currency, total: total,
	}
	s.invoices[invoice.id] = invoice
	sub.latestInvoice = invoice.id
	s.tell("invoice.created", invoice.id)
	return invoice
}

// renew begins a period: its invoice is a draft for an hour.
func (s *Server) renew(sub *subscription) {
	sub.periods++
	sub.periodStart, sub.periodEnd = sub.periodEnd, months(sub.at, sub.periods)
	invoice := s.bill(sub, "subscription_cycle", s.due(sub))
	sub.pending = 0
	if sub.status != "unpaid" { // then Stripe leaves them drafts
		invoice.finalizes = s.now.Add(time.Hour)
	}
	s.tell("customer.subscription.updated", sub.id)
}

func (s *Server) endDiscount(sub *subscription) {
	sub.discount = nil
	s.tell("customer.subscription.updated", sub.id)
}

// end is the end of a subscription.
func (s *Server) end(sub *subscription) {
	sub.status, sub.endedAt = "canceled", s.now
	if sub.canceledAt.IsZero() {
		sub.canceledAt = s.now
	}
	for _, invoice := range s.invoices { // nothing of it is charged any more
		if invoice.subscription == sub.id {
			invoice.finalizes, invoice.retries = time.Time{}, time.Time{}
		}
	}
	s.tell("customer.subscription.deleted", sub.id)
}

// finalize makes an invoice one to be paid, and charges the card for it.
func (s *Server) finalize(invoice *invoice) {
	invoice.finalizes = time.Time{}
	s.finalized(invoice)
	if sub := s.subscriptions[invoice.subscription]; sub.paused != "" {
		invoice.status = map[string]string{"void": "void", "mark_uncollectible": "uncollectible", "keep_as_draft": "draft"}[sub.paused]
		return
	}
	s.try(invoice)
}

func (s *Server) finalized(invoice *invoice) {
	invoice.status, invoice.finalized = "open", s.now
	invoice.number = fmt.Sprintf("STANDIN-%04d", invoice.sequence)
	paying := &intent{
		made: s.make("pi"), customer: invoice.customer, invoice: invoice.id, status: "requires_payment_method",
		currency: invoice.currency, amount: invoice.total,
	}
	s.intents[paying.id] = paying
	invoice.intent = paying.id
	s.tell("invoice.finalized", invoice.id)
}

// try charges the card of an open invoice.
func (s *Server) try(invoice *invoice) {
	invoice.attempts++
	card := s.customers[invoice.customer].card
	if card == CardPays || invoice.total == 0 {
		s.pay(invoice)
		return
	}
	paying := s.intents[invoice.intent]
	paying.status = "requires_payment_method"
	if card == CardAsks {
		paying.status = "requires_action"
	}
	invoice.retries = time.Time{}
	if invoice.attempts <= len(s.options.Retries) {
		invoice.retries = invoice.finalized.Add(s.options.Retries[invoice.attempts-1])
	}
	sub := s.subscriptions[invoice.subscription]
	if sub.status == "active" || sub.status == "trialing" {
		sub.status = "past_due"
	}
	s.tell("invoice.payment_failed", invoice.id)
	if card == CardAsks {
		s.tell("invoice.payment_action_required", invoice.id)
	}
	s.tell("customer.subscription.updated", sub.id)
	if invoice.retries.IsZero() {
		s.giveUp(sub)
	}
}

func (s *Server) retry(invoice *invoice) { s.try(invoice) }

// giveUp is what happens once the last retry has failed.
func (s *Server) giveUp(sub *subscription) {
	switch s.options.AfterRetries {
	case "past_due":
	case "unpaid":
		sub.status = "unpaid"
		s.tell("customer.subscription.updated", sub.id)
	default:
		s.end(sub)
	}
}

// pay is an invoice that is paid. A subscription whose newest invoice it is runs again.
func (s *Server) pay(invoice *invoice) {
	paying := s.intents[invoice.intent]
	paying.status = "succeeded"
	charged := &charge{
		made: s.make("ch"), customer: invoice.customer, intent: paying.id, invoice: invoice.id,
		currency: invoice.currency, amount: invoice.total,
	}
	s.charges[charged.id] = charged
	paying.charge = charged.id
	invoice.status, invoice.paid, invoice.retries = "paid", s.now, time.Time{}
	s.tell("invoice.paid", invoice.id)
	sub := s.subscriptions[invoice.subscription]
	if (sub.status == "past_due" || sub.status == "unpaid") && sub.latestInvoice == invoice.id {
		sub.status = "active"
		s.tell("customer.subscription.updated", sub.id)
	}
}

// forget deletes a customer, and ends what they have.
func (s *Server) forget(c *customer) {
	for _, sub := range slices.Collect(maps.Values(s.subscriptions)) {
		if sub.customer == c.id && !sub.over() {
			s.end(sub)
		}
	}
	for _, session := range s.sessions {
		if session.customer == c.id && session.status == "open" {
			session.status = "expired"
		}
	}
	s.tell("customer.deleted", c.id)
	c.deleted = true
}

// months is so many months after a time: on the same day, or the month's last.
func months(from time.Time, count int) time.Time {
	to := from.AddDate(0, count, 0)
	if to.Day() != from.Day() { // it overflowed into the next
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}
