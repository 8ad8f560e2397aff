package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"slicegate/functions/answer"
	"slicegate/store"
)

// So many wrong passwords may be tried for an account within so long, from wherever they come.
const (
	passwordTries = 10
	triesWithin   = 15 * time.Minute
)

// mayTry counts a password that is tried for the account at an address, as asStored gives it, and refuses
// it unseen, also the right one, after too many wrong ones. Where there is no account it does the same.
func (a *Auth) mayTry(ctx context.Context, email string) error {
	queries, key, now := store.New(a.Pool), attemptKey(email), a.Clock()
	counted, err := queries.CountAttempt(ctx, store.CountAttemptParams{EmailHash: key, Now: now, Since: now.Add(-triesWithin), Most: passwordTries})
	if err != nil || counted > 0 {
		return err
	}
	first, err := queries.FirstAttempt(ctx, key)
	if err != nil && !store.IsNone(err) { // none: forgotten this very moment
		return err
	}
	wait := max(first.Add(triesWithin).Sub(now), time.Second)
	return answer.Later(wait, `Too many wrong passwords for this account. Wait %s, or set a new password by "Forgot password?".`, answer.Minutes(wait))
}

// rightPassword tells whether a password that mayTry has counted is the one that hash was made of, and
// forgets the wrong ones before it if so. hash is empty where there is no account.
func (a *Auth) rightPassword(ctx context.Context, email, hash, password string) (bool, error) {
	queries, key := store.New(a.Pool), attemptKey(email)
	right, err := a.Hasher.Matches(ctx, hash, password)
	if err != nil { // it was not looked at: too many wait, or the client has gone
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return false, errors.Join(err, queries.TakeBackAttempt(undo, key))
	}
	if right {
		err = queries.ForgetAttempts(ctx, key)
	}
	return right, err
}

// attemptKey is what wrong passwords are counted by: the table names no address that somebody has tried.
func attemptKey(email string) []byte {
	sum := sha256.Sum256([]byte(email))
	return sum[:]
}

// asStored is the one form in which an address is looked up and counted. What cannot be an address is not
// told apart from one that has no account.
func asStored(email string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(email)), "\x00", ""), "")
}
