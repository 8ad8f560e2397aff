package payments

import (
	"context"
	"slices"

	"github.com/stripe/stripe-go/v76"
)

// Events are those that change what an account may have. There may be more: what is not known is
// noted, and has no effect.
var Events = []string{
	"checkout.session.completed", "checkout.session.expired",
	"customer.deleted",
	"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
	"customer.subscription.paused", "customer.subscription.resumed",
	"customer.discount.created", "customer.discount.updated", "customer.discount.deleted",
	"invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required",
	"invoice.voided", "invoice.marked_uncollectible",
	"charge.refunded",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
	"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated",
}

// webhook finds or makes the endpoint that Stripe calls, pinned to the API version of this library.
func (s *setup) webhook(ctx context.Context) error {
	if s.Webhook == "" {
		s.say("  no webhook: it needs an address that Stripe can reach; set APP_URL to one with https, or give it: -webhook https://app.example.com/billing/webhook")
		return nil
	}
	ctx, cancel := call(ctx)
	defer cancel()
	found, others, err := s.endpoints(ctx)
	switch {
	case err != nil:
		return failed("read the webhooks", err)
	case found == nil:
		err = s.makeWebhook(ctx)
	default:
		err = s.keepWebhook(ctx, found)
	}
	if err != nil {
		return err
	}
	for _, other := range others {
		s.say("  webhook %s has the same address and API version %s, not %s: delete it in the dashboard (Developers, Webhooks) once the new secret is in place",
			other.ID, other.APIVersion, stripe.APIVersion)
	}
	return nil
}

// endpoints are the webhook with our address and API version, or nil, and those with another version.
func (s *setup) endpoints(ctx context.Context) (found *stripe.WebhookEndpoint, others []*stripe.WebhookEndpoint, err error) {
	list := s.api.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
	})
	for list.Next() {
		switch endpoint := list.WebhookEndpoint(); {
		case endpoint.URL != s.Webhook:
		case endpoint.APIVersion != stripe.APIVersion:
			others = append(others, endpoint)
		case found == nil:
			found = endpoint
		}
	}
	return found, others, list.Err()
}

func (s *setup) makeWebhook(ctx context.Context) error {
	made, err := s.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		Params: stripe.Params{Context: ctx}, URL: &s.Webhook, EnabledEvents: stripe.StringSlice(Events),
		APIVersion: stripe.String(stripe.APIVersion), Description: stripe.String("Slicegate"),
	})
	if err != nil {
		return failed("make the webhook "+s.Webhook, err)
	}
	s.say("  webhook %s made: %s, API version %s", made.ID, s.Webhook, stripe.APIVersion)
	s.say("  its signing secret is shown only now. Put it into STRIPE_WEBHOOK_SECRETS (beside an older one, with a comma) and restart the functions:")
	s.say("STRIPE_WEBHOOK_SECRETS=%s", made.Secret)
	return nil
}

func (s *setup) keepWebhook(ctx context.Context, found *stripe.WebhookEndpoint) error {
	want := slices.Clone(found.EnabledEvents)
	if !slices.Contains(want, "*") {
		want = slices.Compact(slices.Sorted(slices.Values(append(want, Events...))))
	}
	if found.Status == "enabled" && len(want) == len(found.EnabledEvents) {
		s.say("  webhook %s is there: %s; its secret was shown when it was made (a new one: dashboard, Developers, Webhooks, Roll secret)", found.ID, s.Webhook)
		return nil
	}
	_, err := s.api.WebhookEndpoints.Update(found.ID, &stripe.WebhookEndpointParams{
		Params: stripe.Params{Context: ctx}, EnabledEvents: stripe.StringSlice(want), Disabled: stripe.Bool(false),
	})
	s.say("  webhook %s brought to the events that are needed, and enabled: %s", found.ID, s.Webhook)
	return failed("bring the webhook to the events that are needed", err)
}
