package auth

import (
	"context"
	"time"

	"slicegate/functions/maintenance"
	"slicegate/store"
	"slicegate/views"
)

// What begins sooner than this is told already: a page that stays open shows it on time by itself.
const announcedAhead = 24 * time.Hour

// meMaintenance is why nothing but this can be asked.
type meMaintenance struct {
	Since time.Time    `json:"since"`
	Until *time.Time   `json:"until"` // when it is thought to be over; null: not known
	Words []views.Part `json:"words"`
}

// meAnnouncement is what the operator tells everybody, from when until when.
type meAnnouncement struct {
	ID       int64        `json:"id"`
	Level    string       `json:"level"` // "info" or "warning"
	Words    []views.Part `json:"words"`
	StartsAt time.Time    `json:"startsAt"`
	EndsAt   time.Time    `json:"endsAt"`
}

// notices adds what the operator tells everybody.
func (a *Auth) notices(ctx context.Context, queries *store.Queries, me *Me) error {
	row, err := maintenance.Now(ctx, queries)
	if err != nil {
		return err
	}
	if row != nil {
		me.Maintenance = &meMaintenance{Since: row.Since, Until: row.Until, Words: views.Parts(row.Words)}
	}
	now := a.Clock()
	announced, err := queries.AnnouncementsTo(ctx, store.AnnouncementsToParams{Now: now, Before: now.Add(announcedAhead)})
	if err != nil {
		return err
	}
	me.Announcements = make([]meAnnouncement, len(announced))
	for i, one := range announced {
		me.Announcements[i] = meAnnouncement{one.ID, one.Level, views.Parts(one.Words), one.StartsAt, one.EndsAt}
	}
	return nil
}
