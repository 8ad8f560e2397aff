package standin

import (
	"time"

	"github.com/stripe/stripe-go/v76"
)

type customer struct {
	made
	email    string
	metadata map[string]string
	deleted  bool
	card     Card
}

type product struct {
	made
	name, unit string
	active     bool
}

type price struct {
	made
	product, currency, lookup string
	amount                    int64
	active                    bool
}

type coupon struct {
	made
	name, currency, duration string
	amountOff                int64
	percentOff               float64
	months                   int
	products                 []string
	metadata                 map[string]string
}

type session struct {
	made
	customer, reference, status, subscription string
	success, cancel, coupon                   string
	promotionCodes                            bool
	metadata, subscriptionMetadata            map[string]string
	items                                     []*item
	expires                                   time.Time
	declined                                  bool
}

// item is a line of a session or a subscription.
type item struct {
	made
	price    *price
	quantity int64
}

type discount struct {
	id     string
	coupon *coupon
	start  time.Time
	end    time.Time // zero: never
}

type subscription struct {
	made
	customer, status, latestInvoice string
	metadata                        map[string]string
	items                           []*item
	discount                        *discount
	periodStart, periodEnd          time.Time
	periods                         int
	cancelAt, canceledAt, endedAt   time.Time
	atPeriodEnd                     bool
	paused                          string // how its invoices are treated meanwhile: "void", …; empty: it is not
	pending                         int64  // prorations of the next invoice
}

func (s *subscription) over() bool { return s.status == "canceled" || s.status == "incomplete_expired" }

// ends is when it ends by itself; zero: never.
func (s *subscription) ends() time.Time {
	if s.atPeriodEnd {
		return s.periodEnd
	}
	return s.cancelAt
}

type invoice struct {
	made
	number, customer, subscription, intent string
	status, reason, currency               string
	total                                  int64
	attempts                               int
	finalizes, finalized, paid, retries    time.Time
}

type intent struct {
	made
	customer, invoice, status, currency, charge string
	amount                                      int64
}

type charge struct {
	made
	customer, intent, invoice, currency string
	amount, refunded                    int64
	disputed                            bool
}

type dispute struct {
	made
	charge, intent, status, currency string
	amount                           int64
}

type warning struct {
	made
	charge, intent string
	actionable     bool
}

type portal struct {
	made
	customer, returnURL, configuration string
}

type configuration struct {
	made
	metadata map[string]string
	active   bool
	headline string
	back     string
}

type endpoint struct {
	made
	url, version, status, secret string
	events                       []string
}

type object = map[string]any

// seconds is a time as Stripe has it; nil: none.
func seconds(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Unix()
}

// text is a name, or null.
func text(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func pairs(metadata map[string]string) map[string]string {
	if metadata == nil {
		return map[string]string{}
	}
	return metadata
}

// base is what every object begins with.
func (m made) base(kind string) object {
	return object{"id": m.id, "object": kind, "created": m.at.Unix(), "livemode": false}
}

func with(of object, more object) object {
	for key, value := range more {
		of[key] = value
	}
	return of
}

// render is an object by its id, as the API shows it; nil: there is none.
func (s *Server) render(id string) object {
	switch {
	case s.customers[id] != nil:
		return s.customers[id].render()
	case s.products[id] != nil:
		return s.products[id].render()
	case s.prices[id] != nil:
		return s.prices[id].render()
	case s.coupons[id] != nil:
		return s.coupons[id].render()
	case s.sessions[id] != nil:
		return s.sessions[id].render(s.options.URL)
	case s.subscriptions[id] != nil:
		return s.subscriptions[id].render()
	case s.invoices[id] != nil:
		return s.invoices[id].render(s.options.URL)
	case s.intents[id] != nil:
		return s.intents[id].render()
	case s.charges[id] != nil:
		return s.charges[id].render()
	case s.disputes[id] != nil:
		return s.disputes[id].render()
	case s.warnings[id] != nil:
		return s.warnings[id].render()
	case s.configs[id] != nil:
		return s.configs[id].render()
	case s.endpoints[id] != nil:
		return s.endpoints[id].render()
	}
	return nil
}

func (c *customer) render() object {
	if c.deleted {
		return object{"id": c.id, "object": "customer", "deleted": true}
	}
	return with(c.base("customer"), object{"email": text(c.email), "metadata": pairs(c.metadata), "discount": nil, "currency": nil})
}

func (p *product) render() object {
	return with(p.base("product"), object{"name": p.name, "active": p.active, "unit_label": text(p.unit), "metadata": object{}, "type": "service"})
}

func (p *price) render() object {
	return with(p.base("price"), object{
		"product": p.product, "currency": p.currency, "unit_amount": p.amount, "active": p.active, "lookup_key": text(p.lookup),
		"type": "recurring", "billing_scheme": "per_unit", "metadata": object{}, "tax_behavior": "unspecified",
		"recurring": object{"interval": "month", "interval_count": 1, "usage_type": "licensed"},
	})
}

func (c *coupon) render() object {
	rendered := with(c.base("coupon"), object{
		"name": text(c.name), "duration": c.duration, "duration_in_months": nil, "valid": true, "metadata": pairs(c.metadata),
		"amount_off": nil, "percent_off": nil, "currency": text(c.currency), "times_redeemed": 0,
		"applies_to": object{"products": c.products},
	})
	if c.amountOff > 0 {
		rendered["amount_off"] = c.amountOff
	}
	if c.percentOff > 0 {
		rendered["percent_off"] = c.percentOff
	}
	if c.months > 0 {
		rendered["duration_in_months"] = c.months
	}
	return rendered
}

func (c *session) render(base string) object {
	rendered := with(c.base("checkout.session"), object{
		"mode": "subscription", "customer": c.customer, "client_reference_id": text(c.reference), "metadata": pairs(c.metadata),
		"status": c.status, "payment_status": "unpaid", "subscription": text(c.subscription), "expires_at": c.expires.Unix(),
		"success_url": c.success, "cancel_url": c.cancel, "url": nil, "allow_promotion_codes": c.promotionCodes,
	})
	if c.status == "open" {
		rendered["url"] = base + "/c/pay/" + c.id
	}
	if c.status == "complete" {
		rendered["payment_status"] = "paid"
	}
	return rendered
}

func (i *item) render(of string) object {
	return with(i.base("subscription_item"), object{"price": i.price.render(), "quantity": i.quantity, "subscription": of, "metadata": object{}})
}

func (d *discount) render(customer, subscription string) any {
	if d == nil {
		return nil
	}
	return object{
		"id": d.id, "object": "discount", "coupon": d.coupon.render(), "customer": customer, "subscription": subscription,
		"start": d.start.Unix(), "end": seconds(d.end), "promotion_code": nil,
	}
}

func (s *subscription) render() object {
	items := []object{}
	for _, item := range s.items {
		items = append(items, item.render(s.id))
	}
	discounts := []string{}
	if s.discount != nil {
		discounts = append(discounts, s.discount.id)
	}
	rendered := with(s.base("subscription"), object{
		"customer": s.customer, "status": s.status, "metadata": pairs(s.metadata), "latest_invoice": text(s.latestInvoice),
		"current_period_start": s.periodStart.Unix(), "current_period_end": s.periodEnd.Unix(), "start_date": s.at.Unix(),
		"cancel_at": seconds(s.cancelAt), "cancel_at_period_end": s.atPeriodEnd, "canceled_at": seconds(s.canceledAt),
		"ended_at": seconds(s.endedAt), "discount": s.discount.render(s.customer, s.id), "discounts": discounts,
		"collection_method": "charge_automatically", "pause_collection": nil, "currency": s.items[0].price.currency,
		"items": object{"object": "list", "has_more": false, "url": "/v1/subscription_items?subscription=" + s.id, "data": items},
	})
	if s.atPeriodEnd {
		rendered["cancel_at"] = s.periodEnd.Unix()
	}
	if s.paused != "" {
		rendered["pause_collection"] = object{"behavior": s.paused, "resumes_at": nil}
	}
	return rendered
}

func (i *invoice) render(base string) object {
	rendered := with(i.base("invoice"), object{
		"number": text(i.number), "customer": i.customer, "subscription": text(i.subscription), "payment_intent": text(i.intent),
		"status": i.status, "billing_reason": i.reason, "currency": i.currency, "total": i.total, "subtotal": i.total,
		"amount_due": i.total, "amount_paid": 0, "amount_remaining": i.total, "attempt_count": i.attempts, "attempted": i.attempts > 0,
		"paid": i.status == "paid", "due_date": nil, "next_payment_attempt": seconds(i.retries), "hosted_invoice_url": nil,
		"collection_method": "charge_automatically", "metadata": object{},
		"status_transitions": object{"finalized_at": seconds(i.finalized), "paid_at": seconds(i.paid), "voided_at": nil, "marked_uncollectible_at": nil},
	})
	if i.status == "paid" {
		rendered["amount_paid"], rendered["amount_remaining"] = i.total, 0
	}
	if i.status != "draft" {
		rendered["hosted_invoice_url"] = base + "/i/" + i.id
	}
	return rendered
}

func (i *intent) render() object {
	return with(i.base("payment_intent"), object{
		"customer": i.customer, "invoice": text(i.invoice), "status": i.status, "currency": i.currency, "amount": i.amount,
		"latest_charge": text(i.charge), "metadata": object{},
	})
}

func (c *charge) render() object {
	return with(c.base("charge"), object{
		"customer": c.customer, "payment_intent": c.intent, "invoice": c.invoice, "currency": c.currency, "amount": c.amount,
		"amount_refunded": c.refunded, "refunded": c.refunded == c.amount, "disputed": c.disputed, "paid": true, "status": "succeeded",
		"metadata": object{},
	})
}

func (d *dispute) render() object {
	return with(d.base("dispute"), object{
		"charge": d.charge, "payment_intent": d.intent, "status": d.status, "currency": d.currency, "amount": d.amount,
		"reason": "fraudulent", "metadata": object{},
	})
}

func (w *warning) render() object {
	return with(w.base("radar.early_fraud_warning"), object{
		"charge": w.charge, "payment_intent": w.intent, "actionable": w.actionable, "fraud_type": "unauthorized_use_of_card",
	})
}

func (c *configuration) render() object {
	return with(c.base("billing_portal.configuration"), object{
		"active": c.active, "is_default": false, "metadata": pairs(c.metadata), "default_return_url": text(c.back),
		"business_profile": object{"headline": text(c.headline)}, "updated": c.at.Unix(),
	})
}

func (e *endpoint) render() object {
	return with(e.base("webhook_endpoint"), object{
		"url": e.url, "api_version": text(e.version), "status": e.status, "enabled_events": e.events, "metadata": object{},
	})
}

// version is the API's that it stands in for.
const version = stripe.APIVersion
