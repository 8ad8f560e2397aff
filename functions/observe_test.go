package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slicegate/config/observe"
	"slicegate/store"
)

// freeAddress is one on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// look asks the endpoint of a binary that runs.
func look(t *testing.T, address, path string) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func TestARegistrationsJobsHaveItsRequest(t *testing.T) {
	dir := environment(t)
	pool, err := store.Open(context.Background(), os.Getenv("DATABASE_URL"), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := store.New(pool).RegisterServer(context.Background(), store.RegisterServerParams{Name: "one", ConfiguredImage: "none"}); err != nil {
		t.Fatal(err)
	}
	stop := serve(t, "auth")
	socket := filepath.Join(dir, "auth.sock")
	ask(t, socket, "/auth/me") // it is up
	id := strings.Repeat("c4", 16)
	request, err := http.NewRequest("POST", "http://function/auth/register", strings.NewReader(`{"email":"ann@example.com","password":"correct horse"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(observe.RequestHeader, id)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("register: %s", response.Status)
	}
	// It orders the next slice.
	var traced *string
	if err := pool.QueryRow(context.Background(), "SELECT metadata->>'request' FROM river.river_job WHERE kind = 'fill_pool'").Scan(&traced); err != nil {
		t.Fatal(err)
	}
	if traced == nil || *traced != id {
		t.Errorf("the job that a request %s has enqueued is of request %v", id, traced)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestFunctionsShowWhatTheyDoAndWhetherTheyAreReady(t *testing.T) {
	dir, address := environment(t), freeAddress(t)
	t.Setenv("FUNCTIONS_METRICS", address)
	database := os.Getenv("DATABASE_URL")
	stop := serve(t)
	for _, socket := range []string{"auth.sock", "billing.sock", "proxy.sock"} {
		ask(t, filepath.Join(dir, socket), "/authorize")
	}
	if status, body := look(t, address, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d %s", status, body)
	}
	if status, body := look(t, address, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz says %d %s", status, body)
	}
	_, figures := look(t, address, "/metrics")
	for _, line := range []string{
		`slicegate_http_requests_total{function="proxy",method="GET",route="/authorize",status="4xx"} 1`,
		`slicegate_http_requests_total{function="auth",method="GET",route="none",status="4xx"} 1`,
		`slicegate_http_requests_total{function="billing",method="GET",route="none",status="4xx"} 1`,
		`slicegate_event_streams 0`, `slicegate_session_lookups_total{result="miss"} 0`, `go_goroutines `,
	} {
		if !strings.Contains(figures, line) {
			t.Errorf("%s is missing in\n%s", line, figures)
		}
	}
	// An address that is taken is an error at start, before anything is served.
	other, err := os.MkdirTemp("", "sg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(other)
	t.Setenv("DATABASE_URL", database)
	t.Setenv("SESSION_KEY", strings.Repeat("ab", 32))
	t.Setenv("SOCKET_DIR", other)
	if err := run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "set FUNCTIONS_METRICS to another address or to off") {
		t.Errorf("a second copy: %v", err)
	}
	// A schema that is behind makes it not ready, and leaves it healthy.
	pool, err := store.Open(context.Background(), database, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(context.Background(), "UPDATE public.gateway_version SET version = version - 1"); err != nil {
		t.Fatal(err)
	}
	status, body := look(t, address, "/readyz")
	var problems []observe.Problem
	if err := json.Unmarshal([]byte(body), &problems); err != nil {
		t.Fatal(err)
	}
	if status != http.StatusServiceUnavailable || len(problems) != 1 || problems[0].Name != "schema" || !strings.Contains(problems[0].Why, "runner migrate") {
		t.Errorf("/readyz says %d %s", status, body)
	}
	if status, body := look(t, address, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d %s", status, body)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := http.Get("http://" + address + "/healthz"); err == nil {
		t.Error("it has ended, and its endpoint answers")
	}
}

func TestAFunctionThatDoesNotAnswerIsNotHealthy(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f := &function{name: "auth"}
	listener, err := listen(f.socket(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // connections are taken, and nobody answers them
	ctx, cancel := context.WithTimeout(context.Background(), observe.CheckWithin)
	defer cancel()
	if err := f.alive(dir).Ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it says nothing, and its health is %v", err)
	}
}
