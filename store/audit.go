package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// RecordSlice writes what actor did to a slice into the audit; detail may be nil.
func (q *Queries) RecordSlice(ctx context.Context, actor, action string, slice int64, detail map[string]any) error {
	return q.record(ctx, actor, action, fmt.Sprintf("slice:%d", slice), detail)
}

// RecordUser writes what a user did to their account, as user.ACTION; detail may be nil, and has no address.
func (q *Queries) RecordUser(ctx context.Context, action string, user int64, detail map[string]any) error {
	subject := fmt.Sprintf("user:%d", user)
	return q.record(ctx, subject, "user."+action, subject, detail)
}

// RecordUserBy writes what actor did to a user's account as its user can, as user.ACTION; detail may be nil, and has no address.
func (q *Queries) RecordUserBy(ctx context.Context, actor, action string, user int64, detail map[string]any) error {
	return q.record(ctx, actor, "user."+action, fmt.Sprintf("user:%d", user), detail)
}

// RecordAccount writes what an operator or a job did to an account, as account.ACTION; detail may be nil, and has no address.
func (q *Queries) RecordAccount(ctx context.Context, actor, action string, user int64, detail map[string]any) error {
	return q.record(ctx, actor, "account."+action, fmt.Sprintf("user:%d", user), detail)
}

// RecordRollout writes what was done about a rollout, as rollout.ACTION; detail may be nil.
func (q *Queries) RecordRollout(ctx context.Context, actor, action string, rollout int64, detail map[string]any) error {
	return q.record(ctx, actor, "rollout."+action, fmt.Sprintf("rollout:%d", rollout), detail)
}

// RecordServer writes what was found on a server, or done to it; detail may be nil.
func (q *Queries) RecordServer(ctx context.Context, actor, action, server string, detail map[string]any) error {
	return q.record(ctx, actor, action, "server:"+server, detail)
}

// RecordSilence writes that a silence of alerts was added or ended, as silence.ACTION.
func (q *Queries) RecordSilence(ctx context.Context, actor, action string, silence int64, detail map[string]any) error {
	return q.record(ctx, actor, "silence."+action, fmt.Sprintf("silence:%d", silence), detail)
}

// RecordAct writes what actor did to any subject ("slice:12", "server:local"); detail may be nil, and has no address.
func (q *Queries) RecordAct(ctx context.Context, actor, action, subject string, detail map[string]any) error {
	return q.record(ctx, actor, action, subject, detail)
}

func (q *Queries) record(ctx context.Context, actor, action, subject string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	encoded, err := json.Marshal(detail)
	if err == nil {
		err = q.Record(ctx, RecordParams{Actor: actor, Action: action, Subject: subject, Detail: encoded})
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
