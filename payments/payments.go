// Package payments is the account at Stripe: what is asked of it, what it tells, and how it is set up.
// It keeps nothing; what follows for an account from what Stripe says is decided in jobs/billing.
//
// All that a customer subscribes to is found by names that are made of the settings (names.go), so that
// nothing of what Setup has made has to be noted anywhere.
package payments

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"slicegate/config"
	"slicegate/jobs/billing"
)

const (
	// callTime is how long one call may take, with its retries.
	callTime = 10 * time.Second
	// retries are made of a call that did not get through, or that Stripe could not answer.
	retries = 2
)

// Stripe is the account at Stripe that STRIPE_KEY opens. Its errors wrap billing.ErrUnreachable where
// the same call may work later, billing.ErrGone where Stripe does not have what is asked for, and
// ErrDeclined where the customer's card was not charged; they never have the key.
type Stripe struct {
	api      *client.API
	settings config.Billing
	live     bool // the key is one of live mode
	now      func() time.Time

	mu     sync.Mutex
	prices map[string]string // by lookup key
	portal string            // the portal's configuration
}

var _ billing.Stripe = (*Stripe)(nil)

// Open makes the account ready. It asks Stripe nothing yet.
func Open(settings config.Billing) *Stripe {
	return open(settings, &http.Client{Timeout: callTime})
}

func open(settings config.Billing, over *http.Client) *Stripe {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               &settings.StripeURL,
		HTTPClient:        over,
		MaxNetworkRetries: stripe.Int64(retries),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // errors are logged by who gets them
	})
	return &Stripe{
		api:      client.New(settings.StripeKey, &stripe.Backends{API: backend, Connect: backend, Uploads: backend}),
		settings: settings,
		live:     strings.Contains(settings.StripeKey, "_live_"),
		now:      time.Now,
		prices:   map[string]string{},
	}
}

// call gives one call its time.
func call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTime)
}
