package proxy

import (
	"context"
	"errors"
	"net/http"

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
	case access.Port == 0:
		answer.Problem(w, r, answer.Errorf(answer.Unavailable, "No slice assigned"))
	default:
		ctx, cancel := context.WithDeadline(r.Context(), access.ExpiresAt)
		defer cancel()
		p.hub.Serve(w, r.WithContext(ctx), events.Access{
			Session: id.String(), UserID: access.UserID, SliceID: access.SliceID, Port: access.Port,
			StillValid: func(ctx context.Context) bool {
				_, err := p.query(ctx, id, p.Clock())
				return err == nil
			},
		})
	}
}
