package jobs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/views"
)

// MailQueue holds the mails: a few leave at a time, from whichever server.
const MailQueue = "mail"

// SendEmailArgs asks for a mail to be sent that a row of gateway.emails is owed. What it says, and the
// token of a link in it, are made when it is sent: River shows args to operators.
type SendEmailArgs struct {
	Email int64 `json:"email"`
}

// Kind names the job.
func (SendEmailArgs) Kind() string { return "send_email" }

// InsertOpts keeps one unfinished job for each mail, which is tried for about a day.
func (SendEmailArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: MailQueue, MaxAttempts: mailAttempts, UniqueOpts: onceEach}
}

// OweEmail writes down that a mail is owed, with its job, in the transaction that makes it necessary.
func OweEmail(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], owed store.OweEmailParams) (id int64, err error) {
	if id, err = store.New(tx).OweEmail(ctx, owed); err != nil {
		return 0, fmt.Errorf("owe a mail: %w", err)
	}
	if _, err := client.InsertTx(ctx, tx, SendEmailArgs{Email: id}, nil); err != nil {
		return 0, fmt.Errorf("owe a mail: %w", err)
	}
	return id, nil
}

const (
	mailAttempts = 60
	mailPause    = 5 * time.Second  // before the second try; doubles
	longestMail  = 30 * time.Minute // between two
	mailWithin   = 24 * time.Hour   // a mail that is older is not news
	resetLife    = 10 * time.Minute // of a link, from when its mail leaves
	verifyLife   = 7 * 24 * time.Hour
	fateAfter    = 2 * time.Minute // a mail that comes back mostly does so by then
)

// Post takes mails away.
type Post interface {
	// Send takes a mail away, once for each Key, and gives the id by which Fate knows it. An error is a
	// FatalError where another try cannot help, a BouncedError where the address takes no mail, and a
	// LaterError where it is known when to try again.
	Send(ctx context.Context, letter Letter) (id string, err error)
	// Fate tells what has become of a mail.
	Fate(ctx context.Context, id string) (Fate, error)
}

// Letter is a mail on its way.
type Letter struct {
	Key  string // the same at each try
	To   string // one address: another that takes no mail does not stop it
	Mail views.Mail
}

// Fate is what has become of a mail.
type Fate string

// What is known of a mail that was sent.
const (
	Pending   Fate = "pending"
	Delivered Fate = "delivered"
	Bounced   Fate = "bounced"
)

// BouncedError is an address that takes no mail.
type BouncedError struct{ Err error }

func (e *BouncedError) Error() string { return e.Err.Error() }
func (e *BouncedError) Unwrap() error { return e.Err }

// LaterError is a failure that is over after a time.
type LaterError struct {
	Err   error
	After time.Duration
}

func (e *LaterError) Error() string { return e.Err.Error() }
func (e *LaterError) Unwrap() error { return e.Err }

// SendEmail writes a mail and hands it to the post.
type SendEmail struct {
	river.WorkerDefaults[SendEmailArgs]
	Pool       *pgxpool.Pool
	Post       Post
	Letterhead views.Letterhead
	Key        [32]byte // LINK_KEY: the tokens of links are made from it, the same at each try
	Clock      Clock
}

// NextRetry waits longer each time, or as long as the post has said.
func (w *SendEmail) NextRetry(job *river.Job[SendEmailArgs]) time.Time {
	return w.Clock().Add(doubled(mailPause, job.Attempt, longestMail))
}

// Work sends it unless that was done. What it is told is the same at each try, and so is the key under
// which the post takes it, so that it arrives once.
func (w *SendEmail) Work(ctx context.Context, job *river.Job[SendEmailArgs]) error {
	queries := store.New(w.Pool)
	row, err := queries.EmailToSend(ctx, job.Args.Email)
	switch {
	case store.IsNone(err):
		return nil // its account is gone
	case err != nil:
		return fmt.Errorf("send mail %d: %w", job.Args.Email, err)
	case row.SentAt != nil || row.FailedAt != nil:
		return nil
	}
	letter, err := w.write(ctx, row)
	if err != nil {
		return fmt.Errorf("send mail %d: %w", row.ID, err)
	}
	if letter == nil {
		return w.giveUp(ctx, row, "there is nothing to be sent any more")
	}
	if w.Clock().Sub(row.CreatedAt) > mailWithin {
		return w.giveUp(ctx, row, "it could not be sent for a day")
	}
	id, err := w.Post.Send(ctx, *letter)
	if err != nil {
		return w.failed(ctx, job, row, err)
	}
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		if err := store.New(tx).NoteEmailSent(ctx, store.NoteEmailSentParams{ID: row.ID, MessageID: id, Now: w.Clock()}); err != nil {
			return err
		}
		if row.UserID == nil || id == "" {
			return nil
		}
		return enqueue(ctx, tx, FollowEmailArgs{Email: row.ID, Due: w.Clock().Add(fateAfter)})
	})
}

// failed says in the row why it was not sent, and whether it is tried again.
func (w *SendEmail) failed(ctx context.Context, job *river.Job[SendEmailArgs], row store.EmailToSendRow, err error) error {
	var bounced *BouncedError
	var later *LaterError
	switch {
	case errors.As(err, &bounced):
		return bounce(ctx, w.Pool, row, err.Error(), w.Clock())
	case isFatal(err), job.Attempt >= job.MaxAttempts:
		return w.giveUp(ctx, row, err.Error())
	}
	if noted := store.New(w.Pool).NoteEmailTried(ctx, store.NoteEmailTriedParams{ID: row.ID, Error: err.Error()}); noted != nil {
		return errors.Join(err, noted)
	}
	if errors.As(err, &later) {
		return river.JobSnooze(max(time.Second, later.After))
	}
	return fmt.Errorf("send mail %d: %w", row.ID, err)
}

func (w *SendEmail) giveUp(ctx context.Context, row store.EmailToSendRow, why string) error {
	if err := store.New(w.Pool).NoteEmailFailed(ctx, store.NoteEmailFailedParams{ID: row.ID, Error: why, Now: w.Clock()}); err != nil {
		return err
	}
	return river.JobCancel(fmt.Errorf("mail %d is given up: %s", row.ID, why))
}

// bounce marks the mail, and the address it went to.
func bounce(ctx context.Context, pool *pgxpool.Pool, row store.EmailToSendRow, why string, now time.Time) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.NoteEmailFailed(ctx, store.NoteEmailFailedParams{ID: row.ID, Error: why, Now: now}); err != nil {
			return err
		}
		if row.UserID == nil {
			return nil
		}
		return queries.NoteBounce(ctx, store.NoteBounceParams{ID: *row.UserID, Address: row.Address, Now: now})
	})
}

// write makes the mail. nil: there is nothing to be said any more.
func (w *SendEmail) write(ctx context.Context, row store.EmailToSendRow) (*Letter, error) {
	if row.Address == "" {
		return nil, nil
	}
	letter := &Letter{Key: w.letterKey(row.ID), To: row.Address}
	queries := store.New(w.Pool)
	token, hash := w.token(row)
	var err error
	switch row.Kind {
	case "place_free":
		mail, owed, failed := w.placeFree(ctx, row)
		if failed != nil || !owed {
			return nil, failed
		}
		letter.Mail = mail
	case "password_changed":
		letter.Mail, err = w.Letterhead.PasswordChanged(ctx, row.CreatedAt)
	case "address_changed":
		letter.Mail, err = w.Letterhead.AddressChanged(ctx, row.CreatedAt)
	case "verify":
		changed, failed := queries.BeginVerify(ctx, store.BeginVerifyParams{ID: *row.UserID, Address: row.Address, VerifyHash: hash, ExpiresAt: w.Clock().Add(verifyLife)})
		if failed != nil || changed == 0 {
			return nil, failed
		}
		letter.Mail, err = w.Letterhead.Verify(ctx, w.Letterhead.AppURL+"/verify-email#token="+token)
	case "reset":
		changed, failed := queries.BeginReset(ctx, store.BeginResetParams{EmailID: row.ID, TokenHash: hash, ExpiresAt: w.Clock().Add(resetLife)})
		if failed != nil || changed == 0 {
			return nil, failed
		}
		letter.Mail, err = w.Letterhead.Reset(ctx, w.Letterhead.AppURL+"/reset-password#token="+token)
	case "alert":
		letter.Mail, err = w.alert(ctx, row)
	default:
		about, owed, failed := w.aboutMoney(row)
		if failed != nil || !owed {
			return nil, failed
		}
		letter.Mail, err = about(ctx)
	}
	return letter, err
}

func (w *SendEmail) alert(ctx context.Context, row store.EmailToSendRow) (views.Mail, error) {
	var says notice
	if err := json.Unmarshal(row.Detail, &says); err != nil {
		return views.Mail{}, fmt.Errorf("detail of mail %d: %w", row.ID, err)
	}
	if row.UserID == nil {
		return w.Letterhead.AdminAlert(ctx, inWords(says.Told))
	}
	return w.Letterhead.UserAlert(ctx, inWords(says.Told))
}

// inWords is what was told, as the views take it.
func inWords(told []toldAlert) (all []views.Told) {
	for _, one := range told {
		all = append(all, views.Told{
			Kind: one.Kind, Subject: one.Subject, Server: one.Server, Severity: one.Severity, Detail: one.Detail, Cause: one.Cause, Phase: string(one.Phase),
			Since: one.Since, Opened: one.Opened, Ended: one.Ended, Covers: int(one.Covers),
		})
	}
	return all
}

// token is the secret of the link in a mail, and the hash by which it is known again. Whoever has the
// database has neither.
func (w *SendEmail) token(row store.EmailToSendRow) (token string, hash []byte) {
	raw := w.derive("link", row.ID, row.CreatedAt)
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(raw), sum[:]
}

// letterKey is a mail's name with the post, which may have mails of other installations.
func (w *SendEmail) letterKey(email int64) string {
	return fmt.Sprintf("email-%d-%s", email, hex.EncodeToString(w.derive("letter", email, time.Time{})[:6]))
}

func (w *SendEmail) derive(what string, email int64, at time.Time) []byte {
	mac := hmac.New(sha256.New, w.Key[:])
	fmt.Fprintf(mac, "%s %d %d", what, email, at.UnixMicro())
	return mac.Sum(nil)
}
