package standin

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"
)

// customer is one that is there, for a call that names it beside.
func (s *Server) customer(id string) (*customer, error) {
	if found := s.customers[id]; found != nil && !found.deleted {
		return found, nil
	}
	return nil, unknown("customer", id, "customer")
}

func (s *Server) createCustomer(_ *http.Request, form form) (object, error) {
	made := &customer{made: s.make("cus"), email: form.text("email"), metadata: form.pairs("metadata", nil)}
	s.customers[made.id] = made
	s.tell("customer.created", made.id)
	return made.render(), nil
}

func (s *Server) updateCustomer(r *http.Request, form form) (object, error) {
	found := s.customers[r.PathValue("id")]
	if found == nil || found.deleted {
		return nil, unknown("customer", r.PathValue("id"), "id")
	}
	if form.has("email") {
		found.email = form.text("email")
	}
	found.metadata = form.pairs("metadata", found.metadata)
	s.tell("customer.updated", found.id)
	return found.render(), nil
}

func (s *Server) deleteCustomer(r *http.Request, _ form) (object, error) {
	found := s.customers[r.PathValue("id")]
	if found == nil || found.deleted {
		return nil, unknown("customer", r.PathValue("id"), "id")
	}
	s.forget(found)
	return found.render(), nil
}

func (s *Server) createSession(_ *http.Request, form form) (object, error) {
	owner, err := s.customer(form.text("customer"))
	if err != nil {
		return nil, err
	}
	made := &session{
		made: s.make("cs_test"), customer: owner.id, reference: form.text("client_reference_id"), status: "open",
		success: form.text("success_url"), cancel: form.text("cancel_url"), coupon: form.text("discounts[0][coupon]"),
		promotionCodes: form.is("allow_promotion_codes"), metadata: form.pairs("metadata", nil),
		subscriptionMetadata: form.pairs("subscription_data[metadata]", nil), expires: time.Unix(form.number("expires_at"), 0),
	}
	switch {
	case form.text("mode") != "subscription":
		return nil, invalid("mode", "The stand-in has mode subscription alone.")
	case made.success == "":
		return nil, invalid("success_url", "Missing required param: success_url.")
	case made.coupon != "" && made.promotionCodes:
		return nil, &refusal{status: 400, kind: "invalid_request_error", code: "parameters_exclusive", message: "You may only specify one of these parameters: allow_promotion_codes, discounts."}
	case made.coupon != "" && s.coupons[made.coupon] == nil:
		return nil, unknown("coupon", made.coupon, "discounts[0][coupon]")
	case made.expires.Before(s.now.Add(30*time.Minute - time.Minute)), made.expires.After(s.now.Add(day + time.Minute)):
		return nil, invalid("expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
	}
	for n := 0; form.has(fmt.Sprintf("line_items[%d][price]", n)); n++ {
		wanted, err := s.sold(form.text(fmt.Sprintf("line_items[%d][price]", n)), fmt.Sprintf("line_items[%d][price]", n))
		if err != nil {
			return nil, err
		}
		made.items = append(made.items, &item{price: wanted, quantity: form.number(fmt.Sprintf("line_items[%d][quantity]", n))})
	}
	if len(made.items) == 0 {
		return nil, invalid("line_items", "Missing required param: line_items.")
	}
	s.sessions[made.id] = made
	return made.render(s.options.URL), nil
}

// sold is a price that is not archived.
func (s *Server) sold(id, param string) (*price, error) {
	switch found := s.prices[id]; {
	case found == nil:
		return nil, unknown("price", id, param)
	case !found.active:
		return nil, invalid(param, "The price specified is inactive. This field only accepts active prices.")
	default:
		return found, nil
	}
}

func (s *Server) listSubscriptions(r *http.Request, form form) (object, error) {
	if of := form.text("customer"); of != "" {
		if _, err := s.customer(of); err != nil {
			return nil, err
		}
	}
	all := []object{}
	for _, found := range newest(s.subscriptions) {
		if (!form.has("customer") || form.text("customer") == found.customer) && (form.text("status") == "all" || found.status != "canceled") {
			all = append(all, found.render())
		}
	}
	return s.list(r, form, all)
}

func (s *Server) listInvoices(r *http.Request, form form) (object, error) {
	all := []object{}
	for _, found := range newest(s.invoices) {
		if (!form.has("customer") || form.text("customer") == found.customer) &&
			(!form.has("subscription") || form.text("subscription") == found.subscription) &&
			(!form.has("status") || form.text("status") == found.status) {
			all = append(all, found.render(s.options.URL))
		}
	}
	return s.list(r, form, all)
}

func (s *Server) updateSubscription(r *http.Request, form form) (object, error) {
	sub := s.subscriptions[r.PathValue("id")]
	if sub == nil || sub.over() {
		return nil, unknown("subscription", r.PathValue("id"), "id")
	}
	if form.has("cancel_at") && form.has("cancel_at_period_end") {
		return nil, invalid("cancel_at", "cancel_at and cancel_at_period_end exclude each other.")
	}
	if err := s.updateItems(sub, form); err != nil {
		return nil, err
	}
	switch {
	case form.is("cancel_at_period_end"):
		sub.atPeriodEnd, sub.cancelAt, sub.canceledAt = true, time.Time{}, s.now
	case form.has("cancel_at_period_end") && sub.atPeriodEnd: // a day that was set by cancel_at stays
		sub.atPeriodEnd, sub.canceledAt = false, time.Time{}
	}
	if form.has("cancel_at") {
		sub.cancelAt, sub.canceledAt = time.Time{}, time.Time{}
		if at := form.number("cancel_at"); at > 0 {
			sub.cancelAt, sub.canceledAt = time.Unix(at, 0), s.now
		}
	}
	s.tell("customer.subscription.updated", sub.id)
	return sub.render(), nil
}

// updateItems changes what is subscribed to, all or nothing: where the card has to pay for it at once
// and does not, nothing is changed.
func (s *Server) updateItems(sub *subscription, form form) error {
	before := cost(sub.items)
	items := []*item{}
	for _, item := range sub.items {
		copied := *item
		items = append(items, &copied)
	}
	for n := 0; ; n++ {
		at := fmt.Sprintf("items[%d]", n)
		id, wanted := form.text(at+"[id]"), form.text(at+"[price]")
		if id == "" && wanted == "" {
			break
		}
		place := slices.IndexFunc(items, func(i *item) bool { return i.id == id })
		switch {
		case id != "" && place < 0:
			return unknown("subscription_item", id, at+"[id]")
		case form.is(at + "[deleted]"):
			items = slices.Delete(items, place, place+1)
			continue
		case id == "":
			found, err := s.sold(wanted, at+"[price]")
			if err != nil {
				return err
			}
			if slices.ContainsFunc(items, func(i *item) bool { return i.price == found }) {
				return invalid(at, "This subscription is already using that price.")
			}
			items = append(items, &item{made: s.make("si"), price: found})
			place = len(items) - 1
		}
		items[place].quantity = form.number(at + "[quantity]")
	}
	left := float64(sub.periodEnd.Sub(s.now)) / float64(sub.periodEnd.Sub(sub.periodStart))
	proration := int64(math.Round(float64(cost(items)-before) * left))
	switch form.text("proration_behavior") {
	case "none":
	case "always_invoice":
		if proration > 0 && s.customers[sub.customer].card != CardPays && form.text("payment_behavior") == "error_if_incomplete" {
			return &refusal{status: 402, kind: "card_error", code: "card_declined", message: "Your card was declined."}
		}
		if proration != 0 {
			sub.items = items
			paid := s.bill(sub, "subscription_update", max(0, proration))
			s.finalized(paid)
			s.try(paid)
		}
	default:
		sub.pending += proration
	}
	sub.items = items
	return nil
}

func cost(items []*item) (total int64) {
	for _, item := range items {
		total += item.price.amount * item.quantity
	}
	return total
}
