// Package proxy is the function that tells nginx, for every request of the CRM, whose slice
// it is for, and that turns the slices' Socket.IO events into event streams. The bytes of
// the CRM itself do not pass through here.
package proxy

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/functions/figures"
	"slicegate/functions/proxy/events"
	"slicegate/functions/session"
	"slicegate/store"
)

// Proxy is the function; its fields are what it needs.
type Proxy struct {
	Pool        *pgxpool.Pool
	Signer      *session.Signer
	SessionLife time.Duration
	Linger      time.Duration // how long the connection to a slice's events outlives its last listener
	Clock       func() time.Time

	hub          *events.Hub
	cache        *cache
	crossOrigins *http.CrossOriginProtection
}

// New makes the function. Listen must run beside it, or nothing is cached; EndStreams ends it.
func New(p Proxy) *Proxy {
	p.cache = newCache()
	p.crossOrigins = http.NewCrossOriginProtection()
	p.hub = events.New(events.Config{Address: p.address, Linger: p.Linger})
	return &p
}

// EndStreams ends the event streams, which would outlast any shutdown of their server.
func (p *Proxy) EndStreams(ctx context.Context) error { return p.hub.Shutdown(ctx) }

// Figures are what is open now, and how sessions have been looked up.
func (p *Proxy) Figures() figures.Access {
	streams := p.hub.Stats()
	return figures.Access{
		Streams: streams.Listeners, Upstreams: streams.Connected, Dropped: streams.Dropped,
		Hits: p.cache.hits.Load(), Misses: p.cache.misses.Load(),
	}
}

// address is where the hub finds a slice's events, as long as the slice is still there: a
// port that it has left may be somebody else's by now.
func (p *Proxy) address(ctx context.Context, slice int64, port int) (string, error) {
	row, err := store.New(p.Pool).SliceByID(ctx, slice)
	if store.IsNone(err) {
		return "", events.ErrGone
	}
	if err != nil {
		return "", err
	}
	if row.Port == nil || int(*row.Port) != port || row.Status != "assigned" {
		return "", events.ErrGone
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port), nil
}

// Handler routes what nginx sends here: its own questions, and the event streams.
func (p *Proxy) Handler() http.Handler {
	router := figures.NewRouter()
	router.HandlerFunc(http.MethodGet, "/authorize", p.authorize)
	router.HandlerFunc(http.MethodGet, "/maintenance", p.paused)
	router.HandlerFunc(http.MethodGet, "/api/events", p.events)
	return router
}
