package payments

import (
	"context"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// configurePortal makes the portal what the app expects: cards, invoices, and cancelling to the end of
// the period. Addresses of customers are changed in the app, plans by nobody.
func (s *setup) configurePortal(ctx context.Context) error {
	ctx, cancel := call(ctx)
	defer cancel()
	found, err := s.portalConfiguration(ctx)
	if err != nil {
		return failed("find the portal's configuration", err)
	}
	params := &stripe.BillingPortalConfigurationParams{
		Params:          stripe.Params{Context: ctx},
		Metadata:        map[string]string{portalKey: "portal"},
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{},
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			CustomerUpdate:      &stripe.BillingPortalConfigurationFeaturesCustomerUpdateParams{Enabled: stripe.Bool(false)},
			InvoiceHistory:      &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{
				Enabled: stripe.Bool(true), Mode: stripe.String("at_period_end"), ProrationBehavior: stripe.String("none"),
			},
			SubscriptionUpdate: &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateParams{Enabled: stripe.Bool(false)},
		},
	}
	// Stripe takes no empty profile.
	params.BusinessProfile.Headline = stripe.String("Your subscription")
	if strings.HasPrefix(s.AppURL, "https://") {
		params.DefaultReturnURL = stripe.String(s.AppURL + "/billing")
	}
	if found != "" {
		_, err = s.api.BillingPortalConfigurations.Update(found, params)
		s.say("  portal configuration %s is there, and as it has to be", found)
		return failed("bring the portal's configuration to the settings", err)
	}
	made, err := s.api.BillingPortalConfigurations.New(params)
	if err != nil {
		return failed("make the portal's configuration", err)
	}
	s.say("  portal configuration %s made", made.ID)
	return nil
}
