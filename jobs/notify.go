package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// NotifyArgs asks for people to be told what they have to know.
type NotifyArgs struct{}

// Kind names the job.
func (NotifyArgs) Kind() string { return "notify" }

// InsertOpts keeps one unfinished.
func (NotifyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// Notify compares the alerts with what everybody has been told, and owes them the difference: a mail is a
// row and a job, written together with the note that it was told. So nothing is told twice or forgotten,
// whenever a runner ends.
type Notify struct {
	river.WorkerDefaults[NotifyArgs]
	Pool       *pgxpool.Pool
	Thresholds Thresholds
	Admins     []string // addresses for what concerns the operator
	Clock      Clock
}

// Work decides and writes in one transaction.
func (w *Notify) Work(ctx context.Context, _ *river.Job[NotifyArgs]) error {
	err := pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		if err := queries.LockNotices(ctx); err != nil {
			return err
		}
		rows, err := alertsToTell(ctx, queries)
		if err != nil || len(rows) == 0 {
			return err
		}
		cases, err := w.cases(ctx, queries, rows, now)
		if err != nil {
			return err
		}
		tellings, settled := alerts.Tell(cases, alerts.Timing{Group: w.Thresholds.Group, Repeat: w.Thresholds.Repeat, Settle: w.Thresholds.Settle}, now)
		for _, telling := range tellings {
			if err := w.tell(ctx, tx, telling, rows, now); err != nil {
				return err
			}
		}
		if len(settled) == 0 {
			return nil
		}
		return queries.SettleAlerts(ctx, store.SettleAlertsParams{Ids: settled, Now: now})
	})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

func alertsToTell(ctx context.Context, queries *store.Queries) (map[int64]store.AlertsToTellRow, error) {
	list, err := queries.AlertsToTell(ctx)
	if err != nil {
		return nil, err
	}
	rows := make(map[int64]store.AlertsToTellRow, len(list))
	for _, row := range list {
		rows[row.ID] = row
	}
	return rows, nil
}

func (w *Notify) cases(ctx context.Context, queries *store.Queries, rows map[int64]store.AlertsToTellRow, now time.Time) (cases []alerts.Case, err error) {
	silences, err := queries.SilencesNow(ctx, now)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for id := range rows {
		ids = append(ids, id)
	}
	notices := map[int64][]alerts.Notice{}
	told, err := queries.NoticesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, one := range told {
		notices[one.AlertID] = append(notices[one.AlertID], alerts.Notice{
			Route: alerts.Route{Recipient: one.Recipient, Channel: one.Channel}, Last: one.LastAt, Times: int(one.Times), Ended: one.EndedAt != nil,
		})
	}
	for id, row := range rows {
		one := alerts.Case{
			ID: id, Opened: row.OpenedAt, Closed: row.ClosedAt,
			Pending: row.Pending, Covered: row.IncidentID != nil, Taken: row.AcknowledgedAt != nil,
			Routes: w.routes(row), Notices: notices[id],
		}
		if row.UserID != nil {
			one.User = *row.UserID
		}
		for _, silence := range silences {
			one.Silenced = one.Silenced || covers(silence, row)
		}
		cases = append(cases, one)
	}
	return cases, nil
}

func covers(silence store.Silence, row store.AlertsToTellRow) bool {
	return (silence.Kind == nil || *silence.Kind == row.Kind) && (silence.Subject == nil || *silence.Subject == row.Subject)
}

// routes are the ways that are open to tell of an alert now.
func (w *Notify) routes(row store.AlertsToTellRow) (open []alerts.Route) {
	all, special := told[row.Kind]
	if !special {
		all = []alerts.Route{{Recipient: alerts.Admin, Channel: alerts.Email}}
	}
	for _, route := range all {
		switch {
		case route.Recipient == alerts.Admin && len(w.Admins) > 0,
			route.Recipient == alerts.User && route.Channel == alerts.Email && row.UserByEmail,
			route.Recipient == alerts.User && route.Channel == alerts.WhatsApp && row.UserByWhatsapp:
			open = append(open, route)
		}
	}
	return open
}

// notice is what a mail or message about alerts says, as it was when it was decided: each try says the same.
type notice struct {
	Told []toldAlert `json:"told"`
}

type toldAlert struct {
	Kind     string       `json:"kind"`
	Subject  string       `json:"subject"`
	Server   string       `json:"server,omitempty"`
	Severity string       `json:"severity"`
	Detail   string       `json:"detail"`
	Cause    string       `json:"cause"`
	Phase    alerts.Phase `json:"phase"`
	Since    time.Time    `json:"since"`
	Opened   time.Time    `json:"opened"`
	Ended    *time.Time   `json:"ended,omitempty"`
	Covers   int64        `json:"covers,omitempty"`
}

// tell owes somebody a mail or message, and notes that they were told.
func (w *Notify) tell(ctx context.Context, tx pgx.Tx, telling alerts.Telling, rows map[int64]store.AlertsToTellRow, now time.Time) error {
	var says notice
	var begun, ended []int64
	var first store.AlertsToTellRow
	for i, item := range telling.Items {
		row := rows[item.Alert]
		if i == 0 {
			first = row
		}
		says.Told = append(says.Told, tellOf(row, item.Phase))
		if item.Phase == alerts.Ended {
			ended = append(ended, row.ID)
		} else {
			begun = append(begun, row.ID)
		}
	}
	if err := w.owe(ctx, tx, telling, says, first, now); err != nil {
		return err
	}
	queries := store.New(tx)
	if err := queries.NoteTold(ctx, store.NoteToldParams{Alerts: begun, Recipient: telling.Recipient, Channel: telling.Channel, Now: now}); err != nil {
		return err
	}
	return queries.NoteToldEnd(ctx, store.NoteToldEndParams{Alerts: ended, Recipient: telling.Recipient, Channel: telling.Channel, Now: now})
}

func tellOf(row store.AlertsToTellRow, phase alerts.Phase) toldAlert {
	one := toldAlert{
		Kind: row.Kind, Subject: row.Subject, Severity: row.Severity, Detail: row.Detail, Cause: row.Cause, Phase: phase,
		Since: row.OpenedAt, Opened: row.OpenedAt, Covers: row.Covers,
	}
	if row.Since != nil {
		one.Since = *row.Since
	}
	if row.Server != nil {
		one.Server = *row.Server
	}
	if phase == alerts.Ended {
		one.Ended = row.ClosedAt
	}
	return one
}

func (w *Notify) owe(ctx context.Context, tx pgx.Tx, telling alerts.Telling, says notice, first store.AlertsToTellRow, now time.Time) error {
	if telling.Channel == alerts.WhatsApp {
		if first.SliceID == nil || first.SliceServer == nil {
			return nil // the slice went away in this moment; there is nobody to tell by it
		}
		return enqueue(ctx, tx, SendWhatsAppArgs{Server: *first.SliceServer, Slice: *first.SliceID, Told: says.Told, At: now})
	}
	detail, err := json.Marshal(says)
	if err != nil {
		return err
	}
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	if telling.Recipient == alerts.User {
		_, err := OweEmail(ctx, tx, client, store.OweEmailParams{UserID: &telling.User, Kind: "alert", Detail: detail, Now: now})
		return err
	}
	for _, admin := range w.Admins {
		if _, err := OweEmail(ctx, tx, client, store.OweEmailParams{Address: &admin, Kind: "alert", Detail: detail, Now: now}); err != nil {
			return err
		}
	}
	return nil
}
