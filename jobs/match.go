package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"slicegate/store"
)

// Match gives ready slices to waiting users, the longest wait first, until one of the two
// runs out, and returns the slices it gave. It belongs in the transaction that made a user
// wait or a slice ready. Two such transactions at once can each miss the other's row, so
// each must also enqueue FillPoolArgs, whose worker matches again after both.
func Match(ctx context.Context, tx pgx.Tx, actor string) ([]store.Slice, error) {
	queries := store.New(tx)
	var matched []store.Slice
	for {
		slice, err := queries.MatchNext(ctx)
		if store.IsNone(err) {
			return matched, nil
		}
		if err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		if err := record(ctx, queries, actor, "slice.assign", slice.ID, map[string]any{"user": *slice.UserID}); err != nil {
			return nil, err
		}
		matched = append(matched, slice)
	}
}

func record(ctx context.Context, queries *store.Queries, actor, action string, slice int64, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	encoded, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := queries.Record(ctx, store.RecordParams{
		Actor: actor, Action: action, Subject: fmt.Sprintf("slice:%d", slice), Detail: encoded,
	}); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
