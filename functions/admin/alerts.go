package admin

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/store"
	"slicegate/views"
)

// So many alerts that are over are shown.
const pastAlerts = 200

// alerts registers what is wrong and what was, and who is not told of it.
func (rs *routes) alerts() {
	rs.link("/admin/alerts", "Alerts")
	rs.page("/admin/alerts", "Alerts", rs.alertsPage)
	rs.act(NeedPassed, "/admin/silences", "admin.silence", silence)
	rs.act(NeedPassed, "/admin/silences/:silence/end", "admin.unsilence", unsilence)
}

func (rs *routes) alertsPage(v *visit) (templ.Component, error) {
	ctx := v.Context()
	open, err := v.queries.ListAlerts(ctx, v.now)
	if err != nil {
		return nil, err
	}
	past, err := v.queries.PastAlerts(ctx, pastAlerts)
	if err != nil {
		return nil, err
	}
	silences, err := v.queries.ListSilences(ctx, v.now)
	if err != nil {
		return nil, err
	}
	query := v.URL.Query()
	return views.AdminAlerts(views.AdminAlertLog{
		Open: open, Past: past, Silences: silences, Now: v.now, Kind: query.Get("kind"), Subject: query.Get("subject"),
	}), nil
}

// longestSilence keeps a window that was meant for a night from hiding a month.
const longestSilence = 30 * 24 * time.Hour

func silence(act *act) error {
	lasts, err := time.ParseDuration(act.field("for"))
	if err != nil || lasts < time.Minute || lasts > longestSilence {
		return answer.Errorf(answer.Invalid, "Say for how long, such as 90m or 2h; 30 days (720h) is the most.")
	}
	begins := time.Duration(0)
	if text := act.field("in"); text != "" {
		if begins, err = time.ParseDuration(text); err != nil || begins < 0 || begins > longestSilence {
			return answer.Errorf(answer.Invalid, "Say in how long it begins, such as 30m, or leave it empty for now.")
		}
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
		StartsAt: act.now.Add(begins), EndsAt: act.now.Add(begins + lasts), Reason: reason, Actor: act.operator.actor(),
	})
	if err != nil {
		return err
	}
	act.subject, act.then, act.after = fmt.Sprintf("silence:%d", added.ID), "/admin/alerts", windowOf(added)
	act.said = "Nobody is told of " + views.AdminCovered(added) + " until " + views.AdminTime(added.EndsAt) + ". Alerts open and close as ever."
	return nil
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
