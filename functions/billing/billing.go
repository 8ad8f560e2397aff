// Package billing is the function behind /billing/: what an account pays, and where it stands. What is
// written here is what was asked for; what follows from it is found out by asking Stripe for its present
// state, here, by the jobs, or by both. No transaction and no lock of a row is held while Stripe is asked.
package billing

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/config"
	"slicegate/functions/answer"
	"slicegate/functions/figures"
	"slicegate/functions/maintenance"
	"slicegate/functions/session"
	"slicegate/jobs/billing"
	"slicegate/payments"
	"slicegate/store"
)

// Billing is the function; its fields are what it needs.
type Billing struct {
	Pool   *pgxpool.Pool
	Jobs   *river.Client[pgx.Tx] // inserts only
	Signer *session.Signer
	Stripe billing.Stripe // nil: there are trials alone
	// ReadEvent reads and checks a call of the webhook; nil without Stripe.
	ReadEvent  func(body []byte, signature string, now time.Time) (payments.Event, error)
	Settler    Settler
	Settings   config.Billing
	AppURL     string // without a slash at its end
	MediaQuota int64  // bytes that a slice may store without buying more
	Server     string // whose exports nginx has
	Clock      func() time.Time

	warned sync.Map // reasons for which an event was refused, and that were logged
}

// Settler brings an account to what Stripe says of it now: jobs.Settler.
type Settler interface {
	Settle(ctx context.Context, client *river.Client[pgx.Tx], user int64) error
}

const (
	bodyLimit = 8 << 10
	// askWithin is how long all calls of Stripe that one request needs may take: less than nginx waits.
	askWithin = 40 * time.Second
)

// Routes are all that there are.
func (b *Billing) Routes() []session.Route {
	exports := Exports{Pool: b.Pool, Jobs: b.Jobs, Visitor: b.visitor, Server: b.Server, Clock: b.Clock}
	return append([]session.Route{
		{Method: http.MethodGet, Pattern: "/billing/status", Reach: session.Look, Do: b.status},
		{Method: http.MethodPost, Pattern: "/billing/refresh", Reach: session.Owner, Do: b.refresh},
		{Method: http.MethodPost, Pattern: "/billing/create-checkout", Reach: session.Owner, Do: b.createCheckout},
		{Method: http.MethodPost, Pattern: "/billing/cancel", Reach: session.Owner, Do: b.cancel},
		{Method: http.MethodPost, Pattern: "/billing/reactivate", Reach: session.Owner, Do: b.reactivate},
		{Method: http.MethodPost, Pattern: "/billing/storage", Reach: session.Owner, Do: b.storage},
		{Method: http.MethodGet, Pattern: "/billing/portal", Reach: session.Owner, Do: b.portal}, // where cards are changed
		{Method: http.MethodGet, Pattern: "/billing/invoices", Reach: session.Look, Do: b.invoices},
		{Method: http.MethodPost, Pattern: webhookPath, Reach: session.Session, Do: b.webhook},
	}, exports.Routes()...)
}

// Handler routes what nginx sends here.
func (b *Billing) Handler() http.Handler {
	router := figures.NewRouter()
	for _, route := range b.Routes() {
		router.HandlerFunc(route.Method, route.Pattern, b.handle(b.Signer.Guard(route, store.New(b.Pool), b.Clock)))
	}
	router.NotFound = b.handle(func(http.ResponseWriter, *http.Request) error {
		return answer.Errorf(answer.NotFound, "There is nothing at this address.")
	})
	router.MethodNotAllowed = b.handle(func(_ http.ResponseWriter, r *http.Request) error {
		return answer.Errorf(http.StatusMethodNotAllowed, "This address does not take %s.", r.Method)
	})
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(b.handle(func(http.ResponseWriter, *http.Request) error {
		return answer.Errorf(answer.Forbidden, "This request came from another site and was refused.")
	}))
	protection.AddInsecureBypassPattern("POST " + webhookPath) // Stripe is no browser; its signature is checked
	// Stripe's calls are taken at all times: they change what is paid, not what a customer sees.
	return maintenance.Guard(protection.Handler(router), store.New(b.Pool), b.Clock, func(r *http.Request) bool { return r.URL.Path == webhookPath })
}

func (b *Billing) handle(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			answer.Problem(w, r, b.inWords(r.Context(), err))
		}
	}
}

// visitor finds who sent r, or refuses.
func (b *Billing) visitor(r *http.Request) (session.Visitor, error) {
	return b.Signer.Visitor(r, store.New(b.Pool), b.Clock())
}

// customerOf is visitor for what needs Stripe, with the account's row.
func (b *Billing) customerOf(r *http.Request) (store.User, error) {
	visitor, err := b.visitor(r)
	if err != nil {
		return store.User{}, err
	}
	return b.withStripe(r.Context(), visitor)
}

func (b *Billing) withStripe(ctx context.Context, visitor session.Visitor) (store.User, error) {
	if b.Stripe == nil {
		return store.User{}, errNoStripe
	}
	return store.New(b.Pool).UserByID(ctx, visitor.UserID)
}

var errNoStripe = answer.Errorf(answer.Conflict, "There is nothing to be paid here: this installation runs on trials alone.")
