package billing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	function "slicegate/functions/billing"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is one test's function over its own database, on a real port, beside an account at Stripe.
type bundle struct {
	t       testing.TB
	db      storetest.Database
	billing *function.Billing
	stripe  *stripe
	server  *httptest.Server
	now     time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	return alone(t)
}

// alone is setup for a test that has the process for itself.
func alone(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, db: storetest.New(t), now: time.Now().Truncate(time.Microsecond)}
	client, err := river.NewClient(riverpgxv5.New(b.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return b.now }
	b.stripe = newStripe(clock)
	settler := &jobs.Settler{Pool: b.db.Pool, Stripe: b.stripe, Terms: billing.Terms{Grace: 7 * 24 * time.Hour, Retention: 7 * 24 * time.Hour}, Clock: clock}
	b.billing = &function.Billing{
		Pool: b.db.Pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), Stripe: b.stripe, Settler: settler,
		Settings: config.Billing{Price: "9.00", LaunchPrice: "4.50", StoragePrice: "0.50", Currency: "$", Retention: 7 * 24 * time.Hour},
		AppURL:   "https://app.example.com", MediaQuota: 2 << 30, Clock: clock,
	}
	b.server = httptest.NewServer(b.billing.Handler())
	t.Cleanup(b.server.Close)
	return b
}

// withoutStripe is an installation that has trials alone.
func (b *bundle) withoutStripe() {
	b.billing.Stripe = nil
	b.billing.Settler.(*jobs.Settler).Stripe = nil
}

// customer is somebody with an account who is logged in.
type customer struct {
	b      *bundle
	id     int64
	cookie string
}

// user makes an account: one that pays first, with no slice.
func (b *bundle) user() customer {
	b.t.Helper()
	ctx, queries := context.Background(), store.New(b.db.Pool)
	var n int64
	b.value(&n, "SELECT count(*) FROM gateway.users")
	user, err := queries.CreateUser(ctx, store.CreateUserParams{Email: fmt.Sprintf("user%d@example.com", n), PasswordHash: "-", PaysFirst: true, Now: b.now})
	if err != nil {
		b.t.Fatal(err)
	}
	token, id := b.billing.Signer.New()
	if err := queries.CreateSession(ctx, store.CreateSessionParams{ID: id[:], UserID: user.ID, ExpiresAt: b.now.Add(1000 * time.Hour), Now: b.now}); err != nil {
		b.t.Fatal(err)
	}
	return customer{b, user.ID, "session=" + token}
}

// trial makes an account with a trial that runs for so long yet, which may be less than nothing.
func (b *bundle) trial(left time.Duration) customer {
	b.t.Helper()
	u := b.user()
	b.exec("UPDATE gateway.users SET subscription_status = 'trial', trial_ends_at = $2 WHERE id = $1", u.id, b.now.Add(left))
	return u
}

// slice makes a slice in some status; of nobody if user is 0.
func (b *bundle) slice(status string, user int64) (id int64) {
	b.t.Helper()
	slice, err := store.New(b.db.Pool).CreateSlice(context.Background(), store.CreateSliceParams{Server: b.db.Server(b.t), Image: "none"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.exec("UPDATE gateway.slices SET status = $2, port = $3, last_health_at = $4, user_id = NULLIF($5, 0::bigint) WHERE id = $1", slice.ID, status, 5001+2*(slice.ID%10_000), b.now, user)
	return slice.ID
}

// room says how many slices the server could still make, as its runner does.
func (b *bundle) room(room int32) {
	b.t.Helper()
	if err := store.New(b.db.Pool).NoteRoom(context.Background(), store.NoteRoomParams{Name: b.db.Server(b.t), Room: room}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) value(into any, sql string, args ...any) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), sql, args...).Scan(into); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) count(sql string, args ...any) (n int) {
	b.t.Helper()
	b.value(&n, sql, args...)
	return n
}

type reply struct {
	code    int
	header  http.Header
	body    string
	problem string
	url     string
	status  function.Status
}

// refused tells whether it was, with a status of HTTP and these words.
func (r reply) refused(code int, says string) bool {
	return r.code == code && strings.Contains(r.problem, says)
}

func (b *bundle) do(method, path, body string, header ...string) reply {
	b.t.Helper()
	request, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(response.Body); err != nil {
		b.t.Fatal(err)
	}
	got := reply{code: response.StatusCode, header: response.Header, body: raw.String()}
	var says struct{ Error, URL string }
	_ = json.Unmarshal(raw.Bytes(), &says)
	_ = json.Unmarshal(raw.Bytes(), &got.status)
	got.problem, got.url = says.Error, says.URL
	return got
}

func (c customer) get(path string) reply {
	c.b.t.Helper()
	return c.b.do("GET", path, "", "Cookie", c.cookie)
}
func (c customer) post(path, body string) reply {
	c.b.t.Helper()
	return c.b.do("POST", path, body, "Cookie", c.cookie)
}
func (c customer) checkout() reply { c.b.t.Helper(); return c.post("/billing/create-checkout", "{}") }

// subscribed pays, and is seen to have.
func (c customer) subscribed() customer {
	c.b.t.Helper()
	if got := c.checkout(); got.code != http.StatusCreated {
		c.b.t.Fatalf("Checkout: %d %s", got.code, got.body)
	}
	session := c.b.stripe.pay()
	if got := c.post("/billing/refresh", fmt.Sprintf(`{"session":%q}`, session)); got.code != http.StatusOK || got.status.Status != "active" {
		c.b.t.Fatalf("return from Checkout: %d %s", got.code, got.body)
	}
	return c
}

// set writes into the row of a user.
func (c customer) set(what string, args ...any) {
	c.b.t.Helper()
	c.b.exec("UPDATE gateway.users SET "+what+" WHERE id = $1", append([]any{c.id}, args...)...)
}

func (c customer) is(what string, args ...any) bool {
	c.b.t.Helper()
	return c.b.count("SELECT count(*) FROM gateway.users WHERE id = $1 AND "+what, append([]any{c.id}, args...)...) == 1
}

func (c customer) audit(action string) int {
	c.b.t.Helper()
	return c.b.count("SELECT count(*) FROM gateway.audit WHERE actor = $1 AND subject = $1 AND action = $2", fmt.Sprintf("user:%d", c.id), action)
}
