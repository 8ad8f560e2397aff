package views

import (
	"time"

	"slicegate/store"
)

// AdminAnnouncementList is the page of what all users are told.
type AdminAnnouncementList struct {
	Maintenance *store.Maintenance // nil: none
	All         []store.Announcement
	Draft       AdminDraft
	Preview     *store.Announcement // how the draft would be shown; nil: nobody asked
	Now         time.Time
}

// AdminDraft is what the form holds.
type AdminDraft struct{ Level, Words, From, To, Problem string }

// AdminMoment is a time as a field for a date and time takes it, in UTC.
func AdminMoment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") }

func adminMomentOr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return AdminMoment(*t)
}

// of are the announcements of a time: planned, current or past, the newest first.
func (l AdminAnnouncementList) of(when string) (some []store.Announcement) {
	for _, one := range l.All {
		is := "current"
		switch {
		case one.WithdrawnAt != nil || !one.EndsAt.After(l.Now):
			is = "past"
		case one.StartsAt.After(l.Now):
			is = "planned"
		}
		if is == when {
			some = append(some, one)
		}
	}
	return some
}

// announcementLevel is a level in words, and the colour beside them.
func announcementLevel(level string) (AdminLevel, string) {
	if level == "warning" {
		return AdminWarn, "Warning"
	}
	return AdminRest, "Information"
}
