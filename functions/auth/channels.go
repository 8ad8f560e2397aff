package auth

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/store"
)

// channels sets by which ways somebody is told when something is wrong with their slice.
func (a *Auth) channels(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	form, err := answer.Body[struct {
		Email    *bool `json:"email"`
		WhatsApp *bool `json:"whatsapp"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	if form.Email == nil || form.WhatsApp == nil {
		return answer.Errorf(answer.Invalid, `Say for each channel whether it is wanted: "email" and "whatsapp" must be true or false.`)
	}
	if err := a.SetChannels(r.Context(), visitor, *form.Email, *form.WhatsApp); err != nil {
		return err
	}
	return a.answerMe(r.Context(), w, http.StatusOK, visitor)
}

// SetChannels writes the choice into the user's row and the audit.
func (a *Auth) SetChannels(ctx context.Context, visitor session.Visitor, email, whatsApp bool) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.SetChannels(ctx, store.SetChannelsParams{ID: visitor.UserID, TellByEmail: email, TellByWhatsapp: whatsApp}); err != nil {
			return err
		}
		return queries.RecordUserBy(ctx, visitor.Actor(), "set_channels", visitor.UserID, map[string]any{"email": email, "whatsapp": whatsApp})
	})
}
