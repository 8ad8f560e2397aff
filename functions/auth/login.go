package auth

import (
	"context"
	"net/http"

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
	ctx, email := r.Context(), asStored(form.Email)
	// An address that cannot be one is looked up all the same: the answer and its time tell nothing.
	user, err := store.New(a.Pool).UserByEmail(ctx, email)
	if err != nil && !store.IsNone(err) {
		return err
	}
	if err := a.mayTry(ctx, email); err != nil {
		return err
	}
	// The password takes its time; the slice can wake meanwhile. Who knows an address alone can do so
	// too, and gets nothing by it.
	a.want(ctx, user.ID, "login")
	right, err := a.rightPassword(ctx, email, user.PasswordHash, form.Password)
	if err != nil {
		return err
	}
	if !right {
		return errNotRight
	}
	token, err := a.Login(ctx, user)
	if err != nil {
		return err
	}
	http.SetCookie(w, session.Cookie(token, a.Clock().Add(a.SessionLife), a.Clock()))
	return a.answerMe(ctx, w, http.StatusOK, session.Visitor{UserID: user.ID})
}

var errNotRight = answer.Errorf(answer.Unauthenticated, "The e-mail address or the password is not right.")

// Login starts a session for a user whose password has been checked, unless it has been changed since.
func (a *Auth) Login(ctx context.Context, user store.User) (token string, err error) {
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		touched, err := queries.TouchLogin(ctx, store.TouchLoginParams{ID: user.ID, PasswordHash: user.PasswordHash, Now: now})
		if err != nil {
			return err
		}
		if touched == 0 {
			return errNotRight
		}
		token, err = a.startSession(ctx, queries, user.ID, now)
		return err
	})
	return token, err
}
