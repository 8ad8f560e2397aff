package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"slicegate/config"
	"slicegate/payments"
)

const stripeSetupUsage = `runner stripe-setup [-webhook https://app.example.com/billing/webhook]: makes, or finds, what is sold in the account at Stripe that STRIPE_KEY opens

It reads STRIPE_KEY, STRIPE_URL, PRICE, LAUNCH_PRICE, LAUNCH_MONTHS, STORAGE_PRICE, CURRENCY_CODE, GRACE
and APP_URL, and needs no other settings. Without -webhook the webhook is APP_URL/billing/webhook, where that is https`

// stripeSetupTo is the command. The account at Stripe is set up before there are secrets of its webhook,
// and from any machine: it asks for neither them nor a database.
func stripeSetupTo(to io.Writer, environment func() []string) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		flags := flag.NewFlagSet("stripe-setup", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		webhook := flags.String("webhook", "", "")
		if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
			return errors.New(stripeSetupUsage)
		}
		settings, err := config.LoadBilling(environment())
		if err != nil {
			return err
		}
		site, err := config.LoadSite(environment())
		if err != nil {
			return err
		}
		if !settings.On() {
			return errors.New("STRIPE_KEY is not set; the dashboard has it under Developers, API keys: sk_test_… to try it out, sk_live_… for real payments")
		}
		if *webhook == "" && strings.HasPrefix(site.AppURL, "https://") {
			*webhook = site.AppURL + "/billing/webhook"
		}
		if address, err := url.Parse(*webhook); *webhook != "" && (err != nil || address.Scheme != "https" || address.Host == "") {
			return fmt.Errorf("-webhook must be an address with https, such as https://app.example.com/billing/webhook, not %q", *webhook)
		}
		err = payments.Open(settings).SetUp(ctx, payments.Setup{Webhook: *webhook, AppURL: site.AppURL, Out: to})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(to, unseen, days(settings.Grace))
		return err
	}
}

// unseen is what Stripe's API does not show, and what has to be so.
const unseen = `
Stripe does not tell programs how often it tries a failed payment again. Look yourself, in the dashboard,
once in test mode and once in live mode: Billing, Revenue recovery, Retries
(https://dashboard.stripe.com/revenue_recovery/retries):
  - Retry schedule: the retries must be over within GRACE, which is %[1]s. Stripe's own choice, 8 tries within
    2 weeks, is longer than 7 days: take "within 1 week". With a longer one, a customer whose slice is stopped
    already may still be charged, and it runs again;
  - Subscription status, if all retries fail: "Cancel the subscription". Else an account that does not pay stays
    suspended, with its data kept, until you cancel it by hand.
`

// days is a time in words: "7 days", or "36h0m0s".
func days(of time.Duration) string {
	if of%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", of/(24*time.Hour))
	}
	return of.String()
}
