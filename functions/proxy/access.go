package proxy

import (
	"context"
	"net/http"
	"time"

	"slicegate/functions/session"
	"slicegate/store"
)

// Access is who holds a session and where their slice is.
type Access struct {
	UserID     int64
	SliceID    int64 // zero: no slice
	Port       int   // zero: no slice that may be used
	Paused     bool  // there is maintenance
	ExpiresAt  time.Time
	ExtendedAt time.Time
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
	if !cached {
		if access, err = p.query(r.Context(), id, now); err != nil {
			return id, Access{}, err
		}
	}
	if !now.Before(access.ExpiresAt) {
		return id, Access{}, session.ErrNone
	}
	if now.Sub(access.ExtendedAt) >= extendEvery {
		if access, err = p.extend(r.Context(), id, access, now); err != nil {
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
	if row.SliceID != nil {
		access.SliceID = *row.SliceID
		if row.Port != nil && row.Status != nil && *row.Status == "assigned" {
			access.Port = int(*row.Port)
		}
	}
	p.cache.put(id, access, began)
	return access, nil
}

func (p *Proxy) extend(ctx context.Context, id session.ID, access Access, now time.Time) (Access, error) {
	began := p.cache.begin()
	extended, err := store.New(p.Pool).ExtendSession(ctx, store.ExtendSessionParams{
		ID: id[:], ExpiresAt: now.Add(p.SessionLife), Now: now, NotSince: now.Add(-extendEvery),
	})
	if err != nil {
		return Access{}, err
	}
	if extended == 0 { // another copy of this function was first, or the session has ended
		return p.query(ctx, id, now)
	}
	access.ExpiresAt, access.ExtendedAt = now.Add(p.SessionLife), now
	p.cache.put(id, access, began)
	return access, nil
}
