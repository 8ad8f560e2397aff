package nginx_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// operator makes a registered user an admin who has passed the second factor.
func (b *bundle) operator(email string) (cookie string) {
	b.t.Helper()
	cookie = b.user(email)
	b.exec("UPDATE gateway.users SET is_admin = true WHERE email = $1", email)
	b.exec("INSERT INTO gateway.second_factors (user_id, sealed, confirmed_at) SELECT id, '\\x00', now() FROM gateway.users WHERE email = $1", email)
	b.exec("UPDATE gateway.sessions SET second_factor_at = now() WHERE user_id = (SELECT id FROM gateway.users WHERE email = $1)", email)
	return cookie
}

// sees has an operator open an account by its form.
func (b *bundle) sees(operator, email string) {
	b.t.Helper()
	var id int64
	b.scan(&id, fmt.Sprintf("SELECT id FROM gateway.users WHERE email = '%s'", email))
	got := b.do("POST", fmt.Sprintf("/admin/users/%d/see", id), "reason=They+cannot+send+a+message.", "Cookie", operator, "Content-Type", "application/x-www-form-urlencoded")
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/" {
		b.t.Fatalf("%d %v %s", got.StatusCode, got.Header, got.body)
	}
}

const nothingCanBeChanged = `{"error":"You are looking at someone else's account: nothing can be changed."}`

func TestAnOperatorSeesASliceThroughTheWholeHouse(t *testing.T) {
	var asked []string
	answer := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				asked = append(asked, name+" "+r.Method+" "+r.RequestURI) // one request after the other
			}
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Cache-Control", "private, max-age=86400")
			fmt.Fprint(w, name, r.Header.Get("X-Original-URI"))
		}
	}
	anns, bobs := newSlice(t, answer("ann's")), newSlice(t, answer("bob's"))
	b := setup(t, anns.port, bobs.port)
	ann, bob := b.customer("ann@example.com", anns), b.customer("bob@example.com", bobs)
	op := b.operator("op@example.com")
	if got := b.get("/api/status", op); got.StatusCode != 503 {
		t.Fatalf("before: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/api/status", ann); got.body != "ann's" || !slices.Equal(got.Header.Values("Cache-Control"), []string{"private, max-age=86400"}) {
		t.Errorf("the owner: %s %v", got.body, got.Header)
	}
	b.sees(op, "ann@example.com")
	b.until("the look is heeded", func() bool { return b.get("/api/status", op).body == "ann's" })
	// What a browser is given of it stays nowhere.
	if got := b.do("GET", "/api/messages/m1/media", "", "Cookie", op, "X-Original-URI", "/api/status"); got.body != "ann's" || !slices.Contains(got.Header.Values("Cache-Control"), "no-store") {
		t.Errorf("a picture: %s %v", got.body, got.Header)
	}
	for range 3 { // also within the second in which nginx keeps an answer
		for _, request := range []string{"POST /api/messages", "PUT /api/x", "PATCH /api/x", "DELETE /api/data", "OPTIONS /api/x"} {
			method, path, _ := strings.Cut(request, " ")
			if got := b.do(method, path, "{}", "Cookie", op); got.StatusCode != 403 || got.body != nothingCanBeChanged || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", request, got.StatusCode, got.body)
			}
		}
		if got := b.do("GET", "/api/socket", "", "Cookie", op, "Upgrade", "websocket", "Connection", "upgrade"); got.StatusCode != 403 || got.body != nothingCanBeChanged {
			t.Errorf("a WebSocket: %d %s", got.StatusCode, got.body)
		}
		for _, path := range []string{"/api/export", "/api/export?x=/api/status", "/api/%65xport", "/api/x/../export", "/api//export"} {
			if got := b.get(path, op); got.StatusCode != 403 || !strings.Contains(got.problem(), "no copy of it can be taken") {
				t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
			}
			if got := b.do("GET", path, "", "Cookie", op, "X-Original-URI", "/api/status", "X-Original-Method", "GET"); got.StatusCode != 403 {
				t.Errorf("%s, by another name: %d %s", path, got.StatusCode, got.body)
			}
		}
		if got := b.get("/api/chats?x=/api/export", op); got.body != "ann's" {
			t.Errorf("what is only looked at: %d %s", got.StatusCode, got.body)
		}
		if got := b.get("/api/export", ann); got.body != "ann's" {
			t.Errorf("the owner's copy: %d %s", got.StatusCode, got.body)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the slice was asked %v", asked)
	}

	// Another look is another's from its first request on.
	b.sees(op, "bob@example.com")
	b.until("the second look is heeded", func() bool { return b.get("/api/status", op).body == "bob's" })
	for range 20 {
		if got := b.get("/api/status", op); got.body != "bob's" {
			t.Fatalf("it shows %s", got.body)
		}
	}

	if got := b.do("PUT", "/auth/support", "", "Cookie", bob); got.StatusCode != 200 {
		t.Fatalf("allow: %d %s", got.StatusCode, got.body)
	}
	b.until("what is allowed is heeded", func() bool { return b.do("POST", "/api/messages", "{}", "Cookie", op).StatusCode == 200 })
	if got := b.do("DELETE", "/api/data", "{}", "Cookie", op); got.StatusCode != 403 || !strings.Contains(got.problem(), "its owner alone can do this") {
		t.Errorf("deleting: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/api/export", op); got.body != "bob's" {
		t.Errorf("a copy: %d %s", got.StatusCode, got.body)
	}
	if !slices.Equal(asked, []string{"bob's POST /api/messages"}) {
		t.Errorf("the slice was asked %v", asked)
	}
	if got := b.do("DELETE", "/auth/support", "", "Cookie", bob); got.StatusCode != 200 {
		t.Fatalf("withdraw: %d %s", got.StatusCode, got.body)
	}
	b.until("the end is heeded", func() bool { return b.get("/api/status", op).StatusCode == 503 })
	for range 20 {
		if got := b.get("/api/status", op); got.StatusCode != 503 {
			t.Fatalf("after the end: %d %s", got.StatusCode, got.body)
		}
	}
	if got := b.get("/api/status", bob); got.body != "bob's" {
		t.Errorf("the owner: %d %s", got.StatusCode, got.body)
	}
}

func TestALookIsLeftFromTheApp(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ann's") })
	b := setup(t, slice.port)
	b.customer("ann@example.com", slice)
	op := b.operator("op@example.com")
	b.sees(op, "ann@example.com")
	b.until("the look is heeded", func() bool { return b.get("/api/status", op).body == "ann's" })
	if got := b.get("/auth/me", op); !strings.Contains(got.body, `"seenBy":{"until":`) || !strings.Contains(got.body, "ann@example.com") {
		t.Errorf("the app is told %s", got.body)
	}
	if got := b.get("/admin", op); !strings.Contains(got.body, "You see the app as") || !strings.Contains(got.body, "op@example.com") {
		t.Errorf("the operator's seat is another's: %d %s", got.StatusCode, got.body)
	}
	got := b.do("POST", "/admin/see/end", "", "Cookie", op, "Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded")
	if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/admin/users/") {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	b.until("the end is heeded", func() bool { return b.get("/api/status", op).StatusCode == 503 })
	if got := b.get("/auth/me", op); !strings.Contains(got.body, `"seenBy":null`) || !strings.Contains(got.body, "op@example.com") {
		t.Errorf("the app is told %s", got.body)
	}
}
