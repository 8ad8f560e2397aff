package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CheckedWithin is how lately a slice must have been found healthy to be given to somebody:
// `fill_pool` asks those of the pool every 30 s.
const CheckedWithin = 90 * time.Second

// PlaceOffered is how long a place is kept for somebody who was told that there was none, and pays first.
const PlaceOffered = 24 * time.Hour

// Match gives ready slices to waiting users, the longest wait first, until one of the two
// runs out, and returns the slices it gave. What is left is kept for those who were told that there
// was no place and pay first. It belongs in the transaction that made a user wait or a slice ready.
// Two such transactions at once can each miss the other's row, so each must also enqueue
// jobs.FillPoolArgs, whose worker matches again after both.
func Match(ctx context.Context, tx pgx.Tx, actor string, now time.Time) ([]Slice, error) {
	queries := New(tx)
	if err := queries.LockPlaces(ctx); err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	var matched []Slice
	for {
		slice, err := queries.MatchNext(ctx, MatchNextParams{Now: now, CheckedSince: now.Add(-CheckedWithin)})
		if IsNone(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		if err := queries.RecordSlice(ctx, actor, "slice.assign", slice.ID, map[string]any{"user": *slice.UserID}); err != nil {
			return nil, err
		}
		matched = append(matched, slice)
	}
	if _, err := queries.OfferPlaces(ctx, OfferPlacesParams{Now: now, Until: now.Add(PlaceOffered)}); err != nil {
		return nil, fmt.Errorf("offer places: %w", err)
	}
	return matched, nil
}
