package nginx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/crypto/bcrypt"

	"slicegate/config"
	"slicegate/functions/admin"
	"slicegate/functions/auth"
	"slicegate/functions/billing"
	"slicegate/functions/proxy"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/nginx"
	"slicegate/payments"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is a real nginx before real functions, over a database of its own. The slices
// behind it are servers of the tests: some misbehave as no image of ours would.
type bundle struct {
	t    testing.TB
	db   storetest.Database
	addr string
	app  string // its Host

	exports string // the folder of their files
	sockets string // the folder of the functions' sockets
}

// place is a server that stands where a slice's container would.
type place struct {
	*httptest.Server
	port int
}

func newSlice(t testing.TB, handler http.HandlerFunc) *place {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	for {
		port := int(nextPort.Add(2))
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue // somebody else's
		}
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		return &place{server, port}
	}
}

// Slices live on odd ports, close together: nginx declares each of the range.
var nextPort atomic.Int32

func init() { nextPort.Store(26_001) }

func setup(t *testing.T, ports ...int) *bundle {
	t.Helper()
	t.Parallel()
	return start(t, ports...)
}

func start(t testing.TB, ports ...int) *bundle {
	t.Helper()
	return behind(t, nil, ports...)
}

// behind starts one that believes what these proxies say of their clients.
func behind(t testing.TB, trusted []string, ports ...int) *bundle {
	t.Helper()
	// Sockets have short paths: t.TempDir's may be too long.
	dir, err := os.MkdirTemp("", "sg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &bundle{t: t, db: storetest.New(t), app: "app.localhost", exports: t.TempDir(), sockets: dir}
	b.functions(dir)
	b.nginx(dir, trusted, ports)
	return b
}

func (b *bundle) functions(dir string) {
	b.t.Helper()
	client, err := river.NewClient(riverpgxv5.New(b.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		b.t.Fatal(err)
	}
	hasher, err := auth.NewHasher(0, bcrypt.MinCost)
	if err != nil {
		b.t.Fatal(err)
	}
	signer, life := session.NewSigner([32]byte{1}), 30*24*time.Hour
	p := proxy.New(proxy.Proxy{Pool: b.db.Pool, Signer: signer, SessionLife: life, Clock: time.Now})
	a := &auth.Auth{
		Pool: b.db.Pool, Jobs: client, Signer: signer, Hasher: hasher,
		SessionLife: life, TrialDays: 14, Brand: "Slicegate", Clock: time.Now,
	}
	operators, err := admin.New(admin.Admin{Pool: b.db.Pool, Jobs: client, Signer: signer, Brand: "Slicegate", AppURL: "https://app.example.com", Clock: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	settings := config.Billing{StripeKey: "sk_test_123", StripeURL: b.stripe(), WebhookSecrets: []string{webhookSecret}, Price: "9.00", LaunchPrice: "off", StoragePrice: "off", CurrencyCode: "usd"}
	account := payments.Open(settings)
	money := &billing.Billing{
		Pool: b.db.Pool, Jobs: client, Signer: signer, Stripe: account, ReadEvent: account.Event, Settings: settings,
		Settler: &jobs.Settler{Pool: b.db.Pool, Stripe: account, Clock: time.Now}, AppURL: "https://app.example.com", Server: "test", Clock: time.Now,
	}
	ctx, stop := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listening.Go(func() { p.Listen(ctx) })
	b.t.Cleanup(func() {
		stop()
		listening.Wait()
		_ = p.EndStreams(context.Background())
	})
	for name, handler := range map[string]http.Handler{"admin": operators.Handler(), "auth": a.Handler(), "billing": money.Handler(), "proxy": p.Handler()} {
		listener, err := net.Listen("unix", filepath.Join(dir, name+".sock"))
		if err != nil {
			b.t.Fatal(err)
		}
		server := &http.Server{Handler: handler}
		b.t.Cleanup(func() { _ = server.Close() })
		go func() { _ = server.Serve(listener) }()
	}
}

func (b *bundle) nginx(dir string, trusted []string, ports []int) {
	b.t.Helper()
	b.addr = freeAddress(b.t)
	for name, content := range map[string]string{"site": "the site", "web": "the app"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "index.html"), []byte(content), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	config := nginx.Config{
		Listen: b.addr, SiteNames: []string{"localhost"}, AppNames: []string{b.app},
		SocketDir: dir, SiteRoot: filepath.Join(dir, "site"), AppRoot: filepath.Join(dir, "web"), StateDir: dir,
		SliceTimeout: 10 * time.Second, TrustedProxies: trusted, ExportsRoot: b.exports,
	}
	if os.Geteuid() == 0 {
		config.User = "root" // the test's own files and sockets are root's
	}
	path := filepath.Join(dir, "nginx.conf")
	if len(ports) > 0 {
		config.FirstPort, config.LastPort = slices.Min(ports), slices.Max(ports)
	}
	if err := config.Write(path); err != nil {
		b.t.Fatal(err)
	}
	run(b.t, b.addr, dir, path)
}

func freeAddress(t testing.TB) string {
	t.Helper()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	return probe.Addr().String()
}

// run runs nginx with a configuration until the test ends, and waits for it to listen.
func run(t testing.TB, addr, dir, path string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where Debian has it, outside a user's PATH
	}
	var complaints bytes.Buffer
	command := exec.Command(program, "-c", path, "-p", dir, "-e", "stderr")
	command.Stderr = &complaints
	if err := command.Start(); err != nil {
		t.Fatalf("nginx: %v", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		<-exited
		if t.Failed() {
			t.Log(complaints.String())
		}
	})
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("nginx ended: %v\n%s", err, complaints.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// user registers through nginx and returns the cookie.
func (b *bundle) user(email string) string {
	b.t.Helper()
	response := b.do("POST", "/auth/register", fmt.Sprintf(`{"email":%q,"password":"correct horse"}`, email), "Content-Type", "application/json")
	if response.StatusCode != http.StatusCreated {
		b.t.Fatalf("register: %s %s", response.Status, response.body)
	}
	return response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
}

// customer is a user whose slice is s.
func (b *bundle) customer(email string, s *place) string {
	b.t.Helper()
	ctx, server := context.Background(), b.db.Server(b.t)
	row, err := store.New(b.db.Pool).CreateSlice(ctx, store.CreateSliceParams{Server: server, Image: "none"})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.db.Pool.Exec(ctx, "UPDATE gateway.slices SET status = 'available', port = $2, last_health_at = now() WHERE id = $1", row.ID, s.port); err != nil {
		b.t.Fatal(err)
	}
	return b.user(email)
}

type response struct {
	*http.Response
	body string
}

func (r response) problem() string {
	var problem struct{ Error string }
	_ = json.Unmarshal([]byte(r.body), &problem)
	return problem.Error
}

func (b *bundle) request(method, path string, body io.Reader, header ...string) *http.Request {
	b.t.Helper()
	request, err := http.NewRequest(method, "http://"+b.addr+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	request.Host = b.app
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return request
}

func (b *bundle) send(request *http.Request) response {
	b.t.Helper()
	got, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response{got, string(raw)}
}

func (b *bundle) do(method, path, body string, header ...string) response {
	b.t.Helper()
	return b.send(b.request(method, path, bytes.NewReader([]byte(body)), header...))
}

func (b *bundle) get(path, cookie string) response {
	b.t.Helper()
	return b.do("GET", path, "", "Cookie", cookie)
}
