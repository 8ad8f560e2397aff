// Package standin is a small stand-in of Stripe for tests and demonstrations: no money moves, and
// nothing in it is Stripe's. It keeps customers, Checkout sessions, subscriptions, invoices, payments
// and what belongs to them in memory, answers as API 2023-10-16 does, has a clock that can be set ahead
// (renewals, dunning, and whatever else falls due then happens in order), and tells of it in signed
// webhooks. It knows as much of Stripe as package payments asks for.
package standin

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are how a stand-in begins. The zero value is one with the machine's clock.
type Options struct {
	Key     string           // the API key that it takes; empty: any
	URL     string           // its own address, as browsers see it; empty: as each request says
	Clock   func() time.Time // nil: the machine's; Advance sets it ahead
	Client  *http.Client     // by which it reaches the webhook; nil: the default one
	Retries []time.Duration  // when a failed payment is tried again, after it was due; nil: DefaultRetries
	// What becomes of a subscription once they are over: "cancel" (also when empty), "unpaid" or "past_due".
	AfterRetries string
}

// DefaultRetries are after 3, 5, 7 and 14 days.
var DefaultRetries = []time.Duration{3 * day, 5 * day, 7 * day, 14 * day}

const day = 24 * time.Hour

// Server is the stand-in. It is an http.Handler, and may be used by several at once.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu       sync.Mutex
	ahead    time.Duration // of the options' clock
	now      time.Time     // up to here everything has happened that was due
	sequence int
	outage   outage

	customers     map[string]*customer
	products      map[string]*product
	prices        map[string]*price
	coupons       map[string]*coupon
	sessions      map[string]*session
	subscriptions map[string]*subscription
	invoices      map[string]*invoice
	intents       map[string]*intent
	charges       map[string]*charge
	disputes      map[string]*dispute
	warnings      map[string]*warning
	portals       map[string]*portal
	configs       map[string]*configuration
	endpoints     map[string]*endpoint
	answered      map[string]answered // by idempotency key
	calls         int
	events        []Event
	told          chan struct{} // closed, and made anew, with each event
}

// New makes a stand-in with nothing in it.
func New(options Options) *Server {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.Client == nil {
		options.Client = http.DefaultClient
	}
	if options.Retries == nil {
		options.Retries = DefaultRetries
	}
	s := &Server{
		options: options, mux: http.NewServeMux(), now: options.Clock(), told: make(chan struct{}),
		customers: map[string]*customer{}, products: map[string]*product{}, prices: map[string]*price{},
		coupons: map[string]*coupon{}, sessions: map[string]*session{}, subscriptions: map[string]*subscription{},
		invoices: map[string]*invoice{}, intents: map[string]*intent{}, charges: map[string]*charge{},
		disputes: map[string]*dispute{}, warnings: map[string]*warning{}, portals: map[string]*portal{},
		configs: map[string]*configuration{}, endpoints: map[string]*endpoint{}, answered: map[string]answered{},
	}
	s.routes()
	s.pages()
	s.controls()
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Now is the stand-in's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	return s.now
}

// Advance sets the clock ahead; what falls due until then happens, each at its time.
func (s *Server) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += by
	s.catchUp()
}

// catchUp lets everything happen that has become due.
func (s *Server) catchUp() {
	until := s.options.Clock().Add(s.ahead)
	for {
		at, happen := s.next()
		if happen == nil || at.After(until) {
			break
		}
		if at.After(s.now) {
			s.now = at
		}
		happen()
	}
	if until.After(s.now) {
		s.now = until
	}
}

// next is what falls due first, and when; nil: nothing ever.
func (s *Server) next() (at time.Time, happen func()) {
	consider := func(when time.Time, then func()) {
		if !when.IsZero() && (happen == nil || when.Before(at)) {
			at, happen = when, then
		}
	}
	for _, session := range newest(s.sessions) {
		if session.status == "open" {
			consider(session.expires, func() { s.expire(session) })
		}
	}
	for _, invoice := range newest(s.invoices) {
		if invoice.status == "draft" {
			consider(invoice.finalizes, func() { s.finalize(invoice) })
		}
		if invoice.status == "open" {
			consider(invoice.retries, func() { s.retry(invoice) })
		}
	}
	for _, sub := range newest(s.subscriptions) {
		if sub.over() {
			continue
		}
		if sub.discount != nil {
			consider(sub.discount.end, func() { s.endDiscount(sub) })
		}
		consider(sub.ends(), func() { s.end(sub) })
		consider(sub.periodEnd, func() { s.renew(sub) })
	}
	return at, happen
}

// newest are the values, the newest first, as Stripe lists them.
func newest[T interface{ order() int }](of map[string]T) []T {
	return slices.SortedFunc(maps.Values(of), func(a, b T) int { return cmp.Compare(b.order(), a.order()) })
}

// made is in everything that Stripe makes.
type made struct {
	id       string
	at       time.Time
	sequence int
}

func (m made) order() int { return m.sequence }

func (s *Server) make(prefix string) made {
	return s.makeAs(prefix + "_" + strings.ToLower(rand.Text()[:16]))
}

func (s *Server) makeAs(id string) made {
	s.sequence++
	return made{id: id, at: s.now, sequence: s.sequence}
}
