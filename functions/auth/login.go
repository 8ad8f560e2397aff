package auth

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/store"
)

func (a *Auth) login(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Body[credentials](w, r, bodyLimit)
	if err != nil {
		return err
	}
	ctx := r.Context()
	// An address that cannot be one is looked up all the same: the answer and its time tell nothing.
	user, err := store.New(a.Pool).UserByEmail(ctx, strings.ToValidUTF8(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(form.Email)), "\x00", ""), ""))
	if err != nil && !store.IsNone(err) {
		return err
	}
	// The password takes its time; the slice can wake meanwhile. Who knows an address alone can do so
	// too, and gets nothing by it.
	a.want(ctx, user.ID, "login")
	matches, err := a.Hasher.Matches(ctx, user.PasswordHash, form.Password)
	if err != nil {
		return err
	}
	if !matches {
		return answer.Errorf(answer.Unauthenticated, "The e-mail address or the password is not right.")
	}
	token, err := a.Login(ctx, user.ID)
	if err != nil {
		return err
	}
	http.SetCookie(w, session.Cookie(token, a.Clock().Add(a.SessionLife), a.Clock()))
	return a.answerMe(ctx, w, http.StatusOK, user)
}

// Login starts a session for a user whose password has been checked.
func (a *Auth) Login(ctx context.Context, user int64) (token string, err error) {
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		if err := queries.TouchLogin(ctx, store.TouchLoginParams{ID: user, Now: now}); err != nil {
			return err
		}
		token, err = a.startSession(ctx, queries, user, now)
		return err
	})
	return token, err
}
