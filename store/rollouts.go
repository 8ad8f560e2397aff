package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// RecordRollout writes what was done about a rollout into the audit, as rollout.ACTION.
func (q *Queries) RecordRollout(ctx context.Context, actor, action string, rollout int64, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	encoded, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := q.Record(ctx, RecordParams{
		Actor: actor, Action: "rollout." + action, Subject: fmt.Sprintf("rollout:%d", rollout), Detail: encoded,
	}); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
