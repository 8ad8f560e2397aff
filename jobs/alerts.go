package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"slicegate/store"
)

// Alert is something that a person has to know, for as long as it is the case.
type Alert struct {
	Kind     string // "slice.failed"
	Subject  string // "slice:12", as in the audit
	Severity string // "warning" or "critical"
	Detail   string // a sentence or two: what is wrong and what to do; nothing of a customer's
}

// Kinds of alerts, each opened and closed in one place.
const (
	alertSliceFailed  = "slice.failed"   // it stays down until somebody acts
	alertSliceStuck   = "slice.stuck"    // it is being made, moved or deleted for too long
	alertSliceMissing = "slice.missing"  // its schema or directories are gone
	alertLeftover     = "leftover"       // a schema, role or directory that belongs to no slice
	alertPoolFailing  = "pool.failing"   // new slices cannot be made
	alertServerFull   = "server.full"    // somebody waits, and there is no room
	alertRolloutHalt  = "rollout.halted" // until the next one, or its rollback
)

func subjectSlice(slice int64) string    { return fmt.Sprintf("slice:%d", slice) }
func subjectServer(server string) string { return "server:" + server }

// openAlert opens an alert, or says anew what an open one says.
func openAlert(ctx context.Context, queries *store.Queries, alert Alert, now time.Time) error {
	changed, err := queries.OpenAlert(ctx, store.OpenAlertParams{
		Kind: alert.Kind, Subject: alert.Subject, Severity: alert.Severity, Detail: alert.Detail, Now: now,
	})
	if err != nil {
		return fmt.Errorf("open alert %s of %s: %w", alert.Kind, alert.Subject, err)
	}
	if changed > 0 {
		slog.ErrorContext(ctx, "alert: "+alert.Detail, "kind", alert.Kind, "subject", alert.Subject, "severity", alert.Severity)
	}
	return nil
}

func closeAlert(ctx context.Context, queries *store.Queries, kind, subject string, now time.Time) error {
	changed, err := queries.CloseAlert(ctx, store.CloseAlertParams{Kind: kind, Subject: subject, Now: now})
	if err != nil {
		return fmt.Errorf("close alert %s of %s: %w", kind, subject, err)
	}
	if changed > 0 {
		slog.InfoContext(ctx, "alert is over", "kind", kind, "subject", subject)
	}
	return nil
}

// settleAlerts makes the open alerts of a kind those that are given. Of the others it closes
// those which are mine to judge: another server's are its own runner's.
func settleAlerts(ctx context.Context, queries *store.Queries, kind string, given []Alert, mine func(subject string) bool, now time.Time) error {
	for _, alert := range given {
		if err := openAlert(ctx, queries, alert, now); err != nil {
			return err
		}
	}
	open, err := queries.OpenSubjects(ctx, kind)
	if err != nil {
		return fmt.Errorf("list alerts %s: %w", kind, err)
	}
	for _, subject := range open {
		still := slices.ContainsFunc(given, func(a Alert) bool { return a.Subject == subject })
		if still || !mine(subject) {
			continue
		}
		if err := closeAlert(ctx, queries, kind, subject, now); err != nil {
			return err
		}
	}
	return nil
}
