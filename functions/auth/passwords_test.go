package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

func (b *bundle) login(email, password string) reply {
	b.t.Helper()
	return b.do("POST", "/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password))
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

// forgot asks for a link and waits until that is done.
func (b *bundle) forgot(email string) reply {
	b.t.Helper()
	got := b.do("POST", "/auth/forgot-password", fmt.Sprintf(`{"email":%q}`, email))
	if err := b.auth.Finish(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	return got
}

// atOnce has the answer to a forgotten password wait for nothing.
func (b *bundle) atOnce() {
	b.auth.After = func(time.Duration) <-chan time.Time {
		over := make(chan time.Time)
		close(over)
		return over
	}
}

func newToken(t testing.TB) (token string, hash []byte) {
	t.Helper()
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(raw), sum[:]
}

// resetLink is the link of the newest mail that is owed, made as the job that sends it does.
func (b *bundle) resetLink() (token string, hash []byte) {
	b.t.Helper()
	token, hash = newToken(b.t)
	tag, err := b.db.Pool.Exec(context.Background(), `UPDATE gateway.password_resets SET token_hash = $1, expires_at = $2
		WHERE token_hash IS NULL AND email_id = (SELECT max(email_id) FROM gateway.password_resets)`, hash, b.now.Add(10*time.Minute))
	if err != nil || tag.RowsAffected() != 1 {
		b.t.Fatalf("%v, %v: no link is owed", tag, err)
	}
	return token, hash
}

func (b *bundle) reset(token, password string) reply {
	b.t.Helper()
	return b.do("POST", "/auth/reset-password", fmt.Sprintf(`{"token":%q,"password":%q}`, token, password))
}

func (b *bundle) emails(email, kind string) int {
	b.t.Helper()
	return b.count(`SELECT count(*) FROM gateway.emails e JOIN gateway.users u ON u.id = e.user_id
		JOIN river.river_job j ON j.kind = 'send_email' AND (j.args->>'email')::bigint = e.id WHERE u.email = $1 AND e.kind = $2`, email, kind)
}

// addressChanged are the addresses to which a mail is owed that an account has another one.
func (b *bundle) addressChanged() (to []string) {
	b.t.Helper()
	rows, err := b.db.Pool.Query(b.t.Context(), `SELECT e.address FROM gateway.emails e
		JOIN river.river_job j ON j.kind = 'send_email' AND (j.args->>'email')::bigint = e.id WHERE e.kind = 'address_changed' ORDER BY e.id`)
	if err == nil {
		to, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return to
}

func TestANewAccountIsOwedOneMail(t *testing.T) {
	b := setup(t)
	got := b.register("ann@example.com")
	if got.me.User.EmailVerified || got.me.User.EmailBounced || !got.me.User.Channels.Email || !got.me.User.Channels.WhatsApp {
		t.Errorf("got %+v", got.me.User)
	}
	if n := b.emails("ann@example.com", "verify"); n != 1 || b.count("SELECT count(*) FROM gateway.emails") != 1 || b.jobs("send_email") != 1 {
		t.Errorf("%d mails with a job, %d jobs", n, b.jobs("send_email"))
	}
	if b.register("ann@example.com").status != http.StatusConflict || b.jobs("send_email") != 1 {
		t.Errorf("%d jobs after an account that was not made", b.jobs("send_email"))
	}
}

func TestAForgottenPasswordIsSetByALink(t *testing.T) {
	b := setup(t)
	b.atOnce()
	first := b.register("ann@example.com")
	second := b.login("ann@example.com", "correct horse")
	other := b.register("bob@example.com")
	if got := b.forgot(" Ann@example.com"); got.status != http.StatusNoContent || b.emails("ann@example.com", "reset") != 1 {
		t.Fatalf("%+v, %d mails", got, b.emails("ann@example.com", "reset"))
	}
	older, _ := b.resetLink()
	b.forgot("ann@example.com")
	token, _ := b.resetLink()
	b.forgot("ann@example.com") // its mail is not on its way yet
	if got := b.reset(token, "short"); got.status != http.StatusBadRequest || !strings.Contains(got.problem, "10 characters") {
		t.Errorf("a short password: %+v", got)
	}
	for _, wrong := range []string{"", token[:42], token + "A", strings.ToUpper(token), strings.Repeat("A", 43), token[:42] + "!"} {
		if got := b.reset(wrong, "another horse"); got.status != http.StatusGone || !strings.Contains(got.problem, "Forgot password?") {
			t.Errorf("%q: %+v", wrong, got)
		}
	}
	if got := b.reset(token, "another horse"); got.status != http.StatusNoContent || got.cookie != nil {
		t.Fatalf("%+v", got)
	}
	if got := b.reset(token, "a third horse"); got.status != http.StatusGone {
		t.Errorf("once more: %+v", got)
	}
	if got := b.reset(older, "a third horse"); got.status != http.StatusGone {
		t.Errorf("another link of the same account: %+v", got)
	}
	if n := b.count("SELECT count(*) FROM gateway.password_resets WHERE used_at IS NULL"); n != 0 {
		t.Errorf("%d links that are yet to be sent would set a password", n)
	}
	for i, session := range []reply{first, second} {
		if got := b.do("GET", "/auth/me", "", "Cookie", session.cookie.String()); got.status != http.StatusUnauthorized {
			t.Errorf("session %d goes on: %+v", i+1, got)
		}
	}
	if got := b.do("GET", "/auth/me", "", "Cookie", other.cookie.String()); got.status != http.StatusOK {
		t.Errorf("another user was logged out: %+v", got)
	}
	if got := b.login("ann@example.com", "correct horse"); got.status != http.StatusUnauthorized {
		t.Errorf("the old password: %+v", got)
	}
	if got := b.login("ann@example.com", "another horse"); got.status != http.StatusOK || !got.me.User.EmailVerified {
		t.Errorf("the new password: %+v", got)
	}
	if n := b.emails("ann@example.com", "password_changed"); n != 1 {
		t.Errorf("%d mails say that the password is another", n)
	}
	if n := b.count("SELECT count(*) FROM gateway.audit WHERE action = 'user.reset_password' AND actor = subject AND subject = $1", fmt.Sprintf("user:%d", first.me.User.ID)); n != 1 {
		t.Errorf("%d lines in the audit", n)
	}
}

func TestALinkIsGoodForTenMinutes(t *testing.T) {
	b := setup(t)
	b.atOnce()
	b.register("ann@example.com")
	b.forgot("ann@example.com")
	token, _ := b.resetLink()
	b.now = b.now.Add(10 * time.Minute)
	if got := b.reset(token, "another horse"); got.status != http.StatusGone {
		t.Errorf("after ten minutes: %+v", got)
	}
	b.now = b.now.Add(-time.Microsecond)
	if got := b.reset(token, "another horse"); got.status != http.StatusNoContent {
		t.Errorf("just before: %+v", got)
	}
}

// Every one of these found the link good before any of them used it.
func TestOfTwoResetsByOneLinkOneWins(t *testing.T) {
	b := setup(t)
	b.atOnce()
	user := b.register("ann@example.com").me.User.ID
	b.forgot("ann@example.com")
	_, link := b.resetLink()
	var won, lost int
	var mu sync.Mutex
	var everyone sync.WaitGroup
	for i := range 8 {
		everyone.Go(func() {
			err := b.auth.ResetPassword(context.Background(), user, link, fmt.Sprintf("hash %d", i))
			var refusal *answer.Error
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.As(err, &refusal) && refusal.Code == answer.Gone:
				lost++
			default:
				t.Error(err)
			}
		})
	}
	everyone.Wait()
	if won != 1 || lost != 7 || b.emails("ann@example.com", "password_changed") != 1 {
		t.Errorf("%d won, %d lost, %d mails", won, lost, b.emails("ann@example.com", "password_changed"))
	}
}

func TestALoginByTheOldPasswordDoesNotOutliveIt(t *testing.T) {
	b := setup(t)
	b.atOnce()
	id := b.register("ann@example.com").me.User.ID
	b.forgot("ann@example.com")
	token, _ := b.resetLink()
	// Their password has been found right, and they have no session yet.
	user, err := store.New(b.db.Pool).UserByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.reset(token, "another horse"); got.status != http.StatusNoContent {
		t.Fatalf("%+v", got)
	}
	var refusal *answer.Error
	if _, err := b.auth.Login(t.Context(), user); !errors.As(err, &refusal) || refusal.Code != answer.Unauthenticated {
		t.Errorf("got %v", err)
	}
	if n := b.count("SELECT count(*) FROM gateway.sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestTheFourthForgottenPasswordInAnHourSendsNothing(t *testing.T) {
	b := setup(t)
	b.atOnce()
	b.register("ann@example.com")
	b.register("bob@example.com")
	for n, want := range []int{1, 2, 3, 3, 3} {
		if got := b.forgot("ann@example.com"); got.status != http.StatusNoContent || b.emails("ann@example.com", "reset") != want {
			t.Errorf("number %d: %+v, %d mails", n+1, got, b.emails("ann@example.com", "reset"))
		}
	}
	if b.forgot("bob@example.com"); b.emails("bob@example.com", "reset") != 1 {
		t.Error("another account gets none either")
	}
	b.now = b.now.Add(time.Hour)
	if b.forgot("ann@example.com"); b.emails("ann@example.com", "reset") != 4 {
		t.Errorf("an hour later: %d mails", b.emails("ann@example.com", "reset"))
	}
}

// waiting has each answer to a forgotten password tell how long it would wait, and wait for open.
func (b *bundle) waiting() (asked chan time.Duration, open chan time.Time) {
	asked, open = make(chan time.Duration, 10), make(chan time.Time)
	b.auth.After = func(d time.Duration) <-chan time.Time { asked <- d; return open }
	return asked, open
}

func TestAForgottenPasswordTellsNothingOfAccounts(t *testing.T) {
	b := setup(t)
	b.register("ann@example.com")
	asked, open := b.waiting()
	var answers []reply
	var waits []time.Duration
	for _, body := range []string{`{"email":"ann@example.com"}`, `{"email":"nobody@example.com"}`, `{"email":"no address"}`, `{"email":"a\u0000@example.com"}`} {
		answered := make(chan reply)
		go func() { answered <- b.do("POST", "/auth/forgot-password", body) }()
		waits = append(waits, <-asked)
		if err := b.auth.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-answered:
			t.Errorf("%s: answered when it was done, and not when it was time: %+v", body, got)
			continue
		case open <- time.Time{}:
		}
		answers = append(answers, <-answered)
	}
	for i := range answers {
		if !reflect.DeepEqual(answers[i], answers[0]) || answers[i].status != http.StatusNoContent || waits[i] != waits[0] || waits[i] <= 0 {
			t.Errorf("%+v after %s, %+v after %s", answers[0], waits[0], answers[i], waits[i])
		}
	}
	if n := b.emails("ann@example.com", "reset"); n != 1 {
		t.Errorf("%d mails", n)
	}
	// While Postgres is away nobody is told that a mail is on its way.
	b.db.Pool.Close()
	go func() { <-asked; _ = b.auth.Finish(context.Background()); open <- time.Time{} }()
	if got := b.do("POST", "/auth/forgot-password", `{"email":"ann@example.com"}`); got.status != http.StatusInternalServerError {
		t.Errorf("without Postgres: %+v", got)
	}
}

func TestAForgottenPasswordIsHeededHoweverLongItTakes(t *testing.T) {
	b := setup(t)
	user := b.register("ann@example.com").me.User.ID
	asked, open := b.waiting()
	tx, err := b.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := store.New(tx).LockedUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	// One that is answered on time although it is not done, and one whose client does not wait.
	go func() { <-asked; open <- time.Time{} }()
	if got := b.do("POST", "/auth/forgot-password", `{"email":"ann@example.com"}`); got.status != http.StatusNoContent {
		t.Errorf("%+v", got)
	}
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-asked; leave() }()
	request, err := http.NewRequestWithContext(ctx, "POST", b.server.URL+"/auth/forgot-password", strings.NewReader(`{"email":"ann@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if _, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
		t.Errorf("the client that left got %v", err)
	}
	if n := b.emails("ann@example.com", "reset"); n != 0 {
		t.Fatalf("%d mails although the row is taken", n)
	}
	b.server.Close() // when every handler has returned
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.auth.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.emails("ann@example.com", "reset"); n != 2 {
		t.Errorf("%d mails", n)
	}
}
