package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// resendPause is how long after a mail another of its kind can be sent by hand: who clicks twice sends one.
const resendPause = time.Minute

// CanResend tells whether mails of a kind may make sense again: those with a link that lapses, and those about money and
// data. What was told of an alert is told by the next, and a forgotten password is its owner's to ask for.
func CanResend(kind string) bool {
	return kind != "alert" && kind != "password_changed" && kind != "address_changed" && kind != "reset"
}

// ResendEmail owes a user, whose row is locked, a mail once more, as it would be written now. Its reason is over, or
// it has just been sent: ErrRefused.
func ResendEmail(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, mail int64, now time.Time) (kind string, err error) {
	queries := store.New(tx)
	sent, err := queries.EmailOfUser(ctx, store.EmailOfUserParams{ID: mail, UserID: user.ID})
	if err != nil {
		return "", err
	}
	row, err := queries.EmailToSend(ctx, mail)
	if err != nil {
		return "", err
	}
	switch kind = sent.Kind; {
	case !CanResend(kind):
		return "", fmt.Errorf("%w: a mail of kind %s is not sent again", ErrRefused, kind)
	case kind == "verify":
		return kind, ResendVerification(ctx, tx, client, user, now)
	}
	if owed, err := stillOwed(row, now); err != nil {
		return "", err
	} else if !owed {
		return "", fmt.Errorf("%w: what that mail says is over, or is not so any more", ErrRefused)
	}
	return kind, owePaused(ctx, tx, client, user.ID, kind, sent.Detail, now)
}

// ResendVerification owes a user, whose row is locked, a mail with a new link that confirms their address. It is
// confirmed, and mails arrive: ErrRefused.
func ResendVerification(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, now time.Time) error {
	if user.EmailVerifiedAt != nil && user.EmailBouncedAt == nil {
		return fmt.Errorf("%w: this address is confirmed already", ErrRefused)
	}
	return owePaused(ctx, tx, client, user.ID, "verify", []byte("{}"), now)
}

func owePaused(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user int64, kind string, detail []byte, now time.Time) error {
	lately, err := store.New(tx).OwedSince(ctx, store.OwedSinceParams{UserID: user, Kind: kind, Since: now.Add(-resendPause)})
	if err != nil {
		return err
	}
	if len(lately) > 0 {
		return fmt.Errorf("%w: a mail of kind %s was sent to this account less than a minute ago", ErrRefused, kind)
	}
	_, err = OweEmail(ctx, tx, client, store.OweEmailParams{UserID: &user, Kind: kind, Detail: detail, Now: now})
	return err
}

// stillOwed tells whether the reason of a mail holds.
func stillOwed(row store.EmailToSendRow, now time.Time) (bool, error) {
	if row.Kind == "place_free" {
		var kept struct {
			At *time.Time `json:"at"`
		}
		err := json.Unmarshal(row.Detail, &kept)
		return kept.At == nil || kept.At.After(now), err
	}
	_, owed, err := (&SendEmail{Clock: func() time.Time { return now }}).aboutMoney(row)
	return owed, err
}
