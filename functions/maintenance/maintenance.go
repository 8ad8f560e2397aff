// Package maintenance is what functions answer while the operator works on the platform: all but logging
// in and the operator's own pages is refused, and says until when.
package maintenance

import (
	"context"
	"net/http"
	"strings"
	"time"

	"slicegate/functions/answer"
	"slicegate/store"
)

// Kind marks the refusal, so that the app shows its page about it.
const Kind = "maintenance"

// Now is the maintenance that there is; nil: none.
func Now(ctx context.Context, queries *store.Queries) (*store.Maintenance, error) {
	row, err := queries.MaintenanceNow(ctx)
	if store.IsNone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// Refuse is an error while there is maintenance: what to answer, or why Postgres could not be asked.
func Refuse(ctx context.Context, queries *store.Queries, now time.Time) error {
	row, err := Now(ctx, queries)
	if err != nil || row == nil {
		return err
	}
	return refusal(*row, now)
}

// Guard refuses what handler does while there is maintenance, except where it must go on.
func Guard(handler http.Handler, queries *store.Queries, clock func() time.Time, goesOn func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !goesOn(r) {
			if err := Refuse(r.Context(), queries, clock()); err != nil {
				answer.Problem(w, r, err)
				return
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// When to try again, of one whose end is far, past, or not known.
const (
	soonest = 15 * time.Second
	latest  = 5 * time.Minute
)

func refusal(row store.Maintenance, now time.Time) *answer.Error {
	said, after := []string{"We are doing maintenance."}, time.Minute
	if row.Until != nil {
		after = min(max(row.Until.Sub(now), soonest), latest)
		if row.Until.After(now) {
			said[0] = "We are doing maintenance until about " + row.Until.UTC().Format("2006-01-02 15:04 UTC") + "."
		}
	}
	if row.Words != "" {
		said = append(said, row.Words)
	}
	said = append(said, "Your WhatsApp stays connected, and nothing is lost.")
	return &answer.Error{Code: answer.Unavailable, Kind: Kind, Message: strings.Join(said, " "), After: after}
}
