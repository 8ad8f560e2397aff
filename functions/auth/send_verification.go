package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

const (
	verificationPause   = time.Minute
	verificationsAnHour = 5 // to all addresses of one account: they may be strangers'
)

// sendVerification sends the mail with the link again.
func (a *Auth) sendVerification(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	if err := a.SendVerification(r.Context(), visitor.UserID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// SendVerification owes a user another mail with a link.
func (a *Auth) SendVerification(ctx context.Context, id int64) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		user, err := store.New(tx).LockedUser(ctx, id)
		if err != nil {
			return err
		}
		// Who is told that mails come back must be able to say that they do no longer.
		if user.EmailVerifiedAt != nil && user.EmailBouncedAt == nil {
			return answer.Errorf(answer.Conflict, "Your e-mail address is verified already.")
		}
		return a.verification(ctx, tx, id, verificationPause)
	})
}

// verification owes a mail with a link to the address of a user whose row is locked, unless the last is
// younger than pause or there were too many.
func (a *Auth) verification(ctx context.Context, tx pgx.Tx, user int64, pause time.Duration) error {
	now := a.Clock()
	asked, err := store.New(tx).OwedSince(ctx, store.OwedSinceParams{UserID: user, Kind: "verify", Since: now.Add(-time.Hour)})
	if err != nil {
		return err
	}
	if len(asked) > 0 {
		if wait := asked[0].Add(pause).Sub(now); wait > 0 {
			return answer.Later(wait, "A mail has just been sent. Look for it, among unwanted mail too; another one can be sent in %s.", answer.Minutes(wait))
		}
	}
	if len(asked) >= verificationsAnHour {
		wait := asked[verificationsAnHour-1].Add(time.Hour).Sub(now)
		return answer.Later(wait, "Several mails have been sent already. Look for them, among unwanted mail too; another one can be sent in %s.", answer.Minutes(wait))
	}
	_, err = a.mail(ctx, tx, user, "verify", now)
	return err
}
