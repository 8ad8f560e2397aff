package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertest"
	"github.com/riverqueue/river/rivertype"

	"slicegate/store"
	"slicegate/views"
)

// box is a post that keeps what it is given, once for each key, and says what it is told to say.
type box struct {
	letters map[string]Letter
	says    error
	cut     context.CancelFunc // called once a letter is in: the sender ends there
	fate    Fate
}

func (b *box) Send(_ context.Context, letter Letter) (string, error) {
	if b.says != nil {
		return "", b.says
	}
	if _, there := b.letters[letter.Key]; !there {
		b.letters[letter.Key] = letter
	}
	if b.cut != nil {
		b.cut()
	}
	return "id-" + letter.Key, nil
}

func (b *box) Fate(context.Context, string) (Fate, error) { return b.fate, b.says }

type office struct {
	*guard
	box    *box
	worker *SendEmail
	user   int64
}

func newOffice(t *testing.T) *office {
	o := &office{guard: newGuard(t, 1), box: &box{letters: map[string]Letter{}}}
	for _, user := range o.users {
		o.user = user
	}
	o.worker = &SendEmail{
		Pool: o.db.Pool, Post: o.box, Letterhead: views.Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"},
		Key: [32]byte{5}, Clock: func() time.Time { return o.now },
	}
	return o
}

// owe writes a row as a function does.
func (o *office) owe(kind string, user *int64) int64 {
	o.t.Helper()
	id, err := store.New(o.db.Pool).OweEmail(context.Background(), store.OweEmailParams{UserID: user, Kind: kind, Detail: []byte(`{}`), Now: o.now})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) send(ctx context.Context, email int64, attempt int) error {
	job := &river.Job[SendEmailArgs]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: mailAttempts}, Args: SendEmailArgs{Email: email}}
	return o.worker.Work(rivertest.WorkContext(ctx, o.client), job)
}

func (o *office) email(id int64) store.EmailToSendRow {
	o.t.Helper()
	row, err := store.New(o.db.Pool).EmailToSend(context.Background(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return row
}

func TestAMailIsSentOnceWhateverEndsItsSender(t *testing.T) {
	o := newOffice(t)
	id := o.owe("place_free", &o.user)
	ctx, cancel := context.WithCancel(context.Background())
	o.box.cut = cancel
	if err := o.send(ctx, id, 1); err == nil {
		t.Fatal("it was not cut off")
	}
	if row := o.email(id); row.SentAt != nil {
		t.Fatal("it counts as sent")
	}
	o.box.cut = nil
	for range 3 {
		if err := o.send(context.Background(), id, 2); err != nil {
			t.Fatal(err)
		}
	}
	if row := o.email(id); len(o.box.letters) != 1 || row.SentAt == nil || row.MessageID == nil {
		t.Errorf("%d letters, %+v", len(o.box.letters), row)
	}
	if n := o.value("SELECT count(*) FROM river.river_job WHERE kind = 'follow_email'"); n != 1 {
		t.Errorf("it is followed %d times", n)
	}
}

func TestWhatThePostSaysOfAMail(t *testing.T) {
	for _, test := range []struct {
		name    string
		says    error
		attempt int
		failed  bool
		bounced bool
		is      func(error) bool
	}{
		{"an outage", errors.New("500"), 1, false, false, func(err error) bool { return err != nil && !isCancel(err) && !isSnooze(err) }},
		{"too many", &LaterError{errors.New("429"), 7 * time.Second}, 1, false, false, isSnooze},
		{"a mail that never will be taken", &FatalError{errors.New("422")}, 1, true, false, isCancel},
		{"an address that takes none", &BouncedError{errors.New("550")}, 1, true, true, func(err error) bool { return err == nil }},
		{"the last try", errors.New("500"), mailAttempts, true, false, isCancel},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffice(t)
			o.box.says = test.says
			id := o.owe("place_free", &o.user)
			err := o.send(context.Background(), id, test.attempt)
			row := o.email(id)
			if !test.is(err) || (row.FailedAt != nil) != test.failed || row.Error == nil {
				t.Errorf("%v, %+v", err, row)
			}
			if n := o.value("SELECT count(*) FROM gateway.users WHERE email_bounced_at IS NOT NULL"); (n == 1) != test.bounced {
				t.Errorf("%d addresses are marked", n)
			}
			// What is over is not begun again; what is not is sent once it can be.
			o.box.says = nil
			if err := o.send(context.Background(), id, 2); err != nil || (len(o.box.letters) == 0) != test.failed {
				t.Errorf("%v, %d letters", err, len(o.box.letters))
			}
		})
	}
}

func isCancel(err error) bool { return errors.Is(err, &river.JobCancelError{}) }
func isSnooze(err error) bool { return errors.Is(err, &river.JobSnoozeError{}) }

var linkToken = regexp.MustCompile(`#token=([A-Za-z0-9_-]{43})\b`)

func TestALinkIsTheSameAtEachTryAndNowhereInTheDatabase(t *testing.T) {
	o := newOffice(t)
	ctx := context.Background()
	id := o.owe("reset", &o.user)
	o.exec("INSERT INTO gateway.password_resets (email_id, user_id, requested_at) VALUES ($1, $2, now())", id, o.user)
	o.box.says = errors.New("500")
	_ = o.send(ctx, id, 1)
	first := o.value("SELECT extract(epoch FROM expires_at)::bigint FROM gateway.password_resets")
	o.box.says, o.now = nil, o.now.Add(time.Hour)
	if err := o.send(ctx, id, 2); err != nil {
		t.Fatal(err)
	}
	var text string
	for _, letter := range o.box.letters {
		text = letter.Mail.Text
	}
	found := linkToken.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("there is no link in %q", text)
	}
	raw, err := base64.RawURLEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	if n := o.value("SELECT count(*) FROM gateway.password_resets WHERE token_hash = $1 AND expires_at = $2", sum[:], o.now.Add(10*time.Minute)); n != 1 {
		t.Error("the row does not know the token for ten minutes from when the mail left")
	}
	if later := o.value("SELECT extract(epoch FROM expires_at)::bigint FROM gateway.password_resets"); later-first != 3600 {
		t.Errorf("the link ends %d s later", later-first)
	}
	for _, table := range []string{"gateway.emails", "gateway.password_resets", "gateway.audit", "river.river_job"} {
		if n := o.value(fmt.Sprintf("SELECT count(*) FROM %s row WHERE row::text LIKE '%%%s%%'", table, found[1])); n > 0 {
			t.Errorf("the token is in %s", table)
		}
	}
	// Used before the mail left: there is nothing to be sent.
	again := o.owe("reset", &o.user)
	o.exec("INSERT INTO gateway.password_resets (email_id, user_id, requested_at, used_at) VALUES ($1, $2, now(), now())", again, o.user)
	if err := o.send(ctx, again, 1); !isCancel(err) || len(o.box.letters) != 1 {
		t.Errorf("%v, %d letters", err, len(o.box.letters))
	}
}

func TestTheAddressOfANewAccountIsAskedFor(t *testing.T) {
	o := newOffice(t)
	o.exec("UPDATE gateway.users SET email_verified_at = NULL")
	id := o.owe("verify", &o.user)
	if err := o.send(context.Background(), id, 1); err != nil {
		t.Fatal(err)
	}
	for _, letter := range o.box.letters {
		raw, _ := base64.RawURLEncoding.DecodeString(linkToken.FindStringSubmatch(letter.Mail.Text)[1])
		sum := sha256.Sum256(raw)
		if n := o.value("SELECT count(*) FROM gateway.users WHERE verify_hash = $1 AND verify_expires_at > $2", sum[:], o.now); n != 1 {
			t.Error("the account does not know the token")
		}
		if !strings.HasPrefix(letter.To, "user100@") {
			t.Errorf("it goes to %s", letter.To)
		}
	}
}

func TestALinkVerifiesNoOtherAddressThanItWentTo(t *testing.T) {
	o := newOffice(t)
	o.exec("UPDATE gateway.users SET email_verified_at = NULL")
	row := o.email(o.owe("verify", &o.user))
	o.exec("UPDATE gateway.users SET email = 'new@example.com' WHERE id = $1", o.user) // while it is being written
	if letter, err := o.worker.write(context.Background(), row); err != nil || letter != nil {
		t.Errorf("%+v, %v", letter, err)
	}
	row = o.email(row.ID)
	o.exec("UPDATE gateway.users SET email_verified_at = now(), email_bounced_at = now()")
	if letter, err := o.worker.write(context.Background(), row); err != nil || letter == nil {
		t.Errorf("to one whose mails came back: %+v, %v", letter, err)
	}
	o.exec("UPDATE gateway.users SET email_bounced_at = NULL")
	if letter, err := o.worker.write(context.Background(), row); err != nil || letter != nil {
		t.Errorf("to one that is verified: %+v, %v", letter, err)
	}
}

func TestWhoHadAnAddressIsToldThatTheAccountHasAnother(t *testing.T) {
	o := newOffice(t)
	before := "before@example.com"
	id, err := store.New(o.db.Pool).OweEmail(t.Context(), store.OweEmailParams{
		UserID: &o.user, Address: &before, Kind: "address_changed", Detail: []byte(`{}`), Now: o.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	letter, err := o.worker.write(t.Context(), o.email(id))
	if err != nil || letter == nil || letter.To != before || strings.Contains(letter.Mail.Text, "user100@") {
		t.Fatalf("%+v, %v", letter, err)
	}
	o.box.says = &BouncedError{errors.New("no such mailbox")}
	_ = o.send(t.Context(), id, 1)
	if row := o.email(id); row.FailedAt == nil || o.value("SELECT count(*) FROM gateway.users WHERE email_bounced_at IS NOT NULL") != 0 {
		t.Errorf("an address that the account has no more came back: %+v; the account's own counts as one that takes no mail", row)
	}
}

func TestAMailThatCameBackMarksTheAddressItWentTo(t *testing.T) {
	o := newOffice(t)
	id := o.owe("place_free", &o.user)
	if err := o.send(context.Background(), id, 1); err != nil {
		t.Fatal(err)
	}
	follow := func() error {
		worker := &FollowEmail{Pool: o.db.Pool, Post: o.box, Clock: func() time.Time { return o.now }}
		return worker.Work(context.Background(), &river.Job[FollowEmailArgs]{Args: FollowEmailArgs{Email: id}})
	}
	o.box.fate = Pending
	if err := follow(); !isSnooze(err) {
		t.Errorf("a mail on its way: %v", err)
	}
	o.box.fate = Bounced
	if err := follow(); err != nil {
		t.Fatal(err)
	}
	if n := o.value("SELECT count(*) FROM gateway.users WHERE id = $1 AND email_bounced_at = $2", o.user, o.now); n != 1 || o.email(id).FailedAt == nil {
		t.Errorf("%d addresses are marked", n)
	}
	// Nobody is told of an alert by an address that takes no mail.
	for slice := range o.users {
		o.becomes(slice, "disconnected")
	}
	o.pass(10 * time.Minute)
	if n := o.value("SELECT count(*) FROM gateway.emails WHERE kind = 'alert'"); n != 0 {
		t.Errorf("%d mails are owed to it", n)
	}
}

func TestAMailNobodyIsAtGetsItsJob(t *testing.T) {
	o := newOffice(t)
	o.owe("place_free", &o.user)
	tend := func() {
		t.Helper()
		worker := &TendEmails{Pool: o.db.Pool, Clock: func() time.Time { return o.now }}
		if err := worker.Work(rivertest.WorkContext(context.Background(), o.client), &river.Job[TendEmailsArgs]{}); err != nil {
			t.Fatal(err)
		}
	}
	jobs := func() int64 { return o.value("SELECT count(*) FROM river.river_job WHERE kind = 'send_email'") }
	if tend(); jobs() != 0 {
		t.Error("its own job has had no time")
	}
	o.now = o.now.Add(time.Minute)
	if tend(); jobs() != 1 {
		t.Errorf("it has %d jobs", jobs())
	}
	if tend(); jobs() != 1 {
		t.Errorf("it has %d jobs", jobs())
	}
	o.now = o.now.Add(91 * 24 * time.Hour)
	if tend(); o.value("SELECT count(*) FROM gateway.emails") != 0 {
		t.Error("what was told long ago is kept")
	}
}
