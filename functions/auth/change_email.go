package auth

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/store"
)

// changeEmail gives an account another address. Who has found an open page does not get the account by it:
// the password is asked for.
func (a *Auth) changeEmail(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	form, err := answer.Body[credentials](w, r, bodyLimit)
	if err != nil {
		return err
	}
	email, err := checkEmail(form.Email)
	if err != nil {
		return err
	}
	user, err := store.New(a.Pool).UserByID(r.Context(), visitor.UserID)
	if err != nil {
		return err
	}
	if err := a.mayTry(r.Context(), user.Email); err != nil {
		return err
	}
	right, err := a.rightPassword(r.Context(), user.Email, user.PasswordHash, form.Password)
	if err != nil {
		return err
	}
	if !right {
		return errWrongPassword
	}
	if user.Email != email {
		if _, err := a.ChangeEmail(r.Context(), user, email); err != nil {
			return err
		}
	}
	return a.answerMe(r.Context(), w, http.StatusOK, visitor)
}

var errWrongPassword = answer.Errorf(answer.Unauthenticated, "The password is not right.")

// ChangeEmail gives a user whose password has been checked another address, to which a link goes; links
// that went to the one before are void.
func (a *Auth) ChangeEmail(ctx context.Context, user store.User, email string) (changed store.User, err error) {
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		changed, err = queries.ChangeEmail(ctx, store.ChangeEmailParams{ID: user.ID, Email: email, PasswordHash: user.PasswordHash})
		switch {
		case store.IsDuplicate(err):
			return answer.Errorf(answer.Conflict, "There is an account with this e-mail address already. Use another one.")
		case store.IsNone(err):
			return errWrongPassword
		case err != nil:
			return err
		}
		if err := queries.UseResetsOf(ctx, store.UseResetsOfParams{UserID: user.ID, Now: a.Clock()}); err != nil {
			return err
		}
		if err := a.verification(ctx, tx, user.ID, 0); err != nil {
			return err
		}
		if err := a.tellAddressBefore(ctx, tx, user); err != nil {
			return err
		}
		return queries.RecordUser(ctx, "change_email", user.ID, nil)
	})
	return changed, err
}

// tellAddressBefore owes a mail to the address that an account has had until now. One that was never confirmed may be a
// stranger's, whom it does not concern.
func (a *Auth) tellAddressBefore(ctx context.Context, tx pgx.Tx, before store.User) error {
	if before.EmailVerifiedAt == nil {
		return nil
	}
	_, err := jobs.OweEmail(ctx, tx, a.Jobs, store.OweEmailParams{
		UserID: &before.ID, Address: &before.Email, Kind: "address_changed", Detail: []byte("{}"), Now: a.Clock(),
	})
	return err
}
