package payments

import (
	"context"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// Dispute is a dispute ("dp_…" or "du_…") or an early fraud warning ("issfr_…") as it is now.
//
// A warning has no status at Stripe but whether one can still act on it: its Status is "actionable"
// until its payment was refunded, or became a dispute, which then counts; then "settled".
func (s *Stripe) Dispute(ctx context.Context, id string) (billing.Dispute, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "read the dispute " + id
	if err := checkID(doing, id); err != nil {
		return billing.Dispute{}, err
	}
	if strings.HasPrefix(id, "issfr_") {
		return s.warning(ctx, doing, id)
	}
	params := &stripe.DisputeParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("charge")
	params.AddExpand("payment_intent")
	found, err := s.api.Disputes.Get(id, params)
	if err != nil {
		return billing.Dispute{}, failed(doing, err)
	}
	open := true
	switch found.Status {
	case stripe.DisputeStatusWon, stripe.DisputeStatusWarningClosed:
		open = false
	}
	return billing.Dispute{
		ID: found.ID, Kind: "dispute", Customer: payer(found.Charge, found.PaymentIntent),
		Status: string(found.Status), Open: open, At: instant(found.Created),
	}, nil
}

func (s *Stripe) warning(ctx context.Context, doing, id string) (billing.Dispute, error) {
	params := &stripe.RadarEarlyFraudWarningParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("charge")
	params.AddExpand("payment_intent")
	found, err := s.api.RadarEarlyFraudWarnings.Get(id, params)
	if err != nil {
		return billing.Dispute{}, failed(doing, err)
	}
	status := "settled"
	if found.Actionable {
		status = "actionable"
	}
	return billing.Dispute{
		ID: found.ID, Kind: "fraud_warning", Customer: payer(found.Charge, found.PaymentIntent),
		Status: status, Open: found.Actionable, At: instant(found.Created),
	}, nil
}

// payer is the customer of a payment; empty: it has none.
func payer(charge *stripe.Charge, intent *stripe.PaymentIntent) string {
	switch {
	case charge != nil && charge.Customer != nil:
		return charge.Customer.ID
	case intent != nil && intent.Customer != nil:
		return intent.Customer.ID
	}
	return ""
}
