package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"slicegate/jobs/alerts"
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

	alertDisconnected = "wa.disconnected" // the user has to know: their WhatsApp does not work
	alertMute         = "wa.mute"         // it says ready, and nothing passes
	alertSliceDown    = "slice.down"      // its container has stopped, or does so again and again
	alertSliceSilent  = "slice.silent"    // its backend does not answer
	alertPageDead     = "slice.page_dead" // it says ready, and its page does not answer
	alertSliceMemory  = "slice.memory"
	alertSliceStorage = "slice.storage"
	alertSliceOOM     = "slice.oom"
	alertServerDisk   = "server.disk"
	alertServerRAM    = "server.ram"
	alertServerCPU    = "server.cpu"
	alertServerSwapIn = "server.swap_in"
	alertServerOOM    = "server.oom"
	alertPoolEmpty    = "pool.empty"
	alertCertificate  = "certificate.ends"
	alertJobsBehind   = "jobs.behind"
	alertServerSilent = "server.silent" // nothing is written down of it any more: its runner is gone
	alertMailFailing  = "mail.failing"
	alertMaintenance  = "maintenance.overdue" // it was to be over by now

	alertPaymentDoubted = "billing.disputed" // a dispute, or a warning of fraud
	alertPaidWaits      = "billing.no_slice" // it is paid, and there is no slice
	alertRunsUnpaid     = "billing.unpaid"   // a slice runs that nobody pays
	alertMismatch       = "billing.mismatch" // Stripe has what the rows do not, or the other way round
	alertStripe         = "stripe.unreachable"

	incidentWhatsApp = "server.wa_disconnected" // for many of wa.disconnected
	incidentDown     = "server.slices_down"     // of slice.down
	incidentBackends = "server.slices_silent"   // of slice.silent
)

// told says who is told of a kind of alert; what is not here is the operator's.
var told = map[string][]alerts.Route{
	// Not by WhatsApp, which is what does not work.
	alertDisconnected: {{Recipient: alerts.User, Channel: alerts.Email}},
	alertSliceStorage: {{Recipient: alerts.User, Channel: alerts.Email}, {Recipient: alerts.User, Channel: alerts.WhatsApp}},
	alertSliceFailed:  {{Recipient: alerts.User, Channel: alerts.Email}, {Recipient: alerts.Admin, Channel: alerts.Email}},
}

const subjectStripe = "stripe"

func subjectSlice(slice int64) string    { return fmt.Sprintf("slice:%d", slice) }
func subjectUser(user int64) string      { return fmt.Sprintf("user:%d", user) }
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
