package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/config/observe"
	"slicegate/store/storetest"
)

// watched is a runner's endpoint over a pool, and an engine that answers or not.
func watched(t *testing.T, pool *pgxpool.Pool) (shown *observe.Endpoint, w *watch, engineDown *atomic.Bool) {
	t.Helper()
	shown, err := observe.Open("RUNNER_METRICS", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shown.Close)
	engineDown = &atomic.Bool{}
	w = newWatch(config.Runner{Server: "one", SampleEvery: time.Minute}, shown, pool, func(context.Context) error {
		if engineDown.Load() {
			return errors.New("the engine does not answer")
		}
		return nil
	})
	shown.Start()
	return shown, w, engineDown
}

// missing are the names of what the endpoint says is not ready.
func missing(t *testing.T, shown *observe.Endpoint) (names string) {
	t.Helper()
	response, err := http.Get("http://" + shown.Address() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var problems []observe.Problem
	if err := json.NewDecoder(response.Body).Decode(&problems); err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		names += problem.Name + " "
	}
	if ready := response.StatusCode == http.StatusOK; ready != (names == "") || !ready && response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: it answers %s", names, response.Status)
	}
	return strings.TrimSpace(names)
}

// becomes waits until that is what is not ready.
func becomes(t *testing.T, shown *observe.Endpoint, want string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for got := missing(t, shown); got != want; got = missing(t, shown) {
		select {
		case <-deadline:
			t.Fatalf("it is not ready for %q, and should be for %q", got, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func healthy(t *testing.T, shown *observe.Endpoint) bool {
	t.Helper()
	response, err := http.Get("http://" + shown.Address() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func TestARunnerIsReadyWithTheSchemaTheEngineAndItsLease(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	shown, w, engineDown := watched(t, db.Pool)
	if got := missing(t, shown); got != "lease" {
		t.Errorf("before it works, it is not ready for %q", got)
	}
	lease, err := takeLease(ctx, db.Pool, "one")
	if err != nil {
		t.Fatal(err)
	}
	working, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.hold(working) }()
	becomes(t, shown, "")
	engineDown.Store(true)
	if got := missing(t, shown); got != "engine" {
		t.Errorf("without an engine it is not ready for %q", got)
	}
	engineDown.Store(false)
	for _, step := range []string{"version + 1", "version - 2"} { // newer, then older
		if _, err := db.Pool.Exec(ctx, "UPDATE public.gateway_version SET version = "+step); err != nil {
			t.Fatal(err)
		}
		if got := missing(t, shown); got != "schema" {
			t.Errorf("at %s it is not ready for %q", step, got)
		}
	}
	if _, err := db.Pool.Exec(ctx, "UPDATE public.gateway_version SET version = version + 1"); err != nil {
		t.Fatal(err)
	}
	if !healthy(t, shown) {
		t.Error("none of this is about its health")
	}
	lease.release() // Postgres hears of it by the end of the connection
	becomes(t, shown, "lease")
	if lease, err = takeLease(ctx, db.Pool, "one"); err != nil {
		t.Fatal(err)
	}
	defer lease.release()
	if got := missing(t, shown); got != "" {
		t.Errorf("its lock was taken again, and it is not ready for %q", got)
	}
	stop()
	<-stopped
	if got := missing(t, shown); got != "lease" {
		t.Errorf("after it has worked, it is not ready for %q", got)
	}
}

func TestARunnerWithoutPostgresIsHealthyAndNotReady(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	pool, err := pgxpool.New(context.Background(), "postgres://nobody@"+closed.Addr().String()+"/none?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	shown, _, _ := watched(t, pool)
	if got := missing(t, shown); got != "postgres schema lease" {
		t.Errorf("it is not ready for %q", got)
	}
	if !healthy(t, shown) {
		t.Error("Postgres is down, and the runner says that it is not healthy itself")
	}
}
