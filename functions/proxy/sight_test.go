package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate/functions/session"
	"slicegate/store"
	"slicegate/store/storetest"
)

// house has a user with a slice, and operators who may see it, before a function that is told of changes.
type house struct {
	t     *testing.T
	db    storetest.Database
	proxy *Proxy
	ann   int64
	port  int32

	mu  sync.Mutex
	now time.Time
}

func newHouse(t *testing.T) *house {
	t.Parallel()
	h := &house{t: t, db: storetest.New(t), now: time.Now().Truncate(time.Microsecond)}
	h.proxy = New(Proxy{Pool: h.db.Pool, Signer: session.NewSigner([32]byte{1}), SessionLife: 24 * time.Hour, Clock: h.clock})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.proxy.Listen(ctx) }()
	t.Cleanup(func() { stop(); <-ended; _ = h.proxy.EndStreams(context.Background()) })
	h.listens()
	h.ann = h.account("ann@example.com", false)
	slice, err := store.New(h.db.Pool).CreateSlice(ctx, store.CreateSliceParams{Server: h.db.Server(t), Image: "none"})
	h.must(err)
	h.port = 1025 // nobody is there
	h.exec("UPDATE gateway.slices SET status = 'assigned', user_id = $2, port = $3 WHERE id = $1", slice.ID, h.ann, h.port)
	return h
}

// listens waits until the function has heeded a change: until then it may end what streams there are.
func (h *house) listens() {
	h.t.Helper()
	probe, deadline := session.ID{1}, time.After(20*time.Second)
	for told := false; ; {
		if _, remembered := h.proxy.cache.get(probe); !remembered && told {
			return
		} else if remembered && !told {
			h.exec("SELECT pg_notify('gateway_access', 'session ' || $1)", probe.String())
			told = true
		} else if !told { // nothing is remembered before it listens
			h.proxy.cache.put(probe, Access{}, h.proxy.cache.begin())
		}
		select {
		case <-deadline:
			h.t.Fatal("it does not listen")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.db.Pool.Exec(context.Background(), sql, args...)
	h.must(err)
}

func (h *house) account(email string, isAdmin bool) (id int64) {
	h.t.Helper()
	h.must(h.db.Pool.QueryRow(context.Background(), "INSERT INTO gateway.users (email, password_hash, is_admin) VALUES ($1, '-', $2) RETURNING id", email, isAdmin).Scan(&id))
	return id
}

// seat is a session.
type seat struct {
	h      *house
	user   int64
	id     session.ID
	cookie *http.Cookie
}

func (h *house) login(user int64) seat {
	h.t.Helper()
	token, id := h.proxy.Signer.New()
	h.must(store.New(h.db.Pool).CreateSession(context.Background(), store.CreateSessionParams{ID: id[:], UserID: user, ExpiresAt: h.clock().Add(24 * time.Hour), Now: h.clock()}))
	h.exec("UPDATE gateway.sessions SET second_factor_at = $2 WHERE id = $1", id[:], h.clock())
	return seat{h, user, id, session.Cookie(token, h.clock().Add(time.Hour), h.clock())}
}

func (h *house) operator(email string) seat { return h.login(h.account(email, true)) }

func (s seat) sees(user int64) {
	s.h.t.Helper()
	begun, err := store.New(s.h.db.Pool).BeginSight(context.Background(), store.BeginSightParams{ID: s.id[:], SeesUserID: user, Until: s.h.clock().Add(30 * time.Minute)})
	if err != nil || begun != 1 {
		s.h.t.Fatalf("%d, %v", begun, err)
	}
}

// ask is nginx's question about a request, with the answer in short.
func (s seat) ask(method, uri string, header ...string) string {
	s.h.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
	r.AddCookie(s.cookie)
	r.Header.Set("X-Original-Method", method)
	if uri != "" {
		r.Header.Set("X-Original-URI", uri)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.h.proxy.Handler().ServeHTTP(w, r)
	answer := strconv.Itoa(w.Code)
	if w.Code == http.StatusForbidden || w.Code == http.StatusNoContent {
		answer += " " + w.Header().Get("X-Denied") + w.Header().Get("X-Slice-Port")
		if w.Header().Get("Cache-Control") != "" {
			answer += " not kept"
		}
	}
	return answer
}

// until waits for an answer that a change brings about.
func (s seat) until(want string) {
	s.h.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got := s.ask("GET", "/api/chats")
		if got == want {
			return
		}
		select {
		case <-deadline:
			s.h.t.Fatalf("it still answers %q, not %q", got, want)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

const (
	mine     = "204 1025"
	seen     = "204 1025 not kept"
	looking  = "403 looking not kept"
	copying  = "403 copying not kept"
	ownAlone = "403 owner not kept"
	noSlice  = "403 "
)

func TestHowFarAnOperatorGetsWithASlice(t *testing.T) {
	h := newHouse(t)
	ann, op := h.login(h.ann), h.operator("op@example.com")
	op.until(noSlice)
	op.sees(h.ann)
	op.until(seen)
	for _, test := range []struct{ method, uri, looks, allowed string }{
		{"GET", "/api/chats", seen, seen},
		{"HEAD", "/api/chats", seen, seen},
		{"GET", "/api/chats/15550100001%40c.us/messages?limit=50&before=%zz/export", seen, seen},
		{"GET", "/api/messages/m1/media", seen, seen},
		{"POST", "/api/messages", looking, seen},
		{"PUT", "/api/status", looking, seen},
		{"PATCH", "/api/status", looking, seen},
		{"OPTIONS", "/api/status", looking, seen},
		{"BREW", "/api/status", looking, seen},
		{"", "/api/status", looking, seen},
		{"POST", "/api/export", looking, seen},
		{"DELETE", "/api/data", looking, ownAlone},
		{"DELETE", "/api/messages/m1/media", looking, ownAlone},
		{"GET", "/api/export", copying, seen},
		{"HEAD", "/api/export?x=1", copying, seen},
		{"GET", "/api/Export/", copying, seen},
		{"GET", "/api//export", copying, seen},
		{"GET", "/api/./export", copying, seen},
		{"GET", "/api/export;a=b", copying, seen},
		{"GET", `/api\export`, copying, seen},
		{"GET", "/api/%65xport", copying, seen},
		{"GET", "/api/%2565xport", copying, seen},
		{"GET", "/api/%252565xport", copying, seen},
		{"GET", "/api%2Fexport", copying, seen},
		{"GET", "/api/%zz", copying, seen},
		{"GET", "", copying, seen}, // an nginx that does not say it yet
	} {
		if got := op.ask(test.method, test.uri); got != test.looks {
			t.Errorf("who looks: %s %s: %s, want %s", test.method, test.uri, got, test.looks)
		}
		if got := ann.ask(test.method, test.uri); got != mine {
			t.Errorf("the owner: %s %s: %s", test.method, test.uri, got)
		}
	}
	if got := op.ask("GET", "/api/socket", "X-Original-Upgrade", "websocket"); got != looking {
		t.Errorf("a WebSocket: %s", got)
	}
	if got := op.ask("POST", "/api/messages", "Sec-Fetch-Site", "cross-site"); got != "403 cross-origin" {
		t.Errorf("another site: %s", got)
	}

	h.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", h.ann, h.clock().Add(10*time.Minute))
	deadline := time.After(20 * time.Second)
	for op.ask("POST", "/api/messages") != seen {
		select {
		case <-deadline:
			t.Fatal("what is allowed is not heeded")
		case <-time.After(2 * time.Millisecond):
		}
	}
	for uri, method := range map[string]string{"/api/export": "GET", "/api/chats": "GET", "/api/status": "PUT"} {
		if got := op.ask(method, uri); got != seen {
			t.Errorf("allowed: %s %s: %s", method, uri, got)
		}
	}
	for _, uri := range []string{"/api/data", "/api/messages/m1/media"} {
		if got := op.ask("DELETE", uri); got != ownAlone {
			t.Errorf("allowed: DELETE %s: %s", uri, got)
		}
	}
	if got := op.ask("GET", "/api/socket", "X-Original-Upgrade", "websocket"); got != seen {
		t.Errorf("allowed: a WebSocket: %s", got)
	}
	h.later(10 * time.Minute) // nobody tells of what ends by time
	if got := op.ask("POST", "/api/messages"); got != looking {
		t.Errorf("what was allowed is over: %s", got)
	}
}

// Each is told to the function, whose memory of the session is then empty: the answer that it had does not
// come back, also not from a stream that extends the session.
func TestASliceIsNotSeenAnyLonger(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(h *house, op seat)
		want string
	}{
		"by its time": {func(h *house, op seat) {
			h.later(29*time.Minute + 30*time.Second)
			op.until(seen) // which has just been looked up
			h.later(30 * time.Second)
		}, noSlice},
		"by leaving":                {func(h *house, op seat) { h.must(store.New(h.db.Pool).EndSight(context.Background(), op.id[:])) }, noSlice},
		"by the owner":              {func(h *house, _ seat) { h.ended(h.ann) }, noSlice},
		"by a former admin":         {func(h *house, op seat) { h.exec("UPDATE gateway.users SET is_admin = false WHERE id = $1", op.user) }, noSlice},
		"by a new admin":            {func(h *house, _ seat) { h.exec("UPDATE gateway.users SET is_admin = true WHERE id = $1", h.ann) }, noSlice},
		"without the second factor": {func(h *house, op seat) { h.must(store.New(h.db.Pool).ForgetPasses(context.Background(), op.user)) }, noSlice},
		"by logging out":            {func(h *house, op seat) { h.must(store.New(h.db.Pool).DeleteSession(context.Background(), op.id[:])) }, "401"},
		"by another sight":          {func(h *house, op seat) { op.sees(h.account("bob@example.com", false)) }, noSlice},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ann, op, other := h.login(h.ann), h.operator("op@example.com"), h.operator("other@example.com")
			op.sees(h.ann)
			other.sees(h.ann)
			op.until(seen)
			other.until(seen)
			if got := ann.ask("GET", "/api/chats"); got != mine {
				t.Errorf("the owner: %s", got)
			}
			test.end(h, op)
			op.until(test.want)
			if _, remembered := h.proxy.cache.get(other.id); !remembered {
				other.until(map[bool]string{true: noSlice, false: seen}[name == "by its time" || name == "by the owner" || name == "by a new admin"])
			}
			if got := ann.ask("POST", "/api/messages"); got != mine {
				t.Errorf("the owner after it: %s", got)
			}
		})
	}
}

func (h *house) ended(user int64) {
	h.t.Helper()
	_, err := store.New(h.db.Pool).EndSightsOf(context.Background(), user)
	h.must(err)
}

func TestWhatALookExtendsIsTheOperatorsSession(t *testing.T) {
	h := newHouse(t)
	ann, op := h.login(h.ann), h.operator("op@example.com")
	op.sees(h.ann)
	op.until(seen)
	read := func(s seat) (at time.Time) {
		t.Helper()
		h.must(h.db.Pool.QueryRow(t.Context(), "SELECT extended_at FROM gateway.sessions WHERE id = $1", s.id[:]).Scan(&at))
		return at
	}
	anns, began := read(ann), h.clock()
	h.later(2 * extendEvery)
	if got := op.ask("GET", "/api/chats"); got != seen {
		t.Fatal(got)
	}
	if !read(op).Equal(began.Add(2*extendEvery)) || !read(ann).Equal(anns) {
		t.Errorf("the operator's session was used at %v, the user's at %v", read(op), read(ann))
	}
	var inUse bool
	h.must(h.db.Pool.QueryRow(t.Context(), `SELECT last_login_at IS NOT NULL OR (SELECT last_activity_at IS NOT NULL FROM gateway.slices WHERE user_id = u.id) FROM gateway.users u WHERE id = $1`, h.ann).Scan(&inUse))
	if inUse {
		t.Error("the user seems to have been there")
	}
	// A stream that outlasts a change of what is allowed does not bring back what was known when it began.
	h.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", h.ann, h.clock().Add(time.Hour))
	deadline := time.After(20 * time.Second)
	for op.ask("POST", "/api/messages") != seen {
		select {
		case <-deadline:
			t.Fatal("what is allowed is not heeded")
		case <-time.After(2 * time.Millisecond):
		}
	}
	h.later(2 * extendEvery)
	if _, err := h.proxy.extend(t.Context(), op.id, h.clock()); err != nil {
		t.Fatal(err)
	}
	if got := op.ask("POST", "/api/messages"); got != seen {
		t.Errorf("after the stream has extended the session: %s", got)
	}
}

func TestAStreamEndsWithTheLook(t *testing.T) {
	h := newHouse(t)
	now := h.clock()
	for name, test := range map[string]struct {
		access Access
		want   time.Time
	}{
		"of their own":     {Access{ExpiresAt: now.Add(time.Hour)}, now.Add(time.Hour)},
		"of another":       {Access{ExpiresAt: now.Add(time.Hour), SeesUntil: now.Add(time.Minute)}, now.Add(time.Minute)},
		"beyond a session": {Access{ExpiresAt: now.Add(time.Second), SeesUntil: now.Add(time.Minute)}, now.Add(time.Second)},
	} {
		if got := test.access.ends(); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// A stream is one of the account that was seen when it began.
func TestAStreamIsToldThatTheLookIsOver(t *testing.T) {
	h := newHouse(t)
	op := h.operator("op@example.com")
	op.sees(h.ann)
	op.until(seen)
	server := httptest.NewServer(h.proxy.Handler())
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/events", nil)
	h.must(err)
	request.AddCookie(op.cookie)
	response, err := http.DefaultClient.Do(request)
	h.must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	h.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", h.ann, h.clock().Add(time.Hour))
	deadline := time.After(20 * time.Second)
	for op.ask("POST", "/api/messages") != seen {
		select {
		case <-deadline:
			t.Fatal("what is allowed is not heeded")
		case <-time.After(2 * time.Millisecond):
		}
	}
	if open := h.proxy.hub.Stats().Listeners; open != 1 {
		t.Errorf("%d streams are open after more was allowed", open)
	}
	h.ended(h.ann)
	said, err := io.ReadAll(response.Body)
	if err != nil || !strings.HasSuffix(string(said), "event: bye\ndata: {}\n\n") {
		t.Errorf("it ends with %q, %v", said, err)
	}
	again, err := http.DefaultClient.Do(request)
	h.must(err)
	defer again.Body.Close()
	if again.StatusCode != http.StatusServiceUnavailable { // an operator without a slice of their own
		t.Errorf("another one: %d", again.StatusCode)
	}
}

// The look may end, or be another's, after a stream was let in and before it can be told so.
func TestAStreamThatComesTooLateIsNotOpened(t *testing.T) {
	h := newHouse(t)
	op := h.operator("op@example.com")
	op.sees(h.ann)
	op.until(seen)
	before, err := h.proxy.query(t.Context(), op.id, h.clock())
	h.must(err)
	if !h.proxy.still(t.Context(), op.id, before) {
		t.Error("one that comes in time is not opened")
	}
	h.ended(h.ann)
	if h.proxy.still(t.Context(), op.id, before) {
		t.Error("one of the account that was seen before is opened")
	}
}
