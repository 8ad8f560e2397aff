package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/store"
)

// reaches is how far each route lets an operator who sees somebody else's account: one that is new has to
// be thought about here, too.
var reaches = map[string]session.Reach{
	"POST /auth/register":          session.Owner,
	"POST /auth/login":             session.Owner,
	"POST /auth/logout":            session.Session,
	"GET /auth/me":                 session.Look,
	"GET /auth/places":             session.Look,
	"POST /auth/forgot-password":   session.Owner,
	"POST /auth/reset-password":    session.Owner,
	"POST /auth/verify-email":      session.Owner,
	"POST /auth/verify-email/send": session.Change,
	"PUT /auth/channels":           session.Change,
	"PUT /auth/email":              session.Owner,
	"POST /auth/slice/restart":     session.Change,
	"GET /auth/support":            session.Look,
	"PUT /auth/support":            session.Owner,
	"DELETE /auth/support":         session.Owner,
}

// bodies are such that a route would do something.
var bodies = map[string]string{
	"POST /auth/register":        `{"email":"new@example.com","password":"correct horse"}`,
	"POST /auth/login":           `{"email":"ann@example.com","password":"correct horse"}`,
	"POST /auth/forgot-password": `{"email":"ann@example.com"}`,
	"PUT /auth/channels":         `{"email":false,"whatsapp":false}`,
	"PUT /auth/email":            `{"email":"taken-over@example.com","password":"correct horse"}`,
	"POST /auth/reset-password":  `{"token":"x","password":"another horse"}`,
	"POST /auth/verify-email":    `{"token":"x"}`,
}

const looking = "You are looking at someone else's account: nothing can be changed."

// watched is a user with a slice, whom an operator sees.
type watched struct {
	*bundle
	ann, op         int64
	annsCookie      string
	cookie          string // the operator's
	operatorSession []byte
}

func watch(t *testing.T) *watched {
	b := setup(t)
	b.slice()
	got := b.register("ann@example.com")
	w := &watched{bundle: b, ann: got.me.User.ID, annsCookie: "session=" + got.cookie.Value}
	w.op, w.cookie, w.operatorSession = w.operator("op@example.com")
	w.see(w.operatorSession, w.ann)
	return w
}

func (w *watched) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func value[T any](w *watched, sql string, args ...any) (found T) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&found); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return found
}

// operator is an admin who has passed the second factor.
func (w *watched) operator(email string) (id int64, cookie string, row []byte) {
	w.t.Helper()
	id = value[int64](w, "INSERT INTO gateway.users (email, password_hash, is_admin) VALUES ($1, 'none', true) RETURNING id", email)
	token, hash := w.auth.Signer.New()
	if err := store.New(w.db.Pool).CreateSession(context.Background(), store.CreateSessionParams{ID: hash[:], UserID: id, ExpiresAt: w.now.Add(time.Hour), Now: w.now}); err != nil {
		w.t.Fatal(err)
	}
	w.exec("UPDATE gateway.sessions SET second_factor_at = $2 WHERE id = $1", hash[:], w.now)
	return id, "session=" + token, hash[:]
}

func (w *watched) see(session []byte, user int64) {
	w.t.Helper()
	begun, err := store.New(w.db.Pool).BeginSight(context.Background(), store.BeginSightParams{ID: session, SeesUserID: user, Until: w.now.Add(30 * time.Minute)})
	if err != nil || begun != 1 {
		w.t.Fatalf("%d, %v", begun, err)
	}
}

// seen is whose account a cookie shows, and as what.
func (w *watched) seen(cookie string) (user int64, seenBy string) {
	w.t.Helper()
	got := w.do("GET", "/auth/me", "", "Cookie", cookie)
	if got.status != http.StatusOK {
		w.t.Fatalf("%d %s", got.status, got.problem)
	}
	if got.me.SeenBy == nil {
		return got.me.User.ID, "its owner"
	}
	return got.me.User.ID, fmt.Sprintf("support, may change: %v, for %s", got.me.SeenBy.MayChange, got.me.SeenBy.Until.Sub(w.now))
}

// state is all of the database that a request of this function could change.
func (w *watched) state() string {
	return value[string](w, `SELECT jsonb_build_array(
		(SELECT jsonb_agg(u ORDER BY id) FROM gateway.users u), (SELECT jsonb_agg(s ORDER BY id) FROM gateway.slices s),
		(SELECT jsonb_agg(s ORDER BY s.id) FROM gateway.sessions s), (SELECT jsonb_agg(e ORDER BY id) FROM gateway.emails e),
		(SELECT count(*) FROM gateway.password_resets), (SELECT count(*) FROM gateway.audit), (SELECT count(*) FROM river.river_job))::text`)
}

func TestWhoLooksChangesNothingAnywhere(t *testing.T) {
	w := watch(t)
	routes := w.auth.Routes()
	if len(routes) != len(reaches) {
		t.Errorf("%d routes, and %d are known here", len(routes), len(reaches))
	}
	before := w.state()
	for _, allowed := range []bool{false, true} {
		if allowed {
			w.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", w.ann, w.now.Add(time.Hour))
			before = w.state()
		}
		for _, route := range routes {
			name := route.Method + " " + route.Pattern
			if reach, known := reaches[name]; !known || reach != route.Reach {
				t.Errorf("%s lets an operator as far as %d, which is not known here", name, route.Reach)
			}
			if route.Reach == session.Session || allowed && route.Reach == session.Change {
				continue // below
			}
			got := w.do(route.Method, route.Pattern, bodies[name], "Cookie", w.cookie)
			switch {
			case route.Reach == session.Look:
				if got.status != http.StatusOK {
					t.Errorf("%s refuses to show: %d %s", name, got.status, got.problem)
				}
			case got.status != http.StatusForbidden || got.cookie != nil || !allowed && got.problem != looking || allowed && !strings.Contains(got.problem, "its owner alone"):
				t.Errorf("%s, allowed %v: %d %q", name, allowed, got.status, got.problem)
			}
			if route.Method == http.MethodGet && route.Reach != session.Look {
				t.Errorf("%s is read, and not by who looks", name)
			}
		}
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if got := w.do(method, "/auth/me", "", "Cookie", w.cookie); got.status != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d", method, got.status)
			}
		}
		if now := w.state(); now != before {
			t.Errorf("allowed %v: something was changed:\n%s\n%s", allowed, before, now)
		}
	}
}

func TestWhatTheOwnerHasAllowedIsDoneInTheOperatorsName(t *testing.T) {
	w := watch(t)
	actor := fmt.Sprintf("admin:%d", w.op)
	for _, do := range []func() reply{
		func() reply {
			return w.do("PUT", "/auth/channels", `{"email":false,"whatsapp":true}`, "Cookie", w.cookie)
		},
		func() reply { return w.do("POST", "/auth/slice/restart", "", "Cookie", w.cookie) },
		func() reply {
			w.exec("UPDATE gateway.emails SET created_at = created_at - interval '1 hour'")
			return w.do("POST", "/auth/verify-email/send", "", "Cookie", w.cookie)
		},
	} {
		w.exec("UPDATE gateway.users SET support_until = NULL")
		if got := do(); got.status != http.StatusForbidden || got.problem != looking {
			t.Errorf("not allowed: %d %q", got.status, got.problem)
		}
		w.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", w.ann, w.now)
		if got := do(); got.status != http.StatusForbidden {
			t.Errorf("allowed until now: %d", got.status)
		}
		w.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", w.op, w.now.Add(time.Hour))
		if got := do(); got.status != http.StatusForbidden {
			t.Errorf("allowed by another: %d", got.status)
		}
		w.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", w.ann, w.now.Add(time.Second))
		if got := do(); got.status >= 300 {
			t.Errorf("allowed: %d %q", got.status, got.problem)
		}
	}
	for _, action := range []string{"user.set_channels", "slice.recycle"} {
		if by := value[string](w, "SELECT actor FROM gateway.audit WHERE action = $1", action); by != actor {
			t.Errorf("%s is %s's in the audit", action, by)
		}
	}
	for user, want := range map[int64]bool{w.ann: false, w.op: true} {
		if got := value[bool](w, "SELECT tell_by_email FROM gateway.users WHERE id = $1", user); got != want {
			t.Errorf("user %d is told by e-mail: %v", user, got)
		}
	}
}

func TestALookLeavesNoTraceInTheAccount(t *testing.T) {
	w := watch(t)
	listener, err := w.db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Release()
	if _, err := listener.Exec(t.Context(), "LISTEN slice_wanted"); err != nil {
		t.Fatal(err)
	}
	// One who waits, and is told that there is no place, is promised a mail: by themselves alone.
	bob := w.register("bob@example.com")
	w.exec("UPDATE gateway.users SET wait_listed = false")
	before := w.state()
	w.seen(w.cookie)
	if w.state() != before {
		t.Error("the look at somebody with a slice was noted")
	}
	w.see(w.operatorSession, bob.me.User.ID)
	before = w.state()
	if got := w.do("GET", "/auth/me", "", "Cookie", w.cookie); got.me.Waiting == nil || !got.me.Waiting.Full || w.state() != before {
		t.Errorf("the look at somebody who waits was noted: %+v", got.me)
	}
	if got := w.do("GET", "/auth/me", "", "Cookie", "session="+bob.cookie.Value); got.me.Waiting == nil || !value[bool](w, "SELECT wait_listed FROM gateway.users WHERE id = $1", bob.me.User.ID) {
		t.Error("the one who waits is promised nothing any more")
	}
	// Their own page does wake the slice ahead, and no look did so before it.
	w.do("GET", "/auth/me", "", "Cookie", w.annsCookie)
	if _, err := listener.Conn().WaitForNotification(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.see(w.operatorSession, w.ann)
	w.seen(w.cookie)
	w.exec("NOTIFY slice_wanted, 'end'")
	for {
		told, err := listener.Conn().WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if told.Payload == "end" {
			break
		}
		t.Errorf("a look wakes a slice ahead: %s", told.Payload)
	}
}

func TestALookEnds(t *testing.T) {
	const asSupport = "support, may change: false, for 30m0s"
	for name, end := range map[string]func(w *watched){
		"by its time":                 func(w *watched) { w.now = w.now.Add(30 * time.Minute) },
		"by leaving":                  func(w *watched) { w.must(store.New(w.db.Pool).EndSight(context.Background(), w.operatorSession)) },
		"by a former admin":           func(w *watched) { w.exec("UPDATE gateway.users SET is_admin = false WHERE id = $1", w.op) },
		"by a new admin":              func(w *watched) { w.exec("UPDATE gateway.users SET is_admin = true WHERE id = $1", w.ann) },
		"by the owner, who withdraws": func(w *watched) { w.must(w.auth.WithdrawSupport(context.Background(), w.ann)) },
		"with the account": func(w *watched) {
			w.exec("UPDATE gateway.slices SET user_id = NULL, status = 'available'")
			w.exec("DELETE FROM gateway.users WHERE id = $1", w.ann)
		},
		"with the second factor":           func(w *watched) { w.must(store.New(w.db.Pool).ForgetPass(context.Background(), w.operatorSession)) },
		"with all second factors of an op": func(w *watched) { w.must(store.New(w.db.Pool).ForgetPasses(context.Background(), w.op)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t)
			if user, by := w.seen(w.cookie); user != w.ann || by != asSupport {
				t.Fatalf("before: %d, by %s", user, by)
			}
			end(w)
			if user, by := w.seen(w.cookie); user != w.op || by != "its owner" {
				t.Errorf("after: %d, by %s", user, by)
			}
			if strings.Contains(name, "former") { // and it does not come back
				w.exec("UPDATE gateway.users SET is_admin = true WHERE id = $1", w.op)
				if user, _ := w.seen(w.cookie); user != w.op {
					t.Error("an admin again sees what they saw before")
				}
			}
		})
	}
	t.Run("by logging out", func(t *testing.T) {
		w := watch(t)
		if got := w.do("POST", "/auth/logout", "", "Cookie", w.cookie); got.status != http.StatusNoContent || got.cookie.MaxAge >= 0 {
			t.Errorf("%+v", got)
		}
		if got := w.do("GET", "/auth/me", "", "Cookie", w.cookie); got.status != http.StatusUnauthorized {
			t.Errorf("the operator's session goes on: %d", got.status)
		}
		if user, by := w.seen(w.annsCookie); user != w.ann || by != "its owner" {
			t.Errorf("the user's own session: %d, by %s", user, by)
		}
	})
}

func (w *watched) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestOperatorsLookApart(t *testing.T) {
	w := watch(t)
	bob := w.register("bob@example.com").me.User.ID
	other, cookie, row := w.operator("other@example.com")
	w.see(row, w.ann)
	for _, one := range []string{w.cookie, cookie} {
		if user, _ := w.seen(one); user != w.ann {
			t.Errorf("one of two sees %d", user)
		}
	}
	w.see(row, bob)
	if user, _ := w.seen(cookie); user != bob {
		t.Errorf("the other sees %d", user)
	}
	w.must(store.New(w.db.Pool).EndSight(t.Context(), row))
	if user, _ := w.seen(cookie); user != other {
		t.Errorf("who has left sees %d", user)
	}
	if user, _ := w.seen(w.cookie); user != w.ann {
		t.Errorf("the first one sees %d", user)
	}
	if user, by := w.seen(w.annsCookie); user != w.ann || by != "its owner" {
		t.Errorf("the user's own session: %d, by %s", user, by)
	}
}

func TestWhoeverIsNoAdminSeesNobody(t *testing.T) {
	w := watch(t)
	bob := w.register("bob@example.com")
	bobs := value[[]byte](w, "SELECT id FROM gateway.sessions WHERE user_id = $1", bob.me.User.ID)
	queries, until := store.New(w.db.Pool), w.now.Add(time.Hour)
	for name, asked := range map[string]store.BeginSightParams{
		"a user":            {ID: bobs, SeesUserID: w.ann, Until: until},
		"an admin an admin": {ID: w.operatorSession, SeesUserID: w.op, Until: until},
		"nobody":            {ID: w.operatorSession, SeesUserID: 1 << 40, Until: until},
	} {
		if begun, err := queries.BeginSight(t.Context(), asked); err != nil || begun != 0 {
			t.Errorf("%s: %d, %v", name, begun, err)
		}
	}
	// A row that says so all the same opens nothing.
	w.exec("UPDATE gateway.sessions SET sees_user_id = $2, sees_until = $3, second_factor_at = $4 WHERE id = $1", bobs, w.ann, until, w.now)
	if user, _ := w.seen("session=" + bob.cookie.Value); user != bob.me.User.ID {
		t.Errorf("a user sees %d", user)
	}
}

func TestSupportIsAllowedForADayAndWithdrawn(t *testing.T) {
	w := watch(t)
	w.exec(`INSERT INTO gateway.audit (at, actor, action, subject, detail) VALUES
		('2026-01-01T10:00:00Z', 'admin:9', 'admin.user.see', $1, '{"after": {"mayChange": false, "reason": "secret"}}'),
		('2026-01-02T10:00:00Z', 'admin:9', 'admin.user.see', $1, '{"after": {"mayChange": true}}'),
		('2026-01-03T10:00:00Z', 'admin:9', 'admin.user.see', 'user:999', '{}'), ('2026-01-03T10:00:00Z', 'admin:9', 'admin.user.unsee', $1, '{}')`, fmt.Sprintf("user:%d", w.ann))
	ask := func(method string) (support auth.Support, raw string) {
		t.Helper()
		request, err := http.NewRequest(method, w.server.URL+"/auth/support", nil)
		w.must(err)
		request.Header.Set("Cookie", w.annsCookie)
		response, err := http.DefaultClient.Do(request)
		w.must(err)
		defer response.Body.Close()
		var body json.RawMessage
		w.must(json.NewDecoder(response.Body).Decode(&body))
		w.must(json.Unmarshal(body, &support))
		return support, string(body)
	}
	support, raw := ask("GET")
	if support.Until != nil || len(support.Looks) != 2 || !support.Looks[0].MayChange || support.Looks[1].MayChange || support.Looks[0].At.Day() != 2 || strings.Contains(raw, "secret") || strings.Contains(raw, "admin") {
		t.Errorf("at first: %s", raw)
	}
	if support, raw := ask("PUT"); support.Until == nil || !support.Until.Equal(w.now.Add(24*time.Hour)) {
		t.Errorf("allowed: %s", raw)
	}
	if user, by := w.seen(w.cookie); user != w.ann || by != "support, may change: true, for 30m0s" {
		t.Errorf("%d by %s", user, by)
	}
	w.now = w.now.Add(10 * time.Minute)
	if support, raw := ask("DELETE"); support.Until != nil {
		t.Errorf("withdrawn: %s", raw)
	}
	if user, _ := w.seen(w.cookie); user != w.op {
		t.Error("the look goes on after it")
	}
	ask("PUT")
	w.now = w.now.Add(24 * time.Hour)
	if support, raw := ask("GET"); support.Until != nil {
		t.Errorf("a day later: %s", raw)
	}
	for action, want := range map[string]int{"user.allow_support": 2, "user.withdraw_support": 1} {
		if got := value[int](w, "SELECT count(*)::int FROM gateway.audit WHERE action = $1 AND actor = subject AND subject = $2", action, fmt.Sprintf("user:%d", w.ann)); got != want {
			t.Errorf("%s is %d times in the audit", action, got)
		}
	}
	if got := w.do("GET", "/auth/support", ""); got.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", got.status)
	}
}

// A request that was let through for its sender's own account is not done in another, should they open that
// one in the meantime.
func TestWhatWasLetThroughStaysWithItsAccount(t *testing.T) {
	w := watch(t)
	queries := store.New(w.db.Pool)
	w.must(queries.EndSight(t.Context(), w.operatorSession))
	var acted session.Visitor
	guarded := w.auth.Signer.Guard(session.Route{Reach: session.Change, Do: func(_ http.ResponseWriter, r *http.Request) (err error) {
		w.see(w.operatorSession, w.ann)
		acted, err = w.auth.Signer.Visitor(r, queries, w.now)
		return err
	}}, queries, func() time.Time { return w.now })
	request := httptest.NewRequest(http.MethodPut, "/", nil)
	request.Header.Set("Cookie", w.cookie)
	w.must(guarded(httptest.NewRecorder(), request))
	if acted.UserID != w.op || acted.Sight != nil {
		t.Errorf("it is done in the account of %d", acted.UserID)
	}
	if err := guarded(httptest.NewRecorder(), request); err == nil || !strings.Contains(err.Error(), "nothing can be changed") {
		t.Errorf("the next one: %v", err)
	}
}
