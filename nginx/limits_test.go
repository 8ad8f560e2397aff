package nginx_test

import (
	"fmt"
	"strings"
	"testing"
)

// post sends JSON through nginx, from an address that a proxy before it names: "" is none.
func (b *bundle) post(path, body string, from ...string) response {
	b.t.Helper()
	header := []string{"Content-Type", "application/json"}
	if len(from) > 0 {
		header = append(header, "X-Forwarded-For", strings.Join(from, ", "))
	}
	return b.do("POST", path, body, header...)
}

func TestHowOftenAClientMaySend(t *testing.T) {
	b := setup(t)
	for _, test := range []struct {
		path, body string
		most       int // of one minute
		status     int // of each of them
		retry      string
		says       string
	}{
		{"/auth/login", `{"email":"nobody@example.com","password":"wrong horse!"}`, 5, 401, "12", "attempts to log in"},
		{"/auth/register", `{"email":"nobody","password":"correct horse"}`, 20, 400, "3", "new accounts"},
		{"/auth/forgot-password", `{"email":"nobody@example.com"}`, 5, 204, "12", "new password"},
		{"/auth/reset-password", `{"token":"","password":"correct horse"}`, 10, 410, "6", "set a password"},
		{"/auth/verify-email/send", `{}`, 5, 401, "12", "mails"},
	} {
		t.Run(test.path, func(t *testing.T) {
			for range 30 { // a method that sends nothing does not count
				if got := b.get(test.path, ""); got.StatusCode != 405 {
					t.Fatalf("GET: %d", got.StatusCode)
				}
			}
			for i := range test.most {
				if got := b.post(test.path, test.body); got.StatusCode != test.status {
					t.Errorf("number %d: %d %s", i+1, got.StatusCode, got.body)
				}
			}
			got := b.post(test.path, test.body)
			for range test.most { // the next is due by and by, should this have taken so long
				if got.StatusCode == test.status {
					got = b.post(test.path, test.body)
				}
			}
			if got.StatusCode != 429 || got.Header.Get("Retry-After") != test.retry || !strings.Contains(got.problem(), test.says) || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("one more: %d %v %s", got.StatusCode, got.Header, got.body)
			}
			if got := b.post(test.path, test.body, "192.0.2.1"); got.StatusCode != 429 {
				t.Errorf("a client that says it is another one: %d", got.StatusCode)
			}
		})
	}
	if got := b.do("GET", "/auth/me", ""); got.StatusCode != 401 {
		t.Errorf("other addresses are limited too: %d", got.StatusCode)
	}
}

// TestWhoIsOneClient uses up the logins of the first address, and then tries the others.
func TestWhoIsOneClient(t *testing.T) {
	b := behindProxies(t, "127.0.0.1", "10.0.0.0/8")
	for _, test := range []struct {
		name         string
		first        string
		same, others []string // what a proxy writes
	}{
		{
			"IPv4", "192.0.2.1",
			[]string{"::ffff:192.0.2.1", "198.51.100.1, 192.0.2.1", "192.0.2.1, 10.1.2.3"},
			[]string{"192.0.2.2", "::ffff:192.0.2.2", "192.0.2.1, 198.51.100.2"},
		},
		{
			"a network", "2001:db8:1:2::1",
			[]string{"2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2:0:1::", "2001:db8:1:2:a::", "2001:db8:1:2::a0a", "2001:DB8:0001:0002::3"},
			[]string{"2001:db8:1:3::1", "2001:db8:1::1", "2001:db8:2:1::1"},
		},
		{
			"zeros in the network", "2001:db8::1",
			[]string{"2001:db8:0:0:1::", "2001:db8::2:0:0:1", "2001:db8:0:0:1:2:3:4", "2001:db8:0:0:0:ffff:192.0.2.7"},
			[]string{"2001:db8:0:1::1", "2001:db8:1:0:1::"},
		},
		{
			"zeros at its end", "2001:db8:5::1",
			[]string{"2001:db8:5:0:1::", "2001:db8:5:0:1:1:1:1", "2001:db8:5:0:a::a"},
			[]string{"2001:db8:5:1::", "2001:db8:0:5::1"},
		},
		{
			"zeros at its beginning", "0:0:0:5::1",
			[]string{"::5:0:0:1:2", "::5:1:2:3:4"},
			[]string{"0:0:5::1", "5::1"},
		},
		{"a newline among the bytes", "2001:db8:a0a:a0a::a0a", []string{"2001:db8:a0a:a0a:1:2:3:4"}, []string{"2001:db8:a0a:a0b::a0a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			number := 0
			login := func(from string) int {
				number++ // an account of its own: how often one is tried is limited elsewhere
				return b.post("/auth/login", fmt.Sprintf(`{"email":"%s%d@example.com","password":"wrong horse!"}`, strings.ReplaceAll(test.name, " ", ""), number), from).StatusCode
			}
			for range 5 {
				if got := login(test.first); got != 401 {
					t.Fatalf("%s: %d", test.first, got)
				}
			}
			for _, same := range append(test.same, test.first) {
				if got := login(same); got != 429 {
					t.Errorf("%s is the client %s, and got %d", same, test.first, got)
				}
			}
			for _, other := range test.others {
				if got := login(other); got != 401 {
					t.Errorf("%s is another client than %s, and got %d", other, test.first, got)
				}
			}
		})
	}
}

// Each of these comes from an address of its own, which nginx does not count together.
func TestAnAccountIsTriedTenTimesFromWhereverItBe(t *testing.T) {
	b := behindProxies(t, "127.0.0.1")
	b.user("ann@example.com")
	login := func(n int, password string) response {
		return b.post("/auth/login", fmt.Sprintf(`{"email":"ann@example.com","password":%q}`, password), fmt.Sprintf("198.51.100.%d", n))
	}
	for n := range 10 {
		if got := login(n, "wrong horse!"); got.StatusCode != 401 {
			t.Fatalf("number %d: %d %s", n+1, got.StatusCode, got.body)
		}
	}
	got := login(11, "correct horse")
	if got.StatusCode != 429 || len(got.Header.Get("Retry-After")) != 3 || !strings.Contains(got.problem(), "Forgot password?") {
		t.Errorf("%d %v %s", got.StatusCode, got.Header, got.body)
	}
}

func behindProxies(t *testing.T, trusted ...string) *bundle {
	t.Helper()
	t.Parallel()
	return behind(t, trusted)
}
