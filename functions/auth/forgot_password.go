package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

const (
	// How long "Forgot password?" takes, whatever there is to do: the time must not tell whether there is an
	// account. Far longer than it takes to write a row.
	forgotTakes = 250 * time.Millisecond
	// How long what there is to do may take, beyond the answer.
	forgotWithin = 10 * time.Second
	resetsAnHour = 3 // mails to one account
)

// forgotPassword answers the same at the same time for every address. What it does goes on without its
// client, and beyond its answer where Postgres takes longer than that.
func (a *Auth) forgotPassword(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Body[struct {
		Email string `json:"email"`
	}](w, r, bodyLimit)
	if err != nil {
		return err
	}
	a.late.RLock()
	over, looked := a.after(forgotTakes), make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), forgotWithin)
	go func() {
		defer a.late.RUnlock()
		defer cancel()
		email := asStored(form.Email)
		user, err := store.New(a.Pool).UserByEmail(ctx, email)
		looked <- err
		if err != nil {
			return
		}
		if err := a.ForgotPassword(ctx, user.ID, email); err != nil {
			slog.ErrorContext(ctx, "somebody who forgot their password gets no mail",
				"request", r.Header.Get("X-Request-Id"), "user", user.ID, "error", err)
		}
	}()
	select {
	case <-over:
	case <-r.Context().Done():
		return nil // the client has gone
	}
	select {
	case err := <-looked:
		if err != nil && !store.IsNone(err) {
			return err // which tells nothing: nobody knows whether there is an account
		}
	default:
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ForgotPassword owes a user the mail with a link, unless they have asked too often within an hour or the
// address is no longer theirs.
func (a *Auth) ForgotPassword(ctx context.Context, id int64, email string) error {
	err := pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		user, err := queries.LockedUser(ctx, id)
		if err != nil || user.Email != email {
			return err
		}
		asked, err := queries.ResetsSince(ctx, store.ResetsSinceParams{UserID: id, Since: now.Add(-time.Hour)})
		if err != nil || asked >= resetsAnHour {
			return err
		}
		mail, err := a.mail(ctx, tx, id, "reset", now)
		if err != nil {
			return err
		}
		return queries.CreateReset(ctx, store.CreateResetParams{EmailID: mail, UserID: id, Now: now})
	})
	if err != nil {
		return fmt.Errorf("forgot password: %w", err)
	}
	return nil
}
