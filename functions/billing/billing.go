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

// Handler routes what nginx sends here.
func (b *Billing) Handler() http.Handler {
	router := figures.NewRouter()
	router.HandlerFunc(http.MethodGet, "/billing/status", b.handle(b.status))
	router.HandlerFunc(http.MethodPost, "/billing/refresh", b.handle(b.refresh))
	router.HandlerFunc(http.MethodPost, "/billing/create-checkout", b.handle(b.createCheckout))
	router.HandlerFunc(http.MethodPost, "/billing/cancel", b.handle(b.cancel))
	router.HandlerFunc(http.MethodPost, "/billing/reactivate", b.handle(b.reactivate))
	router.HandlerFunc(http.MethodPost, "/billing/storage", b.handle(b.storage))
	router.HandlerFunc(http.MethodGet, "/billing/portal", b.handle(b.portal))
	router.HandlerFunc(http.MethodGet, "/billing/invoices", b.handle(b.invoices))
	(&Exports{Pool: b.Pool, Jobs: b.Jobs, User: b.loggedIn, Server: b.Server, Clock: b.Clock}).Register(router)
	router.HandlerFunc(http.MethodPost, webhookPath, b.handle(b.webhook))
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

// loggedIn finds the user who sent r, or refuses.
func (b *Billing) loggedIn(r *http.Request) (user int64, err error) {
	return b.Signer.User(r, store.New(b.Pool), b.Clock())
}

// customerOf is loggedIn for what needs Stripe, with the account's row.
func (b *Billing) customerOf(r *http.Request) (store.User, error) {
	id, err := b.loggedIn(r)
	if err != nil {
		return store.User{}, err
	}
	if b.Stripe == nil {
		return store.User{}, errNoStripe
	}
	return store.New(b.Pool).UserByID(r.Context(), id)
}

var errNoStripe = answer.Errorf(answer.Conflict, "There is nothing to be paid here: this installation runs on trials alone.")
