package proxy

import (
	"context"
	"net/http"
	"time"

	"slicegate/functions/session"
	"slicegate/store"
)

// Access is whose account a session shows and where their slice is.
type Access struct {
	UserID     int64
	SliceID    int64 // zero: no slice
	Port       int   // zero: no slice that may be used
	Paused     bool  // there is maintenance
	ExpiresAt  time.Time
	ExtendedAt time.Time

	// An operator sees somebody else's account until then; zero: whoever holds the session sees their own.
	SeesUntil    time.Time
	SupportUntil time.Time // until then the owner allows more than looking
}

// sight is nil for their own account.
func (a Access) sight(now time.Time) *session.Sight {
	if a.SeesUntil.IsZero() {
		return nil
	}
	return &session.Sight{Until: a.SeesUntil, MayChange: now.Before(a.SupportUntil)}
}

// ends is when an event stream has to.
func (a Access) ends() time.Time {
	if !a.SeesUntil.IsZero() && a.SeesUntil.Before(a.ExpiresAt) {
		return a.SeesUntil
	}
	return a.ExpiresAt
}

// holds tells whether it can be true yet: what ends by time alone is told by nobody.
func (a Access) holds(now time.Time) bool {
	return a.SeesUntil.IsZero() || now.Before(a.SeesUntil)
}

// A session's expiry is moved on at most this often.
const extendEvery = time.Minute

// access finds who sent r; session.ErrNone if nobody who is logged in. A session in use is
// extended, and then the cookie on w too.
func (p *Proxy) access(w http.ResponseWriter, r *http.Request) (session.ID, Access, error) {
	token, id, err := p.Signer.Read(r)
	if err != nil {
		return id, Access{}, err
	}
	now := p.Clock()
	access, cached := p.cache.get(id)
	if !cached || !access.holds(now) {
		if access, err = p.query(r.Context(), id, now); err != nil {
			return id, Access{}, err
		}
	}
	if !now.Before(access.ExpiresAt) {
		return id, Access{}, session.ErrNone
	}
	if now.Sub(access.ExtendedAt) >= extendEvery {
		if access, err = p.extend(r.Context(), id, now); err != nil {
			return id, Access{}, err
		}
		http.SetCookie(w, session.Cookie(token, access.ExpiresAt, now))
	}
	return id, access, nil
}

func (p *Proxy) query(ctx context.Context, id session.ID, now time.Time) (Access, error) {
	began := p.cache.begin()
	row, err := store.New(p.Pool).AccessBySession(ctx, store.AccessBySessionParams{ID: id[:], Now: now})
	if store.IsNone(err) {
		return Access{}, session.ErrNone
	}
	if err != nil {
		return Access{}, err
	}
	access := Access{UserID: row.UserID, Paused: row.Maintenance, ExpiresAt: row.ExpiresAt, ExtendedAt: row.ExtendedAt}
	if row.SeesUserID != nil && row.SeesUntil != nil {
		access.SeesUntil = *row.SeesUntil
		if row.SupportUntil != nil {
			access.SupportUntil = *row.SupportUntil
		}
	}
	if row.SliceID != nil {
		access.SliceID = *row.SliceID
		if row.Port != nil && row.Status != nil && *row.Status == "assigned" {
			access.Port = int(*row.Port)
		}
	}
	p.cache.put(id, access, began)
	return access, nil
}

// extend moves the expiry on, unless another copy of this function has just done so, and reads the session
// anew: what was known of it may be from before the caller was told of a change.
func (p *Proxy) extend(ctx context.Context, id session.ID, now time.Time) (Access, error) {
	if _, err := store.New(p.Pool).ExtendSession(ctx, store.ExtendSessionParams{
		ID: id[:], ExpiresAt: now.Add(p.SessionLife), Now: now, NotSince: now.Add(-extendEvery),
	}); err != nil {
		return Access{}, err
	}
	return p.query(ctx, id, now)
}
