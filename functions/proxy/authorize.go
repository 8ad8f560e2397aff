package proxy

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"slicegate/functions/answer"
	"slicegate/functions/maintenance"
	"slicegate/functions/session"
	"slicegate/store"
)

// authorize answers nginx's auth_request: 204 and X-Slice-Port, 401 for nobody, 403 for
// somebody without a slice (or, with X-Denied, for a request that another site sent, and for all
// during maintenance), which nginx turns into what the browser sees. No answer has a body: nginx
// would close the connection.
func (p *Proxy) authorize(w http.ResponseWriter, r *http.Request) {
	if p.crossOrigins.Check(original(r)) != nil {
		w.Header().Set("X-Denied", "cross-origin")
		w.WriteHeader(http.StatusForbidden)
		return
	}
	_, access, err := p.access(w, r)
	switch {
	case errors.Is(err, session.ErrNone):
		w.WriteHeader(http.StatusUnauthorized)
	case err != nil:
		slog.ErrorContext(r.Context(), "authorize failed", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
	case access.Paused:
		w.Header().Set("X-Denied", "maintenance")
		w.WriteHeader(http.StatusForbidden)
	case access.Port == 0:
		w.WriteHeader(http.StatusForbidden)
	default:
		w.Header().Set("X-Slice-Port", strconv.Itoa(access.Port))
		w.WriteHeader(http.StatusNoContent)
	}
}

// paused tells what the maintenance is about: nginx asks for it in place of what was refused.
func (p *Proxy) paused(w http.ResponseWriter, r *http.Request) {
	err := maintenance.Refuse(r.Context(), store.New(p.Pool), p.Clock())
	if err == nil {
		err = answer.Errorf(answer.Unavailable, "The maintenance is over just now: try again.")
	}
	answer.Problem(w, r, err)
}

// original is the browser's request as far as it matters for its origin: nginx asks with
// GET whatever the browser sent. A WebSocket changes things though it begins as a GET, and
// browsers let any site open one.
func original(r *http.Request) *http.Request {
	asked := &http.Request{Method: r.Header.Get("X-Original-Method"), Host: r.Host, Header: r.Header, URL: r.URL}
	if r.Header.Get("X-Original-Upgrade") != "" {
		asked.Method = http.MethodPost
	}
	return asked
}
