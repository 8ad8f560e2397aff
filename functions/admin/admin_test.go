package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp/totp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/functions/admin"
	"slicegate/functions/session"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is one test's function over its own database, on a real port.
type bundle struct {
	t        testing.TB
	db       storetest.Database
	admins   admin.Admin
	function *admin.Function
	signer   *session.Signer
	server   *httptest.Server
	now      time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	return start(t)
}

func start(t testing.TB) *bundle {
	t.Helper()
	return startWith(t, func(*admin.Admin) {})
}

// startWith lets a test change what the function is made of.
func startWith(t testing.TB, change func(*admin.Admin)) *bundle {
	t.Helper()
	b := &bundle{t: t, db: storetest.New(t), signer: session.NewSigner([32]byte{1}), now: time.Now().Truncate(time.Second)}
	pool := b.asFunctions()
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	b.admins = admin.Admin{
		Pool: pool, Jobs: client, Signer: b.signer, Key: [32]byte{7}, Brand: "Slicegate", AppURL: "https://app.example.com",
		Billing:   config.Billing{StripeKey: "sk_test_1", Price: "9.00", LaunchPrice: "4.50", CurrencyCode: "usd"},
		Economics: config.Economics{ServerCost: "40.40", TargetSlices: config.Target{From: 60, To: 80}},
		Lines:     config.Lines{Disk: 0.85, RAM: 0.9, CPU: 0.9, SwapIn: 1000, SwapInFor: 5 * time.Minute},
		Clock:     func() time.Time { return b.now }, LookEvery: 200 * time.Millisecond, BeatEvery: 200 * time.Millisecond,
	}
	change(&b.admins)
	if b.function, err = admin.New(b.admins); err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(b.function.Handler())
	t.Cleanup(b.server.Close)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); b.function.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return b
}

// settings are what a test may have otherwise.
type settings = admin.Admin

// without serves the function with other settings from now on.
func (b *bundle) without(change func(*settings)) {
	b.t.Helper()
	change(&b.admins)
	function, err := admin.New(b.admins)
	if err != nil {
		b.t.Fatal(err)
	}
	b.server.Config.Handler = function.Handler()
}

// asFunctions is the database as the functions log in to it, with the rights that they have there.
func (b *bundle) asFunctions() *pgxpool.Pool {
	b.t.Helper()
	for _, right := range []string{"USAGE ON SCHEMA gateway, river", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gateway, river", "USAGE ON ALL SEQUENCES IN SCHEMA gateway, river"} {
		b.exec("GRANT " + right + " TO " + migrations.RoleFunctions)
	}
	config := b.db.Pool.Config().ConnConfig
	pool, err := store.Open(context.Background(), storetest.URL(config.Host, migrations.RoleFunctions, "functions", config.Database), 10)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(pool.Close)
	return pool
}

func (b *bundle) exec(statement string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Pool.Exec(context.Background(), statement, args...); err != nil {
		b.t.Fatalf("%s: %v", statement, err)
	}
}

// one reads one value.
func one[T any](b *bundle, query string, args ...any) (value T) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), query, args...).Scan(&value); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return value
}

// account makes one, and gives its number.
func (b *bundle) account(email string, isAdmin bool) int64 {
	b.t.Helper()
	return one[int64](b, "INSERT INTO gateway.users (email, password_hash, is_admin) VALUES ($1, 'none', $2) RETURNING id", email, isAdmin)
}

// login starts a session, and gives its cookie.
func (b *bundle) login(user int64) *http.Cookie {
	b.t.Helper()
	token, id := b.signer.New()
	if err := store.New(b.db.Pool).CreateSession(context.Background(), store.CreateSessionParams{ID: id[:], UserID: user, ExpiresAt: b.now.Add(24 * 30 * time.Hour), Now: b.now}); err != nil {
		b.t.Fatal(err)
	}
	return session.Cookie(token, b.now.Add(time.Hour), b.now)
}

type reply struct {
	status int
	header http.Header
	body   string
	page   *goquery.Document
}

func (r reply) location() string { return r.header.Get("Location") }

// do sends a request as a browser on the app's own pages does; header are more of them, name by name.
func (b *bundle) do(method, path string, cookie *http.Cookie, form url.Values, header ...string) reply {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, b.server.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("X-Real-IP", "192.0.2.7")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	if cookie != nil {
		request.AddCookie(cookie)
	}
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(string(raw)))
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(raw), page}
}

func (b *bundle) get(path string, cookie *http.Cookie) reply { return b.do("GET", path, cookie, nil) }

func (b *bundle) post(path string, cookie *http.Cookie, fields ...string) reply {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do("POST", path, cookie, form)
}

// seat is an admin who has set up the second factor.
type seat struct {
	id       int64
	cookie   *http.Cookie // of the session in which they did
	secret   string
	recovery []string
}

// offer lets an admin set up their second factor, as `runner admin add` does.
func (b *bundle) offer(user int64, word string) {
	b.t.Helper()
	if _, err := store.New(b.db.Pool).OfferSecondFactor(context.Background(), store.OfferSecondFactorParams{UserID: user, SetupHash: store.SetupHash(word), SetupUntil: b.now.Add(time.Hour)}); err != nil {
		b.t.Fatal(err)
	}
}

var secretShown = regexp.MustCompile(`^[A-Z2-7]{32}$`)

// admin makes an admin who has gone through the set-up by its forms.
func (b *bundle) admin(email string) seat {
	b.t.Helper()
	s := seat{id: b.account(email, true)}
	s.cookie = b.login(s.id)
	b.offer(s.id, "ABCDEFGH")
	if got := b.post("/admin/second-factor/begin", s.cookie, "code", "abcd-efgh"); got.status != http.StatusSeeOther {
		b.t.Fatalf("the set-up begins with %d: %s", got.status, got.body)
	}
	shown := b.get("/admin/second-factor", s.cookie)
	s.secret = shown.page.Find("code.secret").Text()
	if !secretShown.MatchString(s.secret) || shown.page.Find("svg.qr path").Length() != 1 {
		b.t.Fatalf("the set-up shows %s", shown.body)
	}
	confirmed := b.post("/admin/second-factor/confirm", s.cookie, "code", b.code(s.secret, b.now))
	confirmed.page.Find(".codes code").Each(func(_ int, code *goquery.Selection) { s.recovery = append(s.recovery, code.Text()) })
	if confirmed.status != http.StatusOK || len(s.recovery) != 10 {
		b.t.Fatalf("the set-up ends with %d: %s", confirmed.status, confirmed.body)
	}
	b.now = b.now.Add(time.Minute) // another code than the one that was taken
	return s
}

func (b *bundle) code(secret string, at time.Time) string {
	b.t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		b.t.Fatal(err)
	}
	return code
}

// slice adds one in a status; with a user where the status wants one.
func (b *bundle) slice(status string, user *int64) int64 {
	b.t.Helper()
	slice, err := store.New(b.db.Pool).CreateSlice(context.Background(), store.CreateSliceParams{Server: b.db.Server(b.t), Image: "whatsapp-slice:1"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.exec("UPDATE gateway.slices SET status = $2, user_id = $3, port = $4, last_health_at = $5 WHERE id = $1", slice.ID, status, user, 5001+2*(slice.ID%10_000), b.now)
	return slice.ID
}

// customer is an account with a slice.
func (b *bundle) customer(email, status string) (user, slice int64) {
	user = b.account(email, false)
	return user, b.slice(status, &user)
}

func (b *bundle) status(slice int64) string {
	return one[string](b, "SELECT status FROM gateway.slices WHERE id = $1", slice)
}

// audited is how many lines of the audit say an action of a subject by an admin, from the address of do.
func (b *bundle) audited(actor int64, action, subject string) int {
	return one[int](b, "SELECT count(*)::int FROM gateway.audit WHERE actor = $1 AND action = $2 AND subject = $3 AND detail->>'from' = '192.0.2.7'", fmt.Sprintf("admin:%d", actor), action, subject)
}
