package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/functions/proxy/events"
	"slicegate/functions/session"
)

// events streams the events of the caller's slice until either side ends it, or the session does.
func (p *Proxy) events(w http.ResponseWriter, r *http.Request) {
	id, access, err := p.access(w, r)
	switch {
	case errors.Is(err, session.ErrNone):
		answer.Problem(w, r, answer.Errorf(answer.Unauthenticated, "Not authenticated"))
	case err != nil:
		answer.Problem(w, r, err)
	case access.Paused:
		p.paused(w, r)
	case access.Port == 0:
		answer.Problem(w, r, answer.Errorf(answer.Unavailable, "No slice assigned"))
	default:
		ctx, cancel := context.WithDeadline(r.Context(), access.ends())
		defer cancel()
		tick := time.NewTicker(extendEvery)
		defer tick.Stop()
		go p.stay(ctx, id, access.UserID, tick.C)
		p.hub.Serve(w, r.WithContext(ctx), events.Access{
			Session: id.String(), UserID: access.UserID, SliceID: access.SliceID, Port: access.Port,
			StillValid: func(ctx context.Context) bool { return p.still(ctx, id, access) },
		})
	}
}

// still tells whether a session is there, and shows the slice that it did.
func (p *Proxy) still(ctx context.Context, id session.ID, access Access) bool {
	now, err := p.query(ctx, id, p.Clock())
	return err == nil && !now.Paused && now.SliceID == access.SliceID
}

// stay extends the session at each tick for as long as ctx lasts: who has a stream open is there,
// also without a request. The app closes its stream when nobody looks.
func (p *Proxy) stay(ctx context.Context, id session.ID, user int64, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		_, err := p.extend(ctx, id, p.Clock())
		switch {
		case errors.Is(err, session.ErrNone):
			return
		case err != nil && ctx.Err() == nil: // the next tick tries again
			slog.WarnContext(ctx, "a session was not extended", "user", user, "error", err.Error())
		}
	}
}
