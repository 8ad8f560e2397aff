package auth_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func (b *bundle) verifyLink(email string, expires time.Time) (token string) {
	b.t.Helper()
	token, hash := newToken(b.t)
	b.exec("UPDATE gateway.users SET verify_hash = $2, verify_expires_at = $3 WHERE email = $1", email, hash, expires)
	return token
}

func (b *bundle) verify(token string) reply {
	b.t.Helper()
	return b.do("POST", "/auth/verify-email", fmt.Sprintf(`{"token":%q}`, token))
}

func (b *bundle) me(cookie *http.Cookie) reply {
	b.t.Helper()
	return b.do("GET", "/auth/me", "", "Cookie", cookie.String())
}

func TestAnAddressIsVerifiedByALink(t *testing.T) {
	b := setup(t)
	ann, bob := b.register("ann@example.com").cookie, b.register("bob@example.com").cookie
	b.exec("UPDATE gateway.users SET email_bounced_at = now()")
	token := b.verifyLink("ann@example.com", b.now.Add(time.Hour))
	b.verifyLink("bob@example.com", b.now.Add(time.Hour))
	if got := b.me(ann); got.me.User.EmailVerified || !got.me.User.EmailBounced {
		t.Errorf("before: %+v", got.me.User)
	}
	for range 2 {
		if got := b.verify(token); got.status != http.StatusNoContent {
			t.Errorf("%+v", got)
		}
	}
	if got := b.me(ann); !got.me.User.EmailVerified || got.me.User.EmailBounced {
		t.Errorf("after: %+v", got.me.User)
	}
	if got := b.me(bob); got.me.User.EmailVerified {
		t.Errorf("another one's address: %+v", got.me.User)
	}
	b.now = b.now.Add(time.Hour)
	stranger, _ := newToken(t)
	for _, gone := range []string{token, stranger, "", "no token"} {
		if got := b.verify(gone); got.status != http.StatusGone || !strings.Contains(got.problem, "too old") {
			t.Errorf("%q: %+v", gone, got)
		}
	}
}

func TestTheMailWithTheLinkIsSentAgain(t *testing.T) {
	b := setup(t)
	cookie := b.register("ann@example.com").cookie
	b.register("bob@example.com")
	send := func() reply {
		return b.do("POST", "/auth/verify-email/send", "", "Cookie", cookie.String())
	}
	b.now = b.now.Add(15 * time.Second)
	if got := send(); got.status != http.StatusTooManyRequests || got.retryAfter != "45" || !strings.Contains(got.problem, "1 minute") {
		t.Errorf("at once: %+v", got)
	}
	b.now = b.now.Add(45 * time.Second)
	for n := range 4 {
		if got := send(); got.status != http.StatusNoContent || b.emails("ann@example.com", "verify") != n+2 {
			t.Errorf("number %d: %+v, %d mails", n+1, got, b.emails("ann@example.com", "verify"))
		}
		b.now = b.now.Add(time.Minute)
	}
	if got := send(); got.status != http.StatusTooManyRequests || got.retryAfter != "3300" || b.emails("ann@example.com", "verify") != 5 {
		t.Errorf("the sixth in an hour: %+v", got)
	}
	b.now = b.now.Add(55 * time.Minute)
	if got := send(); got.status != http.StatusNoContent {
		t.Errorf("an hour after the first: %+v", got)
	}
	b.now = b.now.Add(time.Hour)
	b.verify(b.verifyLink("ann@example.com", b.now.Add(time.Hour)))
	if got := send(); got.status != http.StatusConflict {
		t.Errorf("of one that is verified: %+v", got)
	}
	b.exec("UPDATE gateway.users SET email_bounced_at = now()")
	if got := send(); got.status != http.StatusNoContent {
		t.Errorf("of one whose mails came back: %+v", got)
	}
	if n := b.emails("bob@example.com", "verify"); n != 1 {
		t.Errorf("somebody else has %d mails", n)
	}
}

func TestByWhichWaysSomebodyIsTold(t *testing.T) {
	b := setup(t)
	cookie, other := b.register("ann@example.com").cookie, b.register("bob@example.com").cookie
	put := func(body string) reply { return b.do("PUT", "/auth/channels", body, "Cookie", cookie.String()) }
	got := put(`{"email":false,"whatsapp":true}`)
	if channels := got.me.User.Channels; got.status != http.StatusOK || channels.Email || !channels.WhatsApp {
		t.Errorf("%+v", got)
	}
	if channels := b.me(cookie).me.User.Channels; channels.Email || !channels.WhatsApp {
		t.Errorf("afterwards: %+v", channels)
	}
	for _, body := range []string{`{}`, `{"email":false}`, `{"whatsapp":true}`, `{"email":"no","whatsapp":true}`} {
		if got := put(body); got.status != http.StatusBadRequest {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if channels := b.me(other).me.User.Channels; !channels.Email || !channels.WhatsApp {
		t.Errorf("somebody else's: %+v", channels)
	}
	if n := b.count(`SELECT count(*) FROM gateway.audit WHERE action = 'user.set_channels' AND detail = '{"email": false, "whatsapp": true}'`); n != 1 {
		t.Errorf("%d lines in the audit", n)
	}
}

func TestAnAccountGetsAnotherAddress(t *testing.T) {
	b := setup(t)
	b.atOnce()
	registered := b.register("ann@example.com")
	b.register("bob@example.com")
	change := func(email, password string) reply {
		return b.do("PUT", "/auth/email", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), "Cookie", registered.cookie.String())
	}
	old := b.verifyLink("ann@example.com", b.now.Add(time.Hour))
	b.verify(old)
	b.forgot("ann@example.com")
	link, _ := b.resetLink()
	for _, test := range []struct {
		email, password string
		status          int
		says            string
	}{
		{"new@example.com", "wrong horse!", 401, "password is not right"},
		{"bob@example.com", "correct horse", 409, "account with this e-mail address"},
		{"new", "correct horse", 400, "name@example.com"},
	} {
		if got := change(test.email, test.password); got.status != test.status || !strings.Contains(got.problem, test.says) {
			t.Errorf("%+v: %+v", test, got)
		}
	}
	if got := change("ann@example.com", "correct horse"); got.status != http.StatusOK || !got.me.User.EmailVerified || b.emails("ann@example.com", "verify") != 1 {
		t.Errorf("the same address: %+v", got)
	}
	got := change(" New@example.com", "correct horse")
	if got.status != http.StatusOK || got.me.User.Email != "new@example.com" || got.me.User.EmailVerified || got.me.User.ID != registered.me.User.ID {
		t.Fatalf("%+v", got)
	}
	if n := b.emails("new@example.com", "verify"); n != 2 {
		t.Errorf("%d mails of the account, want the first and one more", n)
	}
	if to := b.addressChanged(); !slices.Equal(to, []string{"ann@example.com"}) {
		t.Errorf("%v are told that it was changed, want who had it before", to)
	}
	// What went to the old address proves nothing of the new one.
	if got := b.verify(old); got.status != http.StatusGone || b.me(registered.cookie).me.User.EmailVerified {
		t.Errorf("the old address's link to verify: %+v", got)
	}
	if got := b.reset(link, "another horse"); got.status != http.StatusGone {
		t.Errorf("the old address's link to set a password: %+v", got)
	}
	if got := b.login("ann@example.com", "correct horse"); got.status != http.StatusUnauthorized {
		t.Errorf("by the old address: %+v", got)
	}
	if got := b.login("new@example.com", "correct horse"); got.status != http.StatusOK {
		t.Errorf("by the new one: %+v", got)
	}
	if n := b.count("SELECT count(*) FROM gateway.audit WHERE action = 'user.change_email' AND detail = '{}'"); n != 1 {
		t.Errorf("%d lines in the audit", n)
	}
	for n, want := range []int{200, 200, 200, 429} { // to strangers' addresses
		if got := change(fmt.Sprintf("new%d@example.com", n), "correct horse"); got.status != want {
			t.Errorf("number %d: %+v", n+3, got)
		}
	}
	if got := b.me(registered.cookie); got.me.User.Email != "new2@example.com" {
		t.Errorf("changed without a mail: %+v", got.me.User)
	}
	if to := b.addressChanged(); len(to) != 1 {
		t.Errorf("%v: addresses that were never confirmed are told of an account that may be a stranger's", to)
	}
}

func TestWrongPasswordsForAChangeOfTheAddressCountToo(t *testing.T) {
	b := setup(t)
	cookie := b.register("ann@example.com").cookie
	for n, want := range []int{401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 429} {
		if got := b.do("PUT", "/auth/email", `{"email":"new@example.com","password":"wrong horse!"}`, "Cookie", cookie.String()); got.status != want {
			t.Errorf("number %d: %+v", n+1, got)
		}
	}
	if got := b.login("ann@example.com", "correct horse"); got.status != http.StatusTooManyRequests {
		t.Errorf("at the login: %+v", got)
	}
}

func TestWhatAnAccountMayBeAskedFromOutside(t *testing.T) {
	b := setup(t)
	b.atOnce()
	cookie := b.register("ann@example.com").cookie
	for _, test := range []struct {
		method, path, body string
		open               bool // nobody has to be logged in
	}{
		{"POST", "/auth/forgot-password", `{"email":"ann@example.com"}`, true},
		{"POST", "/auth/reset-password", `{"token":"","password":"another horse"}`, true},
		{"POST", "/auth/verify-email", `{"token":""}`, true},
		{"POST", "/auth/verify-email/send", "", false},
		{"PUT", "/auth/channels", `{"email":false,"whatsapp":false}`, false},
		{"PUT", "/auth/email", `{"email":"new@example.com","password":"correct horse"}`, false},
		{"POST", "/auth/slice/restart", "", false},
	} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
			got := b.do(test.method, test.path, test.body, append(header, "Cookie", cookie.String())...)
			if got.status != http.StatusForbidden || !strings.Contains(got.problem, "another site") {
				t.Errorf("%s %s from another site: %+v", test.method, test.path, got)
			}
		}
		if got := b.do(test.method, test.path, test.body); !test.open && (got.status != http.StatusUnauthorized || got.problem != "Not authenticated") {
			t.Errorf("%s %s of nobody: %+v", test.method, test.path, got)
		}
	}
	if err := b.auth.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.count("SELECT count(*) FROM gateway.emails WHERE kind <> 'verify'"); n != 1 {
		t.Errorf("%d mails, want that of the request which came from nowhere", n)
	}
}
