package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"slicegate/store"
)

// Route is one of a function's that knows accounts.
type Route struct {
	Method, Pattern string
	Reach           Reach
	Do              func(http.ResponseWriter, *http.Request) error
}

// Guard is what a route does, for whoever may: an operator who sees somebody else's account is refused before
// anything is read or done. Who is not logged in is left to the route.
func (s *Signer) Guard(route Route, queries *store.Queries, clock func() time.Time) func(http.ResponseWriter, *http.Request) error {
	if route.Reach == Look || route.Reach == Session {
		return route.Do
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		visitor, err := s.Visitor(r, queries, clock())
		if err != nil && !errors.Is(err, errNotAuthenticated) {
			return err
		}
		if err := visitor.Sight.Refuse(route.Reach); err != nil {
			return err
		}
		if err == nil { // the route acts for whom it was let through, should they begin to see somebody this moment
			r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, visitor))
		}
		return route.Do(w, r)
	}
}

type visitorKey struct{}
