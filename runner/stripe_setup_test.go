package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"slicegate/payments/standin"
)

// stripeSetup runs the command with an environment, and gives what it prints.
func stripeSetup(t *testing.T, environment []string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := stripeSetupTo(&out, func() []string { return environment })(t.Context(), args)
	return out.String(), err
}

func TestStripeSetup(t *testing.T) {
	server := httptest.NewServer(standin.New(standin.Options{Key: "sk_test_standin"}))
	defer server.Close()
	// Neither a database nor secrets of the webhook.
	environment := []string{"STRIPE_KEY=sk_test_standin", "STRIPE_URL=" + server.URL, "APP_URL=https://app.example.com"}
	first, err := stripeSetup(t, environment)
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		"test mode", "product slicegate_slice made", "price slicegate_slice_usd_900 made: 9.00 usd a month", "price slicegate_storage_usd_50 made",
		"coupon slicegate_launch_usd_900_450_forever made", "portal configuration", "https://app.example.com/billing/webhook, API version 2023-10-16",
		"\nSTRIPE_WEBHOOK_SECRETS=whsec_", "within GRACE, which is 7 days", "https://dashboard.stripe.com/revenue_recovery/retries",
	} {
		if !strings.Contains(first, words) {
			t.Errorf("%q is not said:\n%s", words, first)
		}
	}
	second, err := stripeSetup(t, append(environment, "GRACE=36h"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(second, " made:") || strings.Contains(second, "whsec_") || !strings.Contains(second, "which is 36h0m0s") {
		t.Errorf("the second time it said\n%s", second)
	}
	elsewhere, err := stripeSetup(t, environment, "-webhook", "https://other.example.com/billing/webhook")
	if err != nil || !strings.Contains(elsewhere, "made: https://other.example.com/billing/webhook") {
		t.Errorf("%v\n%s", err, elsewhere)
	}
}

func TestStripeSetupRefuses(t *testing.T) {
	server := httptest.NewServer(standin.New(standin.Options{Key: "sk_test_standin"}))
	defer server.Close()
	with := func(more ...string) []string {
		return append([]string{"STRIPE_URL=" + server.URL, "APP_URL=http://app.localhost:8080"}, more...)
	}
	for name, test := range map[string]struct {
		environment []string
		args        []string
		want        string
	}{
		"without a key":         {with(), nil, "STRIPE_KEY is not set"},
		"with another's key":    {with("STRIPE_KEY=sk_test_SECRET"), nil, "Stripe does not take STRIPE_KEY"},
		"with no key at all":    {with("STRIPE_KEY=pk_test_SECRET"), nil, "STRIPE_KEY must be a secret key"},
		"a price that is none":  {with("STRIPE_KEY=sk_test_standin", "PRICE=cheap"), nil, "PRICE must be"},
		"a webhook without TLS": {with("STRIPE_KEY=sk_test_standin"), []string{"-webhook", "http://app.example.com/billing/webhook"}, "-webhook must be an address with https"},
		"more words":            {with("STRIPE_KEY=sk_test_standin"), []string{"please"}, "runner stripe-setup [-webhook"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := stripeSetup(t, test.environment, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error()+out, "SECRET") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	out, err := stripeSetup(t, with("STRIPE_KEY=sk_test_standin"))
	if err != nil || !strings.Contains(out, "no webhook: it needs an address that Stripe can reach") {
		t.Errorf("%v\n%s", err, out)
	}
}
