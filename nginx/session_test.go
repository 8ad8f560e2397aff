package nginx_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLogoutIsHeededEverywhere(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	if got := b.get("/api/status", cookie); got.StatusCode != 200 {
		t.Fatalf("before: %d", got.StatusCode)
	}
	if got := b.do("POST", "/auth/logout", "", "Cookie", cookie); got.StatusCode != 204 {
		t.Fatalf("logout: %d", got.StatusCode)
	}
	b.until("the logout is heeded", func() bool { return b.get("/api/status", cookie).StatusCode == 401 })
}

func TestAnAnswerForOneIsNoAnswerForAnother(t *testing.T) {
	mine := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "mine") })
	theirs := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "theirs") })
	b := setup(t, mine.port, theirs.port)
	me, them := b.customer("ann@example.com", mine), b.customer("bob@example.com", theirs)
	for range 20 { // within the second in which nginx keeps an answer
		if got := b.get("/api/status", me); got.body != "mine" {
			t.Errorf("mine: %d %q", got.StatusCode, got.body)
		}
		if got := b.get("/api/status", them); got.body != "theirs" {
			t.Errorf("theirs: %d %q", got.StatusCode, got.body)
		}
		if got := b.get("/api/status", ""); got.StatusCode != 401 {
			t.Errorf("nobody: %d %q", got.StatusCode, got.body)
		}
		if got := b.get("/api/status", me+"x"); got.StatusCode != 401 {
			t.Errorf("a forged cookie: %d %q", got.StatusCode, got.body)
		}
		if got := b.do("GET", "/api/status", "", "Cookie", me, "Upgrade", "websocket", "Connection", "upgrade", "Origin", "http://evil.example"); got.StatusCode != 403 {
			t.Errorf("another site's WebSocket: %d %q", got.StatusCode, got.body)
		}
		if got := b.do("POST", "/api/status", "", "Cookie", me, "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
			t.Errorf("another site's POST: %d %q", got.StatusCode, got.body)
		}
	}
}

func TestASliceThatMovesIsFollowed(t *testing.T) {
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	before, after := newSlice(t, answer("before")), newSlice(t, answer("after"))
	b := setup(t, before.port, after.port)
	cookie := b.customer("ann@example.com", before)
	if got := b.get("/api/status", cookie); got.body != "before" {
		t.Fatalf("got %q", got.body)
	}
	b.exec("UPDATE gateway.slices SET port = $1", after.port)
	b.until("the new port is used", func() bool { return b.get("/api/status", cookie).body == "after" })
	b.exec("UPDATE gateway.slices SET status = 'suspended'")
	b.until("the suspension is heeded", func() bool { return b.get("/api/status", cookie).StatusCode == 503 })
}

func TestTheSessionRollsAtMostOnceAMinute(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	if got := b.get("/api/status", cookie); got.Header.Get("Set-Cookie") != "" {
		t.Errorf("a session that is new was rolled: %v", got.Header)
	}
	// A copy of the function that has just started finds a session used ten minutes ago.
	b.exec("UPDATE gateway.sessions SET extended_at = now() - interval '10 minutes', expires_at = now() + interval '1 hour'")
	b.exec("SELECT pg_notify('gateway_access', 'session ' || encode(id, 'hex')) FROM gateway.sessions")
	b.until("the cookie is relayed", func() bool {
		return strings.HasPrefix(b.get("/api/status", cookie).Header.Get("Set-Cookie"), cookie+"; Path=/; ")
	})
	var before, after time.Time
	b.scan(&before, "SELECT extended_at FROM gateway.sessions")
	if time.Since(before) > time.Minute {
		t.Errorf("the session was not extended: %s", before)
	}
	var everyone sync.WaitGroup
	for range 20 {
		everyone.Go(func() { b.get("/api/status", cookie) })
	}
	everyone.Wait()
	b.scan(&after, "SELECT extended_at FROM gateway.sessions")
	if !before.Equal(after) {
		t.Errorf("the session was written again: %s, %s", before, after)
	}
}

func TestANewPasswordEndsEverySession(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	if got := b.get("/api/status", cookie); got.StatusCode != 200 {
		t.Fatalf("before: %d", got.StatusCode)
	}
	b.post("/auth/forgot-password", `{"email":"ann@example.com"}`)
	b.until("the link is owed", func() (owed bool) {
		b.scan(&owed, "SELECT EXISTS (SELECT FROM gateway.password_resets)")
		return owed
	})
	token := base64.RawURLEncoding.EncodeToString(make([]byte, 32)) // as the job that sends the mail would make one
	b.exec("UPDATE gateway.password_resets SET token_hash = sha256($1), expires_at = now() + interval '10 minutes'", make([]byte, 32))
	if got := b.post("/auth/reset-password", fmt.Sprintf(`{"token":%q,"password":"another horse"}`, token)); got.StatusCode != 204 {
		t.Fatalf("reset: %d %s", got.StatusCode, got.body)
	}
	b.until("the end of the session is heeded", func() bool { return b.get("/api/status", cookie).StatusCode == 401 })
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) scan(into any, sql string) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), sql).Scan(into); err != nil {
		b.t.Fatal(err)
	}
}

// until waits for a condition that another process brings about.
func (b *bundle) until(what string, condition func() bool) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-deadline:
			b.t.Fatalf("never: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
