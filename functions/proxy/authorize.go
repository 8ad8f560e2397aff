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
// somebody without a slice (or, with X-Denied, for a request that another site sent, for one that an operator
// who sees somebody else's account may not make, and for all during maintenance), which nginx turns into
// what the browser sees. No answer has a body: nginx would close the connection.
func (p *Proxy) authorize(w http.ResponseWriter, r *http.Request) {
	if p.crossOrigins.Check(original(r)) != nil {
		deny(w, "cross-origin")
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
		deny(w, "maintenance")
	case access.Port == 0:
		w.WriteHeader(http.StatusForbidden)
	case !access.SeesUntil.IsZero():
		p.authorizeSight(w, r, access)
	default:
		w.Header().Set("X-Slice-Port", strconv.Itoa(access.Port))
		w.WriteHeader(http.StatusNoContent)
	}
}

// authorizeSight answers an operator who sees somebody else's account. nginx keeps no answer that says
// no-store, so that it asks for each request, and hands that on to the browser with what the slice answers:
// a customer's pictures do not stay in an operator's cache.
func (p *Proxy) authorizeSight(w http.ResponseWriter, r *http.Request, access Access) {
	w.Header().Set("Cache-Control", "no-store")
	sight, reach := access.sight(p.Clock()), reachOf(original(r).Method, r.Header.Get("X-Original-URI"))
	switch {
	case sight.Refuse(reach) == nil:
	case reach == session.Copy:
		deny(w, "copying")
		return
	case sight.MayChange:
		deny(w, "owner")
		return
	default:
		deny(w, "looking")
		return
	}
	w.Header().Set("X-Slice-Port", strconv.Itoa(access.Port))
	w.WriteHeader(http.StatusNoContent)
}

// deny names the words of a refusal, which nginx has.
func deny(w http.ResponseWriter, why string) {
	w.Header().Set("X-Denied", why)
	w.WriteHeader(http.StatusForbidden)
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
