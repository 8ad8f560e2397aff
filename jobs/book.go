package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// book is what rows say of a scope's conditions and alerts while they are judged.
type book struct {
	queries *store.Queries
	scope   string // a server, or "" for what is of all
	now     time.Time
	state   alerts.State
}

// openBook locks and reads it.
func openBook(ctx context.Context, queries *store.Queries, scope string, now time.Time, rules ...map[string]alerts.Rule) (*book, error) {
	if err := queries.LockAlerts(ctx, scope); err != nil {
		return nil, err
	}
	b := &book{queries, scope, now, alerts.State{Pending: map[alerts.Key]time.Time{}, Alerts: map[alerts.Key]alerts.Alert{}}}
	var kinds []string
	for _, some := range rules {
		for kind := range some {
			kinds = append(kinds, kind)
		}
	}
	conditions, err := queries.ConditionsOfServer(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, one := range conditions {
		b.state.Pending[alerts.Key{Kind: one.Kind, Subject: one.Subject}] = one.Since
	}
	open, err := queries.UnsettledAlerts(ctx, store.UnsettledAlertsParams{Server: scope, Kinds: kinds})
	if err != nil {
		return nil, err
	}
	for _, one := range open {
		alert := alerts.Alert{ID: one.ID, Severity: one.Severity, Cause: one.Cause, Since: one.OpenedAt, Closed: one.ClosedAt, Incident: one.IncidentID}
		if one.Since != nil {
			alert.Since = *one.Since
		}
		b.state.Alerts[alerts.Key{Kind: one.Kind, Subject: one.Subject}] = alert
	}
	return b, nil
}

// judge writes what findings change, and takes it up into the state.
func (b *book) judge(ctx context.Context, rules map[string]alerts.Rule, findings []alerts.Finding) error {
	changes := alerts.Judge(rules, b.state, findings, b.now)
	ids, err := b.raise(ctx, changes.Open)
	if err != nil {
		return err
	}
	if err := b.change(ctx, changes); err != nil {
		return err
	}
	b.state = changes.After(b.state, b.now, func(o alerts.Opening) int64 { return ids[o.Key] })
	return b.disconnect(ctx, changes)
}

func (b *book) raise(ctx context.Context, open []alerts.Opening) (map[alerts.Key]int64, error) {
	if len(open) == 0 {
		return nil, nil
	}
	raise := make([]store.RaiseAlertParams, 0, len(open))
	for _, one := range open {
		raise = append(raise, store.RaiseAlertParams{
			Kind: one.Kind, Subject: one.Subject, Severity: one.Severity, Detail: one.Detail, Cause: one.Cause,
			Now: b.now, Since: &one.Since, Server: &b.scope, UserID: one.User,
		})
		slog.ErrorContext(ctx, "alert: "+one.Detail, "kind", one.Kind, "subject", one.Subject, "severity", one.Severity)
	}
	ids := map[alerts.Key]int64{}
	var failures error
	b.queries.RaiseAlert(ctx, raise).QueryRow(func(i int, id int64, err error) {
		ids[open[i].Key] = id
		failures = errors.Join(failures, err)
	})
	if failures != nil {
		return nil, fmt.Errorf("open alerts: %w", failures)
	}
	return ids, nil
}

func (b *book) change(ctx context.Context, changes alerts.Changes) error {
	var restate []store.RestateAlertParams
	for _, one := range changes.Restate {
		restate = append(restate, store.RestateAlertParams{ID: one.ID, Severity: one.Severity, Detail: one.Detail, Cause: one.Cause})
	}
	if len(restate) > 0 {
		if err := failed(b.queries.RestateAlert(ctx, restate).Exec); err != nil {
			return fmt.Errorf("restate alerts: %w", err)
		}
	}
	if len(changes.Close) > 0 {
		if err := b.queries.CloseAlerts(ctx, store.CloseAlertsParams{Ids: changes.Close, Now: b.now}); err != nil {
			return fmt.Errorf("close alerts: %w", err)
		}
		slog.InfoContext(ctx, "alerts are over", "alerts", changes.Close)
	}
	if len(changes.Settle) > 0 {
		if err := b.queries.EndQuietly(ctx, store.EndQuietlyParams{Ids: changes.Settle, Now: b.now}); err != nil {
			return fmt.Errorf("close alerts: %w", err)
		}
	}
	if len(changes.Drop) > 0 {
		var drop store.DropConditionsParams
		for _, key := range changes.Drop {
			drop.Kinds, drop.Subjects = append(drop.Kinds, key.Kind), append(drop.Subjects, key.Subject)
		}
		if err := b.queries.DropConditions(ctx, drop); err != nil {
			return err
		}
	}
	if len(changes.Pend) > 0 {
		pend := store.SetConditionsParams{Server: b.scope}
		for key, since := range changes.Pend {
			pend.Kinds, pend.Subjects, pend.Sinces = append(pend.Kinds, key.Kind), append(pend.Subjects, key.Subject), append(pend.Sinces, since)
		}
		return b.queries.SetConditions(ctx, pend)
	}
	return nil
}

// disconnect says in the slices' rows that a connection which does not come back by itself is none.
func (b *book) disconnect(ctx context.Context, changes alerts.Changes) error {
	var gone []int64
	note := func(o alerts.Opening) {
		var slice int64
		if o.Kind != alertDisconnected {
			return
		}
		if _, err := fmt.Sscanf(o.Subject, "slice:%d", &slice); err == nil {
			gone = append(gone, slice)
		}
	}
	for _, one := range changes.Open {
		note(one)
	}
	for _, one := range changes.Restate {
		note(one.Opening)
	}
	if len(gone) == 0 {
		return nil
	}
	return b.queries.MarkDisconnected(ctx, gone)
}

// group puts alerts under the incident that stands for them, and lets those go whose incident is over.
func (b *book) group(ctx context.Context, incidents []alerts.Incident) error {
	var over []int64
	for _, incident := range incidents {
		alert, there := b.state.Alerts[alerts.Key{Kind: incident.Kind, Subject: subjectServer(b.scope)}]
		if !there {
			continue
		}
		if alert.Closed != nil {
			over = append(over, alert.ID)
			continue
		}
		var under []int64
		for key, one := range b.state.Alerts {
			if one.Incident == nil && incident.Covers(alert, key, one) {
				under = append(under, one.ID)
			}
		}
		if len(under) > 0 {
			if err := b.queries.PutUnderIncident(ctx, store.PutUnderIncidentParams{Incident: alert.ID, Ids: under}); err != nil {
				return err
			}
		}
	}
	if len(over) == 0 {
		return nil
	}
	return b.queries.ReleaseFromIncident(ctx, over)
}
