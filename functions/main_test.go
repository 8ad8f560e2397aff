package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/storetest"
)

// environment gives the settings of a functions binary over a database of its own.
func environment(t *testing.T) (socketDir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sg") // t.TempDir's path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("DATABASE_URL", storetest.New(t).URL)
	t.Setenv("FUNCTIONS_METRICS", "off")
	t.Setenv("SESSION_KEY", strings.Repeat("ab", 32))
	t.Setenv("ADMIN_KEY", strings.Repeat("ad", 32))
	t.Setenv("SOCKET_DIR", dir)
	return dir
}

func serve(t *testing.T, names ...string) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, names) }()
	t.Cleanup(cancel)
	return func() error { cancel(); return <-ended }
}

func over(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
}

func ask(t *testing.T, socket, path string) int {
	t.Helper()
	client := over(socket)
	deadline := time.After(20 * time.Second)
	for {
		response, err := client.Get("http://function" + path)
		if err == nil {
			_ = response.Body.Close()
			return response.StatusCode
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not answer: %v", socket, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestOnlyWhatIsNamedIsServed(t *testing.T) {
	dir := environment(t)
	stop := serve(t, "auth")
	if status := ask(t, filepath.Join(dir, "auth.sock"), "/auth/me"); status != http.StatusUnauthorized {
		t.Errorf("auth answers %d", status)
	}
	if _, err := os.Stat(filepath.Join(dir, "proxy.sock")); !os.IsNotExist(err) {
		t.Errorf("proxy is served too: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestNoneNamedIsAllAndASecondCopyIsRefused(t *testing.T) {
	dir := environment(t)
	// A copy that was killed has left its socket.
	left, err := net.Listen("unix", filepath.Join(dir, "auth.sock"))
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	database := os.Getenv("DATABASE_URL")
	stop := serve(t)
	for path, socket := range map[string]string{"/auth/me": "auth.sock", "/billing/status": "billing.sock", "/authorize": "proxy.sock"} {
		if status := ask(t, filepath.Join(dir, socket), path); status != http.StatusUnauthorized {
			t.Errorf("%s answers %d", socket, status)
		}
	}
	// Secrets were taken out of the environment by the first.
	t.Setenv("ADMIN_KEY", strings.Repeat("ad", 32))
	t.Setenv("DATABASE_URL", database)
	t.Setenv("SESSION_KEY", strings.Repeat("ab", 32))
	if err := run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "another copy serves") {
		t.Errorf("a second copy: %v", err)
	}
	if status := ask(t, filepath.Join(dir, "auth.sock"), "/auth/me"); status != http.StatusUnauthorized {
		t.Errorf("the first copy lost its socket: %d", status)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestWhatCannotBeServedIsNamed(t *testing.T) {
	environment(t)
	if err := run(context.Background(), []string{"auth", "mail"}); err == nil || !strings.Contains(err.Error(), `no function "mail"`) {
		t.Errorf("got %v", err)
	}
	t.Setenv("LOG_LEVEL", "loud")
	if err := run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "LOG_LEVEL") {
		t.Errorf("got %v", err)
	}
}

// What was answered before it was done is done all the same, though the pool is as busy as can be.
func TestAStopWaitsForWhatGoesOnAfterItsAnswer(t *testing.T) {
	dir := environment(t)
	t.Setenv("FUNCTIONS_CONNECTIONS", "2")
	pool, err := store.Open(t.Context(), os.Getenv("DATABASE_URL"), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, name := range []string{"ann", "bob", "carl"} {
		if _, err := pool.Exec(t.Context(), "INSERT INTO gateway.users (email, password_hash) VALUES ($1, 'hash')", name+"@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taken.Exec(t.Context(), "SELECT FROM gateway.users FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	stop := serve(t, "auth")
	socket := filepath.Join(dir, "auth.sock")
	ask(t, socket, "/auth/me")
	for _, name := range []string{"ann", "bob", "carl"} {
		response, err := over(socket).Post("http://function/auth/forgot-password", "application/json", strings.NewReader(`{"email":"`+name+`@example.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", name, response.Status)
		}
	}
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	for { // the socket is gone when the stop has begun
		if _, err := os.Stat(socket); os.IsNotExist(err) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := taken.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	var owed int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM gateway.password_resets").Scan(&owed); err != nil || owed != 3 {
		t.Errorf("%d mails are owed, %v", owed, err)
	}
}

func TestTheOperatorsSeatWantsItsKey(t *testing.T) {
	dir := environment(t)
	stop := serve(t, "admin")
	if status := ask(t, filepath.Join(dir, "admin.sock"), "/admin"); status != http.StatusNotFound {
		t.Errorf("admin answers %d to nobody", status)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	environment(t)
	t.Setenv("ADMIN_KEY", "")
	if err := run(context.Background(), []string{"admin"}); err == nil || !strings.Contains(err.Error(), "ADMIN_KEY must be set") {
		t.Errorf("without a key: %v", err)
	}
}
