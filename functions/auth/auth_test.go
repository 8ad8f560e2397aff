package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/crypto/bcrypt"

	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is one test's function over its own database, on a real port.
type bundle struct {
	t      testing.TB
	db     storetest.Database
	auth   *auth.Auth
	server *httptest.Server
	now    time.Time
}

func setup(t *testing.T) *bundle {
	t.Parallel()
	return start(t)
}

func start(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{t: t, db: storetest.New(t), now: time.Now().Truncate(time.Microsecond)}
	client, err := river.NewClient(riverpgxv5.New(b.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := auth.NewHasher(0, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	b.auth = &auth.Auth{
		Pool: b.db.Pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), Hasher: hasher,
		SessionLife: 30 * 24 * time.Hour, TrialDays: 14, Brand: "Slicegate", Clock: func() time.Time { return b.now },
	}
	b.server = httptest.NewServer(b.auth.Handler())
	t.Cleanup(b.server.Close)
	return b
}

// slice adds a ready slice.
func (b *bundle) slice() store.Slice {
	b.t.Helper()
	ctx := context.Background()
	slice, err := store.New(b.db.Pool).CreateSlice(ctx, store.CreateSliceParams{Server: b.db.Server(b.t), Image: "none"})
	if err != nil {
		b.t.Fatal(err)
	}
	port := int32(5001 + 2*(slice.ID%10_000))
	if _, err := b.db.Pool.Exec(ctx, "UPDATE gateway.slices SET status = 'available', port = $2, last_health_at = $3 WHERE id = $1", slice.ID, port, b.now); err != nil {
		b.t.Fatal(err)
	}
	return slice
}

type reply struct {
	status     int
	me         auth.Me
	problem    string
	cookie     *http.Cookie
	retryAfter string
}

func (b *bundle) do(method, path, body string, header ...string) reply {
	b.t.Helper()
	request, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(response.Body); err != nil {
		b.t.Fatal(err)
	}
	got := reply{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
	for _, cookie := range response.Cookies() {
		got.cookie = cookie
	}
	if raw.Len() > 0 {
		var problem struct{ Error string }
		if err := json.Unmarshal(raw.Bytes(), &problem); err != nil {
			b.t.Fatalf("%s %s answered %q: %v", method, path, raw.String(), err)
		}
		got.problem = problem.Error
		_ = json.Unmarshal(raw.Bytes(), &got.me)
	}
	return got
}

func (b *bundle) register(email string) reply {
	return b.do("POST", "/auth/register", fmt.Sprintf(`{"email":%q,"password":"correct horse"}`, email))
}

func (b *bundle) jobs(kind string) (count int) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), "SELECT count(*) FROM river.river_job WHERE kind = $1", kind).Scan(&count); err != nil {
		b.t.Fatal(err)
	}
	return count
}

func TestRegisterTakesASliceFromThePool(t *testing.T) {
	b := setup(t)
	slice := b.slice()
	got := b.register("  Ann@Example.com ")
	if got.status != http.StatusCreated || got.me.Slice == nil || got.me.Slice.ID != slice.ID || got.me.Waiting != nil {
		t.Fatalf("got %+v, want slice %d", got, slice.ID)
	}
	if got.me.User.Email != "ann@example.com" || got.me.User.SubscriptionStatus != "trial" {
		t.Errorf("got user %+v", got.me.User)
	}
	if want := b.now.Add(14 * 24 * time.Hour); !got.me.User.TrialEndsAt.Equal(want) {
		t.Errorf("trial ends at %s, want %s", got.me.User.TrialEndsAt, want)
	}
	if b.jobs("fill_pool") != 1 {
		t.Errorf("%d refills were ordered, want 1", b.jobs("fill_pool"))
	}
	c := got.cookie
	if c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 30*24*3600 {
		t.Errorf("got cookie %+v", c)
	}
	var stored int
	if err := b.db.Pool.QueryRow(context.Background(), "SELECT count(*) FROM gateway.sessions WHERE position(decode(split_part($1, '.', 1) || '=', 'base64') in id) > 0", strings.NewReplacer("-", "+", "_", "/").Replace(c.Value)).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("the token itself is in the table (%d, %v)", stored, err)
	}
}

func TestRegisterWaitsWhenNothingIsReady(t *testing.T) {
	b := setup(t)
	b.db.Server(t)
	got := b.register("ann@example.com")
	if got.status != http.StatusCreated || got.me.Slice != nil || got.me.Waiting == nil || b.jobs("fill_pool") != 1 {
		t.Fatalf("got %+v, %d refills", got, b.jobs("fill_pool"))
	}
	// Who came first is served first.
	b.slice()
	if second := b.register("bob@example.com"); second.me.Slice != nil {
		t.Errorf("the second user was served before the first: %+v", second.me)
	}
	if me := b.do("GET", "/auth/me", "", "Cookie", "session="+got.cookie.Value); me.me.Slice == nil {
		t.Errorf("the first user still waits: %+v", me)
	}
}

func TestTwentyAtOnceNeverShareASlice(t *testing.T) {
	b := setup(t)
	for range 5 {
		b.slice()
	}
	var everyone sync.WaitGroup
	for i := range 20 {
		everyone.Go(func() {
			if got := b.register(fmt.Sprintf("user%d@example.com", i)); got.status != http.StatusCreated {
				t.Errorf("user %d: %+v", i, got)
			}
		})
	}
	everyone.Wait()
	var assigned, waiting int
	if err := b.db.Pool.QueryRow(context.Background(), `SELECT
		(SELECT count(DISTINCT user_id) FROM gateway.slices WHERE status = 'assigned'),
		(SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL)`).Scan(&assigned, &waiting); err != nil {
		t.Fatal(err)
	}
	// Registrations that passed each other may leave a ready slice to the fill_pool jobs.
	if assigned+waiting != 20 || assigned > 5 {
		t.Errorf("%d assigned and %d waiting", assigned, waiting)
	}
	if b.jobs("fill_pool") != 20 {
		t.Errorf("%d refills, want one for each", b.jobs("fill_pool"))
	}
}

func TestLoginLogoutMe(t *testing.T) {
	b := setup(t)
	first := b.register("ann@example.com")
	good, bad := `{"email":"Ann@example.com","password":"correct horse"}`, `{"email":"ann@example.com","password":"wrong horse!"}`
	if got := b.do("POST", "/auth/login", bad); got.status != http.StatusUnauthorized || got.cookie != nil {
		t.Errorf("wrong password: %+v", got)
	}
	unknown := b.do("POST", "/auth/login", `{"email":"nobody@example.com","password":"correct horse"}`)
	if wrong := b.do("POST", "/auth/login", bad); !reflect.DeepEqual(unknown, wrong) {
		t.Errorf("an unknown address is told apart: %+v, %+v", unknown, wrong)
	}
	second := b.do("POST", "/auth/login", good)
	if second.status != http.StatusOK || second.cookie == nil || second.cookie.Value == first.cookie.Value {
		t.Fatalf("login: %+v", second)
	}
	if got := b.do("POST", "/auth/logout", "", "Cookie", "session="+second.cookie.Value); got.status != http.StatusNoContent || got.cookie.MaxAge >= 0 {
		t.Errorf("logout: %+v", got)
	}
	if got := b.do("GET", "/auth/me", "", "Cookie", "session="+second.cookie.Value); got.status != http.StatusUnauthorized {
		t.Errorf("after logout: %+v", got)
	}
	if got := b.do("GET", "/auth/me", "", "Cookie", "session="+first.cookie.Value); got.status != http.StatusOK {
		t.Errorf("the other session ended too: %+v", got)
	}
	b.now = b.now.Add(31 * 24 * time.Hour)
	if got := b.do("GET", "/auth/me", "", "Cookie", "session="+first.cookie.Value); got.status != http.StatusUnauthorized {
		t.Errorf("after a month: %+v", got)
	}
}

func TestForgedTokensNeverReachTheDatabase(t *testing.T) {
	b := setup(t)
	cookie := b.register("ann@example.com").cookie.Value
	token, signature, _ := strings.Cut(cookie, ".")
	other, _ := session.NewSigner([32]byte{2}).New()
	b.db.Pool.Close() // whoever asks Postgres now gets a 500
	for _, forged := range []string{token, token + ".", token + "." + signature[:42], other, "." + signature, "x.y", ""} {
		if got := b.do("GET", "/auth/me", "", "Cookie", "session="+forged); got.status != http.StatusUnauthorized {
			t.Errorf("%q: %+v", forged, got)
		}
	}
	if got := b.do("GET", "/auth/me", "", "Cookie", "session="+cookie); got.status != http.StatusInternalServerError {
		t.Errorf("the true one: %+v", got)
	}
}

func TestBadRequestsAreToldWhatIsWrong(t *testing.T) {
	b := setup(t)
	b.register("taken@example.com")
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		says                     string
	}{
		{"taken", "POST", "/auth/register", `{"email":"TAKEN@example.com","password":"correct horse"}`, nil, 409, "Log in instead"},
		{"short password", "POST", "/auth/register", `{"email":"a@example.com","password":"short"}`, nil, 400, "10 characters"},
		{"ten letters of two bytes", "POST", "/auth/register", `{"email":"b@example.com","password":"üüüüüüüüüü"}`, nil, 201, ""},
		{"endless password", "POST", "/auth/register", `{"email":"a@example.com","password":"` + strings.Repeat("x", 1025) + `"}`, nil, 400, "1024"},
		{"no address", "POST", "/auth/register", `{"email":"Ann <ann@example.com>","password":"correct horse"}`, nil, 400, "name@example.com"},
		{"NUL", "POST", "/auth/register", `{"email":"a\u0000@example.com","password":"correct horse"}`, nil, 400, "name@example.com"},
		{"NUL at login", "POST", "/auth/login", `{"email":"a\u0000@example.com","password":"correct horse"}`, nil, 401, "not right"},
		{"malformed", "POST", "/auth/login", `{"email":`, nil, 400, "not valid JSON"},
		{"empty", "POST", "/auth/login", ` `, nil, 400, "empty"},
		{"unknown field", "POST", "/auth/login", `{"email":"a@example.com","pasword":"x"}`, nil, 400, `"pasword"`},
		{"wrong type", "POST", "/auth/login", `{"email":7}`, nil, 400, `"email" must be a string`},
		{"two objects", "POST", "/auth/login", `{} {}`, nil, 400, "nothing after it"},
		{"form", "POST", "/auth/login", `email=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
		{"huge", "POST", "/auth/login", `{"email":"` + strings.Repeat("x", 9000) + `"}`, nil, 413, "too large"},
		{"other method", "GET", "/auth/login", "", nil, 405, "GET"},
		{"nowhere", "GET", "/auth/nowhere", "", nil, 404, "nothing at this address"},
		{"another site", "POST", "/auth/logout", "", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, "another site"},
	} {
		got := b.do(test.method, test.path, test.body, test.header...)
		if got.status != test.status || !strings.Contains(got.problem, test.says) {
			t.Errorf("%s: got %d %q, want %d with %q", test.name, got.status, got.problem, test.status, test.says)
		}
	}
}

// BenchmarkRegister is the transaction from a new account to an assigned slice, without the
// hash of the password: account, slice, audit, session, mail, and the order for the next slice.
func BenchmarkRegister(b *testing.B) {
	bundle := start(b)
	for range b.N {
		bundle.slice()
	}
	var slowest time.Duration
	n := 0
	b.ResetTimer()
	for range b.N {
		n++
		began := time.Now()
		_, slice, _, err := bundle.auth.Register(context.Background(), fmt.Sprintf("user%d@example.com", n), "hash")
		if err != nil || slice == nil {
			b.Fatalf("slice %v, %v", slice, err)
		}
		slowest = max(slowest, time.Since(began))
	}
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
}
