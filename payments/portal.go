package payments

import (
	"context"

	"github.com/stripe/stripe-go/v76"
)

// portalKey marks our configuration of the portal in its metadata: Stripe gives it an id of its own.
const portalKey = "slicegate"

// Portal makes the page at which a customer changes their card, sees their invoices and cancels.
func (s *Stripe) Portal(ctx context.Context, customer, returnURL string) (string, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "open the portal for " + customer
	configuration, err := s.portalConfiguration(ctx)
	if err != nil {
		return "", failed(doing, err)
	}
	params := &stripe.BillingPortalSessionParams{
		Params: stripe.Params{Context: ctx}, Customer: &customer, ReturnURL: &returnURL,
	}
	if configuration != "" { // else the one that is saved in the dashboard holds
		params.Configuration = &configuration
	}
	made, err := s.api.BillingPortalSessions.New(params)
	if err != nil {
		s.mu.Lock()
		s.portal = "" // it may have been switched off
		s.mu.Unlock()
		return "", failed(doing, err)
	}
	return made.URL, nil
}

// portalConfiguration is the id of ours, or empty; its error is Stripe's.
func (s *Stripe) portalConfiguration(ctx context.Context) (string, error) {
	s.mu.Lock()
	known := s.portal
	s.mu.Unlock()
	if known != "" {
		return known, nil
	}
	list := s.api.BillingPortalConfigurations.List(&stripe.BillingPortalConfigurationListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}, Active: stripe.Bool(true),
	})
	for list.Next() {
		if found := list.BillingPortalConfiguration(); found.Metadata[portalKey] != "" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.portal = found.ID
			return found.ID, nil
		}
	}
	return "", list.Err()
}
