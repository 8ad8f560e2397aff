package payments

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/jobs/billing"
	"slicegate/payments/standin"
)

const day = 24 * time.Hour

// start is when the tests' stand-ins begin.
var start = time.Date(2026, time.March, 31, 9, 0, 0, 0, time.UTC)

func settings() config.Billing {
	return config.Billing{
		StripeKey: "sk_test_standin", StripeURL: "http://stand-in", Price: "9.00", LaunchPrice: "4.50", StoragePrice: "0.50",
		CurrencyCode: "usd", WebhookSecrets: []string{"whsec_new", "whsec_old"},
	}
}

// bundle is an account at the stand-in, set up, all of whose calls stripe-mock has checked.
type bundle struct {
	*testing.T
	*Stripe
	standIn *standin.Server
	address string
}

type option func(*config.Billing, *standin.Options)

func newBundle(t *testing.T, options ...option) *bundle {
	b := empty(t, options...)
	if err := b.SetUp(t.Context(), Setup{Webhook: "https://app.example.com/billing/webhook", AppURL: "https://app.example.com", Out: &bytes.Buffer{}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// empty is an account at the stand-in in which nothing was set up.
func empty(t *testing.T, options ...option) *bundle {
	t.Helper()
	t.Parallel()
	return one(t, options...)
}

func one(t *testing.T, options ...option) *bundle {
	t.Helper()
	with, of := settings(), standin.Options{Key: "sk_test_standin", Clock: func() time.Time { return start }}
	for _, set := range options {
		set(&with, &of)
	}
	b := &bundle{T: t, standIn: standin.New(of)}
	server := httptest.NewServer(b.standIn)
	t.Cleanup(server.Close)
	with.StripeURL, b.address = server.URL, server.URL
	b.Stripe = b.with(with)
	return b
}

// with is the same account with other settings.
func (b *bundle) with(settings config.Billing) *Stripe {
	settings.StripeURL = b.address
	opened := open(settings, &http.Client{Transport: checked{t: b.T, mock: strict(b.T), next: http.DefaultTransport}, Timeout: callTime})
	opened.now = b.standIn.Now
	return opened
}

// must fails the test with an error.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (b *bundle) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) wanted(user int64, customer string, storage int) billing.Checkout {
	return billing.Checkout{
		User: user, Customer: customer, Until: b.standIn.Now().Add(time.Hour), StorageGB: storage,
		SuccessURL: "https://app.example.com/billing/done?session_id={CHECKOUT_SESSION_ID}", CancelURL: "https://app.example.com/billing",
		Key: "checkout-" + strconv.FormatInt(user, 10) + "-" + customer,
	}
}

// subscriber is a customer who has paid at Checkout.
func (b *bundle) subscriber(user int64, storage int) (customer, subscription string) {
	b.Helper()
	customer = must(b.Customer(b.Context(), user, "u"+strconv.FormatInt(user, 10)+"@example.com", ""))(b)
	session := must(b.Checkout(b.Context(), b.wanted(user, customer, storage)))(b)
	b.ok(b.standIn.Pay(session.ID))
	return customer, b.standIn.Newest(customer)
}

// has is what a customer has.
func (b *bundle) has(customer string) billing.Subscription {
	b.Helper()
	found := must(b.Subscription(b.Context(), customer, ""))(b)
	if found == nil {
		b.Fatalf("%s has no subscription", customer)
	}
	return *found
}

func at(t time.Time) *time.Time { return &t }
