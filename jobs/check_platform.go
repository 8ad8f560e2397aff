package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// CheckPlatformArgs asks whether all is well with what no single server can judge.
type CheckPlatformArgs struct{}

// Kind names the job.
func (CheckPlatformArgs) Kind() string { return "check_platform" }

// InsertOpts keeps one unfinished check; one that fails is repeated by the next.
func (CheckPlatformArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// CheckPlatform judges the mails, the jobs of all servers, servers of which nothing is heard, and maintenance that does not end.
type CheckPlatform struct {
	river.WorkerDefaults[CheckPlatformArgs]
	Pool       *pgxpool.Pool
	Thresholds Thresholds
	Silence    time.Duration // a server whose newest sample is older is gone
	Clock      Clock
}

// A mail that has not left by then is late.
const mailLate = 15 * time.Minute

// Work judges.
func (w *CheckPlatform) Work(ctx context.Context, _ *river.Job[CheckPlatformArgs]) error {
	now := w.Clock()
	findings, err := w.find(ctx, now)
	if err == nil {
		err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
			rules := w.Thresholds.platformRules()
			b, err := openBook(ctx, store.New(tx), "", now, rules)
			if err != nil {
				return err
			}
			return b.judge(ctx, rules, findings)
		})
	}
	if err != nil {
		return fmt.Errorf("check the platform: %w", err)
	}
	return nil
}

func (w *CheckPlatform) find(ctx context.Context, now time.Time) (findings []alerts.Finding, err error) {
	queries := store.New(w.Pool)
	oldest, err := oldestJob(ctx, queries, now, river.QueueDefault, MailQueue)
	if err != nil {
		return nil, err
	}
	findings = append(findings, behind("jobs of all servers", oldest, w.Thresholds, now))
	silent, err := queries.SilentServers(ctx, now.Add(-w.Silence))
	if err != nil {
		return nil, err
	}
	for _, server := range silent {
		findings = append(findings, alerts.Finding{
			Key: alerts.Key{Kind: alertServerSilent, Subject: subjectServer(server)}, Is: alerts.Bad,
			Detail: fmt.Sprintf("Nothing has been written down of server %s for %s: its runner does not work, or the server is gone. Its slices may run on.", server, w.Silence),
		})
	}
	late, err := queries.LateEmails(ctx, now.Add(-mailLate))
	if err != nil {
		return nil, err
	}
	failing := alerts.Finding{Key: alerts.Key{Kind: alertMailFailing, Subject: "mail"}}
	if late > 0 {
		failing.Is = alerts.Bad
		failing.Detail = fmt.Sprintf("Mails have been waiting for more than %s. The table gateway.emails says why in its column error; they are tried for a day.", mailLate)
	}
	overdue, err := overdueMaintenance(ctx, queries, now)
	return append(findings, failing, overdue), err
}

// Maintenance that goes on for so long after its time, or for so long where nobody knows, is perhaps forgotten.
const (
	maintenanceLate = time.Hour
	maintenanceLong = 4 * time.Hour
)

func overdueMaintenance(ctx context.Context, queries *store.Queries, now time.Time) (alerts.Finding, error) {
	finding := alerts.Finding{Key: alerts.Key{Kind: alertMaintenance, Subject: "maintenance"}}
	row, err := queries.MaintenanceNow(ctx)
	if store.IsNone(err) {
		return finding, nil
	}
	if err != nil {
		return finding, err
	}
	due := row.Since.Add(maintenanceLong)
	if row.Until != nil {
		due = row.Until.Add(maintenanceLate)
	}
	if now.After(due) {
		finding.Is = alerts.Bad
		finding.Detail = fmt.Sprintf("Maintenance is on since %s, and users find everything closed. End it, or say until when it goes on, at /admin/announcements.", row.Since.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return finding, nil
}
