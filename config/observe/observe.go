// Package observe is what both binaries show of themselves, by their settings LOG_LEVEL and …_METRICS:
// log lines that say which request and job they belong to, and an endpoint with figures, health and
// readiness. It knows slog, HTTP and Prometheus, and nothing of slices, Postgres or River: what is
// counted, and what a process needs to be ready, is said by whoever opens the endpoint.
package observe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"regexp"
)

// RequestHeader carries a request's id, as nginx gives it ($request_id).
const RequestHeader = "X-Request-Id"

type (
	requestKey struct{}
	jobKey     struct{}
)

var requestID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// WithRequest says which request the context is about: 32 hex digits. Anything else is not taken over, so
// that nobody writes into the log.
func WithRequest(ctx context.Context, id string) context.Context {
	if !requestID.MatchString(id) {
		return ctx
	}
	return context.WithValue(ctx, requestKey{}, id)
}

// Request is the id of the request that the context is about; empty: none.
func Request(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// WithJob says which job the context is about.
func WithJob(ctx context.Context, id int64) context.Context {
	return context.WithValue(ctx, jobKey{}, id)
}

// Requests gives every request's context its id: the header's, or a new one where that is none.
func Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := WithRequest(r.Context(), r.Header.Get(RequestHeader))
		if Request(ctx) == "" {
			ctx = WithRequest(ctx, newRequest())
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func newRequest() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Logs writes to another handler, with `request` and `job` of the context that a line is logged with.
func Logs(to slog.Handler) slog.Handler { return logs{to} }

type logs struct{ slog.Handler }

func (l logs) Handle(ctx context.Context, record slog.Record) error {
	if id := Request(ctx); id != "" {
		record.AddAttrs(slog.String("request", id))
	}
	if id, ok := ctx.Value(jobKey{}).(int64); ok {
		record.AddAttrs(slog.Int64("job", id))
	}
	return l.Handler.Handle(ctx, record)
}

func (l logs) WithAttrs(attrs []slog.Attr) slog.Handler { return logs{l.Handler.WithAttrs(attrs)} }
func (l logs) WithGroup(name string) slog.Handler       { return logs{l.Handler.WithGroup(name)} }
