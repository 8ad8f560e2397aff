package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/store"
	"slicegate/views"
)

// So many alerts that are over, and restarts, are on one page.
const alertsAPage = 100

// alerts registers what is wrong and what was, who is at it, and who is not told of it.
func (rs *routes) alerts() {
	rs.link("/admin/alerts", "Alerts")
	rs.page("/admin/alerts", "Alerts", rs.alertsPage)
	rs.act(NeedPassed, "/admin/alerts/:alert/acknowledge", "admin.alert.acknowledge", acknowledge)
	rs.act(NeedPassed, "/admin/alerts/:alert/take-back", "admin.alert.take_back", takeBack)
	rs.act(NeedPassed, "/admin/silences", "admin.silence", silence)
	rs.act(NeedPassed, "/admin/silences/:silence/end", "admin.unsilence", unsilence)
}

// kindsOf are the kinds of alerts of each group of the log.
var kindsOf = map[string][]string{
	"disconnections": {"wa.disconnected", "wa.mute", "server.wa_disconnected"},
	"restarts":       {"slice.down", "slice.oom", "server.slices_down", "server.oom"},
	"failures":       {"slice.failed", "slice.silent", "slice.page_dead", "slice.stuck", "slice.missing", "server.slices_silent", "leftover", "pool.failing", "rollout.halted", "mail.failing", "jobs.behind"},
	"resources":      {"slice.memory", "slice.storage", "server.disk", "server.ram", "server.cpu", "server.swap_in", "server.full", "server.silent", "pool.empty", "certificate.ends"},
	"money":          {"billing.disputed", "billing.no_slice", "billing.unpaid", "billing.mismatch", "stripe.unreachable"},
}

func (rs *routes) alertsPage(v *visit) (templ.Component, error) {
	ctx := v.Context()
	log := views.AdminAlertLog{Now: v.now, Group: v.asked("group"), Show: v.asked("show"), Kind: v.asked("kind"), Subject: v.asked("subject")}
	kinds := kindsOf[log.Group]
	if log.Kind != "" {
		kinds = []string{log.Kind}
	}
	if kinds == nil {
		kinds, log.Group = []string{}, ""
	}
	var err error
	if log.Kinds, err = v.queries.AlertKinds(ctx); err != nil {
		return nil, err
	}
	if log.Show != "past" {
		open, err := v.queries.ListAlerts(ctx, v.now)
		if err != nil {
			return nil, err
		}
		log.Open = slices.DeleteFunc(open, func(one store.ListAlertsRow) bool {
			return len(kinds) > 0 && !slices.Contains(kinds, one.Kind) || log.Subject != "" && one.Subject != log.Subject
		})
	}
	if log.Silences, err = v.queries.ListSilences(ctx, v.now); err != nil {
		return nil, err
	}
	if log.Show == "open" {
		return views.AdminAlerts(log), nil
	}
	at, id := belowOf(v.asked("below"))
	log.Past, err = v.queries.PastAlerts(ctx, store.PastAlertsParams{Kinds: kinds, Subject: log.Subject, BelowAt: at, BelowID: id, Most: alertsAPage + 1})
	if err != nil {
		return nil, err
	}
	if len(log.Past) > alertsAPage {
		log.Past = log.Past[:alertsAPage]
		last := log.Past[alertsAPage-1]
		log.More = fmt.Sprintf("%d-%d", last.ClosedAt.UnixMicro(), last.ID)
	}
	if log.Group == "restarts" && log.Kind == "" {
		if log.Restarts, err = v.queries.RestartLines(ctx, store.RestartLinesParams{Subject: log.Subject, Most: alertsAPage}); err != nil {
			return nil, err
		}
	}
	return views.AdminAlerts(log), nil
}

// belowOf reads where a page begins: when the last alert of the one before was over, and its number.
func belowOf(text string) (at *time.Time, id int64) {
	first, second, _ := strings.Cut(text, "-")
	micro, err := strconv.ParseInt(first, 10, 64)
	id, idErr := strconv.ParseInt(second, 10, 64)
	if err != nil || idErr != nil || micro < 0 || micro > 1<<56 {
		return nil, 0
	}
	when := time.UnixMicro(micro)
	return &when, id
}

// takeAlert reads the alert that an act is about, and holds it. One that is over is nobody's to take.
func (act *act) takeAlert() (store.Alert, error) {
	id, err := act.number("alert")
	if err != nil {
		return store.Alert{}, err
	}
	alert, err := act.queries.LockedAlert(act.Context(), id)
	if err != nil {
		return alert, err
	}
	act.subject, act.then, act.before = fmt.Sprintf("alert:%d", id), local(refererPath(act.Request), "/admin/alerts"), takenOf(alert)
	if alert.ClosedAt != nil {
		return alert, answer.Errorf(answer.Conflict, "That alert is over already.")
	}
	return alert, nil
}

func takenOf(alert store.Alert) map[string]any {
	return map[string]any{"kind": alert.Kind, "subject": alert.Subject, "acknowledgedBy": alert.AcknowledgedBy}
}

func (act *act) setTaken(alert store.Alert, at *time.Time, by *string) error {
	alert.AcknowledgedAt, alert.AcknowledgedBy = at, by
	act.after = takenOf(alert)
	return act.queries.AcknowledgeAlert(act.Context(), store.AcknowledgeAlertParams{ID: alert.ID, At: at, Actor: by})
}

// acknowledge says that somebody is at an alert: admins are told of it again when it is over.
func acknowledge(act *act) error {
	alert, err := act.takeAlert()
	if err != nil {
		return err
	}
	if alert.AcknowledgedAt != nil {
		return answer.Errorf(answer.Conflict, "%s is at that alert already.", *alert.AcknowledgedBy)
	}
	by := act.operator.actor()
	act.said = fmt.Sprintf("You are at %s of %s. Admins are told when it is over, or becomes critical; users are told as ever.", alert.Kind, alert.Subject)
	return act.setTaken(alert, &act.now, &by)
}

func takeBack(act *act) error {
	alert, err := act.takeAlert()
	if err != nil {
		return err
	}
	if alert.AcknowledgedAt == nil {
		return answer.Errorf(answer.Conflict, "Nobody has acknowledged that alert, or it was taken back already.")
	}
	act.said = fmt.Sprintf("Admins are told of %s of %s again.", alert.Kind, alert.Subject)
	return act.setTaken(alert, nil, nil)
}

// longestSilence keeps a window that was meant for a night from hiding a month.
const longestSilence = 30 * 24 * time.Hour

func silence(act *act) error {
	lasts, err := time.ParseDuration(act.field("for"))
	if err != nil || lasts < time.Minute || lasts > longestSilence {
		return answer.Errorf(answer.Invalid, "Say for how long, such as 90m or 2h; 30 days (720h) is the most.")
	}
	starts, err := act.starts()
	if err != nil {
		return err
	}
	reason := act.field("reason")
	if reason == "" || len(reason) > 500 {
		return answer.Errorf(answer.Invalid, "Say why, in a sentence, for whoever wonders later.")
	}
	given := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	added, err := act.queries.AddSilence(act.Context(), store.AddSilenceParams{
		Kind: given(act.field("kind")), Subject: given(act.field("subject")),
		StartsAt: starts, EndsAt: starts.Add(lasts), Reason: reason, Actor: act.operator.actor(),
	})
	if err != nil {
		return err
	}
	act.subject, act.then, act.after = fmt.Sprintf("silence:%d", added.ID), "/admin/alerts", windowOf(added)
	act.said = "Nobody is told of " + views.AdminCovered(added) + " until " + views.AdminTime(added.EndsAt) + ". Alerts open and close as ever."
	if starts.After(act.now) {
		act.said = "From " + views.AdminTime(starts) + " on: " + strings.ToLower(act.said[:1]) + act.said[1:]
	}
	return nil
}

// starts is when a silence begins: at a time that is given in UTC, or in so long.
func (act *act) starts() (time.Time, error) {
	if text := act.field("at"); text != "" {
		at, err := momentOf(text)
		if err != nil || at.Before(act.now.Add(-time.Minute)) || at.After(act.now.Add(longestSilence)) {
			return at, answer.Errorf(answer.Invalid, "Say when it begins, in UTC, such as %s: from now on, and within 30 days.", views.AdminMoment(act.now.Add(time.Hour)))
		}
		return at, nil
	}
	text := act.field("in")
	if text == "" {
		return act.now, nil
	}
	begins, err := time.ParseDuration(text)
	if err != nil || begins < 0 || begins > longestSilence {
		return act.now, answer.Errorf(answer.Invalid, "Say in how long it begins, such as 30m, or leave it empty for now.")
	}
	return act.now.Add(begins), nil
}

func unsilence(act *act) error {
	id, err := act.number("silence")
	if err != nil {
		return err
	}
	before, err := act.queries.SilenceByID(act.Context(), id)
	if err != nil {
		return err
	}
	ended, err := act.queries.EndSilence(act.Context(), store.EndSilenceParams{ID: id, Now: act.now})
	if err != nil {
		return err
	}
	if ended == 0 {
		return answer.Errorf(answer.Conflict, "That silence is over already.")
	}
	after, err := act.queries.SilenceByID(act.Context(), id)
	if err != nil {
		return err
	}
	act.subject, act.then, act.before, act.after = fmt.Sprintf("silence:%d", id), "/admin/alerts", windowOf(before), windowOf(after)
	act.said = "People are told of " + views.AdminCovered(before) + " again."
	return nil
}

func windowOf(s store.Silence) map[string]any {
	return map[string]any{"kind": s.Kind, "subject": s.Subject, "from": s.StartsAt, "to": s.EndsAt, "reason": s.Reason}
}
