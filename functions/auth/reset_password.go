package auth

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

// resetPassword sets a password by the link in a mail, which works once.
func (a *Auth) resetPassword(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Body[struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	if err := checkPassword(form.Password); err != nil {
		return err // the link is still good
	}
	link, real := linkHash(form.Token)
	if !real {
		return errResetGone
	}
	// Before the hash: a stranger without a link cannot have one made.
	user, err := store.New(a.Pool).OpenReset(r.Context(), store.OpenResetParams{TokenHash: link, Now: a.Clock()})
	if store.IsNone(err) {
		return errResetGone
	}
	if err != nil {
		return err
	}
	hash, err := a.Hasher.Hash(r.Context(), form.Password)
	if err != nil {
		return err
	}
	if err := a.ResetPassword(r.Context(), user, link, hash); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errResetGone = answer.Errorf(answer.Gone, `This link has been used, is too old, or is not complete. Ask for a new one by "Forgot password?".`)

// ResetPassword uses a link up and does all that follows from a new password, or nothing: the user's other
// links are void, every session ends, and they are told.
func (a *Auth) ResetPassword(ctx context.Context, id int64, link []byte, passwordHash string) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		user, err := queries.LockedUser(ctx, id)
		if err != nil {
			return err
		}
		used, err := queries.UseReset(ctx, store.UseResetParams{TokenHash: link, Now: now})
		if err != nil {
			return err
		}
		if used == 0 {
			return errResetGone // while the password was being hashed
		}
		// The link went to the address of today: a change of it makes all earlier links void.
		if err := queries.SetPassword(ctx, store.SetPasswordParams{ID: id, PasswordHash: passwordHash, Now: now}); err != nil {
			return err
		}
		if err := queries.UseResetsOf(ctx, store.UseResetsOfParams{UserID: id, Now: now}); err != nil {
			return err
		}
		// The deleted rows tell `functions proxy`. Who logs in by the old password meanwhile waits for the
		// user's row, and then finds another one.
		if err := queries.DeleteSessionsOf(ctx, id); err != nil {
			return err
		}
		if err := queries.ForgetAttempts(ctx, attemptKey(user.Email)); err != nil {
			return err
		}
		if _, err := a.mail(ctx, tx, id, "password_changed", now); err != nil {
			return err
		}
		return queries.RecordUser(ctx, "reset_password", id, nil)
	})
}
