package auth

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

// channels sets by which ways somebody is told when something is wrong with their slice.
func (a *Auth) channels(w http.ResponseWriter, r *http.Request) error {
	id, err := a.loggedIn(r)
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
	user, err := a.SetChannels(r.Context(), id, *form.Email, *form.WhatsApp)
	if err != nil {
		return err
	}
	return a.answerMe(r.Context(), w, http.StatusOK, user)
}

// SetChannels writes the choice into the user's row and the audit.
func (a *Auth) SetChannels(ctx context.Context, id int64, email, whatsApp bool) (user store.User, err error) {
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if user, err = queries.SetChannels(ctx, store.SetChannelsParams{ID: id, TellByEmail: email, TellByWhatsapp: whatsApp}); err != nil {
			return err
		}
		return queries.RecordUser(ctx, "set_channels", id, map[string]any{"email": email, "whatsapp": whatsApp})
	})
	return user, err
}
