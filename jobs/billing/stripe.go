package billing

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrGone is an object that Stripe does not have, or has no more.
var ErrGone = errors.New("Stripe has no such object")

// ErrUnreachable is a Stripe that did not answer, or answered that it cannot now: to be tried again.
var ErrUnreachable = errors.New("Stripe cannot be reached")

// Stripe is the account at Stripe. Each method that makes something makes it once, however often it
// is called: what is to be made is named by an idempotency key of ours.
type Stripe interface {
	// Customer finds or makes the customer of a user, and gives its id. `known` is the id that the row
	// has; empty: none. A customer that was deleted at Stripe is made anew.
	Customer(ctx context.Context, user int64, email, known string) (id string, err error)
	// Subscription is what a customer has now, or had last; nil: nothing, and never had. `known` is the
	// newest that was read before (empty: none): of a deleted customer it is the answer.
	Subscription(ctx context.Context, customer, known string) (*Subscription, error)
	// Checkout makes the page at which a customer subscribes.
	Checkout(ctx context.Context, wanted Checkout) (CheckoutSession, error)
	// CheckoutCustomer is the customer of a Checkout session, and the user that it was made for.
	CheckoutCustomer(ctx context.Context, session string) (customer string, user int64, err error)
	// Portal makes the page at which a customer changes their card and sees their invoices.
	Portal(ctx context.Context, customer, returnURL string) (url string, err error)
	// End cancels a subscription to the end of what is paid, or takes that back.
	End(ctx context.Context, subscription string, end bool) error
	// Storage changes how many gigabytes are bought; 0 is none.
	Storage(ctx context.Context, subscription string, gigabytes int) error
	// Invoices are a customer's newest, at most 24, the newest first.
	Invoices(ctx context.Context, customer string) ([]Invoice, error)
	// Dispute is a dispute ("dp_…" or "du_…") or an early fraud warning ("issfr_…") as it is now.
	Dispute(ctx context.Context, id string) (Dispute, error)
	// Forget deletes a customer, and with it their subscriptions and cards. Gone already is no error.
	Forget(ctx context.Context, customer string) error
	// Subscriptions are all that the account has and that have not ended, by their customers.
	Subscriptions(ctx context.Context) iter.Seq2[Owned, error]
}

// Checkout is what a customer is to subscribe to.
type Checkout struct {
	User       int64
	Customer   string
	Until      time.Time // when the page stops to take a payment: 30 minutes to 24 hours from now
	StorageGB  int
	SuccessURL string // has {CHECKOUT_SESSION_ID}
	CancelURL  string
	Key        string // the same key makes the same session
}

// CheckoutSession is a page at Stripe.
type CheckoutSession struct{ ID, URL string }

// Invoice is one of a customer's.
type Invoice struct {
	ID       string
	Number   string
	At       time.Time
	Amount   int64  // in the smallest unit of the currency
	Currency string // "usd"
	Status   string // "paid", "open", "void", "uncollectible"
	URL      string // where it is seen and paid
}

// Dispute is a payment that is doubted.
type Dispute struct {
	ID       string
	Kind     string // "dispute" or "fraud_warning"
	Customer string // empty: the payment has none
	Status   string
	Open     bool // not decided, or lost
	At       time.Time
}

// Owned is a subscription and whose it is.
type Owned struct {
	Customer     string
	User         int64 // as its metadata say; 0: they do not
	Subscription Subscription
}
