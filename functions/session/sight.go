package session

import (
	"fmt"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/store"
)

// Visitor is who sent a request: whose account it is about, and whether that is theirs.
type Visitor struct {
	UserID int64
	Sight  *Sight // nil: it is
}

// Actor is who the audit says did it.
func (v Visitor) Actor() string {
	if v.Sight != nil {
		return fmt.Sprintf("admin:%d", v.Sight.Operator)
	}
	return fmt.Sprintf("user:%d", v.UserID)
}

// Sight is how an operator sees somebody else's account: as its owner does, and for a while.
type Sight struct {
	Operator  int64
	Until     time.Time
	MayChange bool // its owner has allowed more than looking
}

// SightOf is the sight that a row tells of; nil: whoever holds the session sees their own account.
func SightOf(row store.AccessBySessionRow, now time.Time) *Sight {
	if row.SeesUserID == nil || row.SeesUntil == nil {
		return nil
	}
	return &Sight{Operator: row.HolderID, Until: *row.SeesUntil, MayChange: row.SupportUntil != nil && now.Before(*row.SupportUntil)}
}

// Reach says how far an operator who sees somebody else's account gets with a route.
type Reach int

// The zero value is that of a route that says nothing of it.
const (
	Owner   Reach = iota // not at all: the owner alone, whatever they have allowed
	Change               // where the owner has allowed more: it changes something
	Copy                 // where the owner has allowed more: it takes data along
	Look                 // as far as the owner
	Session              // it is about the session itself, or about nobody's account
)

// The words that refuse; nginx has those of authorize, by their names.
var (
	errLooking = answer.Errorf(answer.Forbidden, "You are looking at someone else's account: nothing can be changed.")
	errCopying = answer.Errorf(answer.Forbidden, "You are looking at someone else's account: no copy of it can be taken.")
	errOwner   = answer.Errorf(answer.Forbidden, "You are looking at someone else's account: its owner alone can do this.")
)

// Refuse is nil where somebody who sees an account this way gets as far as reach.
func (s *Sight) Refuse(reach Reach) error {
	switch {
	case s == nil, reach == Look, reach == Session, s.MayChange && reach != Owner:
		return nil
	case !s.MayChange && reach == Copy:
		return errCopying
	case !s.MayChange:
		return errLooking
	default:
		return errOwner
	}
}

// Visitor finds who sent a request, or refuses it as answer.Unauthenticated.
func (s *Signer) Visitor(r *http.Request, queries *store.Queries, now time.Time) (Visitor, error) {
	if visitor, known := r.Context().Value(visitorKey{}).(Visitor); known {
		return visitor, nil
	}
	_, id, err := s.Read(r)
	if err != nil {
		return Visitor{}, errNotAuthenticated
	}
	access, err := queries.AccessBySession(r.Context(), store.AccessBySessionParams{ID: id[:], Now: now})
	if store.IsNone(err) {
		return Visitor{}, errNotAuthenticated
	}
	if err != nil {
		return Visitor{}, err
	}
	return Visitor{UserID: access.UserID, Sight: SightOf(access, now)}, nil
}

var errNotAuthenticated = answer.Errorf(answer.Unauthenticated, "Not authenticated")
