package session

import (
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/store"
)

// User finds who sent a request, or refuses it as answer.Unauthenticated.
func (s *Signer) User(r *http.Request, queries *store.Queries, now time.Time) (user int64, err error) {
	_, id, err := s.Read(r)
	if err != nil {
		return 0, errNotAuthenticated
	}
	access, err := queries.AccessBySession(r.Context(), store.AccessBySessionParams{ID: id[:], Now: now})
	if store.IsNone(err) {
		return 0, errNotAuthenticated
	}
	return access.UserID, err
}

var errNotAuthenticated = answer.Errorf(answer.Unauthenticated, "Not authenticated")
