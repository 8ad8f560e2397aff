package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/functions/answer"
	"slicegate/functions/maintenance"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/store"
)

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func (a *Auth) register(w http.ResponseWriter, r *http.Request) error {
	if err := maintenance.Refuse(r.Context(), store.New(a.Pool), a.Clock()); err != nil {
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
	if err := checkPassword(form.Password); err != nil {
		return err
	}
	hash, err := a.Hasher.Hash(r.Context(), form.Password)
	if err != nil {
		return err
	}
	user, _, token, err := a.Register(r.Context(), email, hash)
	if err != nil {
		return err
	}
	http.SetCookie(w, session.Cookie(token, a.Clock().Add(a.SessionLife), a.Clock()))
	return a.answerMe(r.Context(), w, http.StatusCreated, session.Visitor{UserID: user.ID})
}

// Register makes an account with a trial, gives it a slice if one is ready (else the account
// waits for the next, slice nil), logs it in, owes it the mail that verifies its address, and orders
// the pool's refill: one transaction. An account that pays first has neither trial nor slice.
func (a *Auth) Register(ctx context.Context, email, passwordHash string) (user store.User, slice *store.Slice, token string, err error) {
	err = pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		account := store.CreateUserParams{Email: email, PasswordHash: passwordHash, PaysFirst: a.payFirst(), Now: now}
		if !account.PaysFirst {
			trialEnds := now.Add(time.Duration(a.TrialDays) * 24 * time.Hour)
			account.TrialEndsAt = &trialEnds
		}
		user, err = queries.CreateUser(ctx, account)
		if store.IsDuplicate(err) {
			return answer.Errorf(answer.Conflict, "There is an account with this e-mail address already. Log in instead.")
		}
		if err != nil {
			return err
		}
		matched, err := store.Match(ctx, tx, fmt.Sprintf("user:%d", user.ID), now)
		if err != nil {
			return err
		}
		for i := range matched {
			if *matched[i].UserID == user.ID {
				slice, user.WaitingSince = &matched[i], nil
			}
		}
		refill, err := jobs.ForServers(ctx, tx, func(server string) river.JobArgs { return jobs.FillPoolArgs{Server: server} })
		if err != nil {
			return err
		}
		if len(refill) > 0 {
			if _, err := a.Jobs.InsertManyFastTx(ctx, tx, refill); err != nil {
				return err
			}
		}
		if _, err := a.mail(ctx, tx, user.ID, "verify", now); err != nil {
			return err
		}
		token, err = a.startSession(ctx, queries, user.ID, now)
		return err
	})
	return user, slice, token, err
}

func (a *Auth) startSession(ctx context.Context, queries *store.Queries, user int64, now time.Time) (string, error) {
	token, id := a.Signer.New()
	return token, queries.CreateSession(ctx, store.CreateSessionParams{
		ID: id[:], UserID: user, ExpiresAt: now.Add(a.SessionLife), Now: now,
	})
}

// checkEmail returns the address in the one form that it is stored and looked up in.
func checkEmail(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > 254 || strings.ContainsRune(text, 0) {
		return "", answer.Errorf(answer.Invalid, "This does not look like an e-mail address: write it as name@example.com.")
	}
	return text, nil
}

func checkPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < 10:
		return answer.Errorf(answer.Invalid, "The password is too short: use 10 characters or more.")
	case len(password) > 1024:
		return answer.Errorf(answer.Invalid, "The password is too long: 1024 bytes is the most.")
	}
	return nil
}
