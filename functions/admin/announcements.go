package admin

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/functions/maintenance"
	"slicegate/store"
	"slicegate/views"
)

const announcementsPath = "/admin/announcements"

// So many announcements are listed.
const listedAnnouncements = 100

// announcements registers what all users are told, and maintenance.
func (rs *routes) announcements() {
	rs.link(announcementsPath, "Announcements")
	rs.page(announcementsPath, "Announcements", rs.announcementsPage)
	rs.act(NeedPassed, announcementsPath, "admin.announce", announce)
	rs.act(NeedPassed, announcementsPath+"/:announcement/withdraw", "admin.announcement.withdraw", withdraw)
	rs.act(NeedPassed, announcementsPath+"/:announcement/end", "admin.announcement.end", endAnnouncement)
	rs.maintenance()
}

func (rs *routes) announcementsPage(v *visit) (templ.Component, error) {
	page := views.AdminAnnouncementList{Now: v.now, Draft: views.AdminDraft{Level: "info", To: views.AdminMoment(v.now.Add(24 * time.Hour))}}
	var err error
	if page.Maintenance, err = maintenance.Now(v.Context(), v.queries); err != nil {
		return nil, err
	}
	if page.All, err = v.queries.ListAnnouncements(v.Context(), listedAnnouncements); err != nil {
		return nil, err
	}
	if query := v.URL.Query(); query.Has("words") { // the form asks how it would look
		page.Draft = views.AdminDraft{Level: query.Get("level"), Words: clean(query.Get("words")), From: query.Get("from"), To: query.Get("to")}
		shown, problem := drafted(page.Draft, v.now)
		if problem != nil {
			page.Draft.Problem = problem.Error()
		} else {
			page.Preview = &shown
		}
	}
	return views.AdminAnnouncements(page), nil
}

// longestAnnouncement keeps a slip in the year from announcing something for good.
const longestAnnouncement = 366 * 24 * time.Hour

// drafted reads what is to be announced.
func drafted(draft views.AdminDraft, now time.Time) (store.Announcement, error) {
	one := store.Announcement{Level: draft.Level, StartsAt: now}
	if one.Level != "info" && one.Level != "warning" {
		return one, answer.Errorf(answer.Invalid, "Say whether it is an information or a warning.")
	}
	var err error
	if one.Words, err = wordsOf(draft.Words, true); err != nil {
		return one, err
	}
	if draft.From != "" {
		if one.StartsAt, err = momentOf(draft.From); err != nil {
			return one, err
		}
	}
	if one.EndsAt, err = momentOf(draft.To); err != nil {
		return one, err
	}
	if !one.EndsAt.After(one.StartsAt) || !one.EndsAt.After(now) || one.EndsAt.Sub(now) > longestAnnouncement {
		return one, answer.Errorf(answer.Invalid, "It must end after it begins, in the future, and within a year.")
	}
	return one, nil
}

// mostWords is what a banner has room for, in characters.
const mostWords = 500

func wordsOf(text string, wanted bool) (string, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n") // as forms send them
	if length := utf8.RuneCountInString(text); length > mostWords || wanted && length == 0 {
		return "", answer.Errorf(answer.Invalid, "Write what people are to read, in at most %d characters; this has %d.", mostWords, length)
	}
	return text, nil
}

// momentOf reads a date and time as a browser's field for them gives it; pages of ours are in UTC.
func momentOf(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, answer.Errorf(answer.Invalid, "Give the date and time in UTC, as 2026-01-31T18:30.")
}

func announce(act *act) error {
	one, err := drafted(views.AdminDraft{Level: act.field("level"), Words: act.field("words"), From: act.field("from"), To: act.field("to")}, act.now)
	if err != nil {
		return err
	}
	added, err := act.queries.Announce(act.Context(), store.AnnounceParams{
		Level: one.Level, Words: one.Words, StartsAt: one.StartsAt, EndsAt: one.EndsAt, Actor: act.operator.actor(), Now: act.now,
	})
	if err != nil {
		return err
	}
	act.announced(added.ID, nil, announcementState(added))
	act.said = "It is announced from " + views.AdminTime(added.StartsAt) + " to " + views.AdminTime(added.EndsAt) + "."
	return nil
}

func (act *act) announced(id int64, before, after any) {
	act.subject, act.then, act.before, act.after = fmt.Sprintf("announcement:%d", id), announcementsPath, before, after
}

func announcementState(one store.Announcement) map[string]any {
	state := map[string]any{"level": one.Level, "words": one.Words, "from": one.StartsAt, "to": one.EndsAt}
	if one.WithdrawnAt != nil {
		state["withdrawn"] = *one.WithdrawnAt
	}
	return state
}

// takeAnnouncement reads one that is planned or current.
func (act *act) takeAnnouncement() (store.Announcement, error) {
	id, err := act.number("announcement")
	if err != nil {
		return store.Announcement{}, err
	}
	one, err := act.queries.AnnouncementByID(act.Context(), id)
	if err == nil && (one.WithdrawnAt != nil || !one.EndsAt.After(act.now)) {
		err = answer.Errorf(answer.Conflict, "That announcement is over already. Write a new one.")
	}
	return one, err
}

func withdraw(act *act) error {
	before, err := act.takeAnnouncement()
	if err != nil {
		return err
	}
	if err := act.queries.WithdrawAnnouncement(act.Context(), store.WithdrawAnnouncementParams{ID: before.ID, Now: act.now}); err != nil {
		return err
	}
	after := before
	after.WithdrawnAt = &act.now
	act.announced(before.ID, announcementState(before), announcementState(after))
	act.said = "It is withdrawn: open pages stop showing it within seconds."
	return nil
}

func endAnnouncement(act *act) error {
	before, err := act.takeAnnouncement()
	if err != nil {
		return err
	}
	// Its beginning may be past: what it will be is judged as if it were announced now.
	after, err := drafted(views.AdminDraft{Level: before.Level, Words: before.Words, From: views.AdminMoment(before.StartsAt), To: act.field("to")}, act.now)
	if err != nil {
		return err
	}
	if err := act.queries.EndAnnouncement(act.Context(), store.EndAnnouncementParams{ID: before.ID, EndsAt: after.EndsAt}); err != nil {
		return err
	}
	act.announced(before.ID, map[string]any{"to": before.EndsAt}, map[string]any{"to": after.EndsAt})
	act.said = "It ends " + views.AdminTime(after.EndsAt) + "."
	return nil
}

const maintenancePath = "/admin/maintenance"

// maintenance registers the page and the acts by which everything but logging in is closed to users.
func (rs *routes) maintenance() {
	rs.pageThatNeeds(NeedFresh, announcementsPath+"/maintenance", "Maintenance", func(v *visit) (templ.Component, error) {
		now, err := maintenance.Now(v.Context(), v.queries)
		return views.AdminBeginMaintenance(now), err
	})
	rs.act(NeedFresh, maintenancePath, "admin.maintenance.begin", beginMaintenance)
	rs.act(NeedPassed, maintenancePath+"/change", "admin.maintenance.change", changeMaintenance)
	rs.act(NeedPassed, maintenancePath+"/end", "admin.maintenance.end", endMaintenance)
}

// maintenanceForm reads until when and why; both may be left empty.
func (act *act) maintenanceForm() (until *time.Time, words string, err error) {
	if words, err = wordsOf(act.field("words"), false); err != nil {
		return nil, "", err
	}
	if act.field("until") == "" {
		return nil, words, nil
	}
	at, err := momentOf(act.field("until"))
	if err == nil && !at.After(act.now) {
		err = answer.Errorf(answer.Invalid, "Until when must be in the future; leave it empty if nobody knows.")
	}
	return &at, words, err
}

func maintenanceState(until *time.Time, words string) map[string]any {
	return map[string]any{"until": until, "words": words}
}

const maintenanceSubject = "maintenance"

func beginMaintenance(act *act) error {
	until, words, err := act.maintenanceForm()
	if err != nil {
		return err
	}
	begun, err := act.queries.BeginMaintenance(act.Context(), store.BeginMaintenanceParams{Now: act.now, Until: until, Words: words, Actor: act.operator.actor()})
	if err != nil {
		return err
	}
	if begun == 0 {
		return answer.Errorf(answer.Conflict, "There is maintenance already. Change what it says, or end it.")
	}
	act.subject, act.then, act.after = maintenanceSubject, announcementsPath, maintenanceState(until, words)
	act.said = "Maintenance is on: within a second users see its page, and slices run on."
	return nil
}

// takeMaintenance reads the one that there is.
func (act *act) takeMaintenance() error {
	row, err := act.queries.LockedMaintenance(act.Context())
	if store.IsNone(err) {
		return answer.Errorf(answer.Conflict, "There is no maintenance: somebody has ended it already.")
	}
	act.subject, act.then, act.before = maintenanceSubject, announcementsPath, maintenanceState(row.Until, row.Words)
	return err
}

func changeMaintenance(act *act) error {
	if err := act.takeMaintenance(); err != nil {
		return err
	}
	until, words, err := act.maintenanceForm()
	if err != nil {
		return err
	}
	act.after, act.said = maintenanceState(until, words), "Users read that the next time their page asks, within a minute."
	return act.queries.ChangeMaintenance(act.Context(), store.ChangeMaintenanceParams{Until: until, Words: words})
}

func endMaintenance(act *act) error {
	if err := act.takeMaintenance(); err != nil {
		return err
	}
	act.said = "Maintenance is over. Open pages come back by themselves within a minute."
	return act.queries.EndMaintenance(act.Context())
}
