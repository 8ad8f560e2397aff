package docker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker/docker/api/types/container"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
)

// inspects is a way to the engine that counts how often it is asked for a single container.
func inspects(t *testing.T) (host string, count *atomic.Int64) {
	t.Helper()
	socket, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !ok {
		t.Fatalf("the test's engine is at %q, which is no socket", os.Getenv("DOCKER_HOST"))
	}
	count = &atomic.Int64{}
	way := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	way.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	single := regexp.MustCompile(`/containers/[0-9a-f]{64}/json$`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if single.MatchString(r.URL.Path) {
			count.Add(1)
		}
		way.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String(), count
}

func TestTheEngineIsAskedForAContainerOnceAsLongAsItRuns(t *testing.T) {
	t.Parallel()
	host, asked := inspects(t)
	b := setupWith(t, func(c *docker.Config) { c.Host = host })
	ctx := t.Context()
	spec := b.spec(dockertest.SmallImage(t), dockertest.Port())
	running, err := b.engine.Run(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	// each gives what is listed of the slice, and how often the engine was asked for it alone.
	each := func() (jobs.Container, int64) {
		t.Helper()
		before := asked.Load()
		all, err := b.engine.Each(ctx)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0], asked.Load() - before
	}
	first, n := each()
	if n != 1 || !first.Running || first.Address != running.Address || !first.StartedAt.Equal(running.StartedAt) || first.Port != spec.Port {
		t.Fatalf("asked %d times: %+v, want what was run: %+v", n, first, running)
	}
	if again, n := each(); n != 0 || again != first {
		t.Errorf("asked %d times again: %+v, want %+v", n, again, first)
	}
	id := b.fleet + "-" + strconv.FormatInt(spec.Slice, 10)
	if err := b.api.ContainerRestart(ctx, id, container.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	second, n := each()
	if n != 1 || !second.Running || second.PID == first.PID || !second.StartedAt.After(first.StartedAt) {
		t.Errorf("asked %d times after a restart: %+v", n, second)
	}
	over, failed := b.api.ContainerWait(ctx, id, container.WaitConditionNextExit)
	if err := b.api.ContainerKill(ctx, id, "KILL"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	case err := <-failed:
		t.Fatal(err)
	}
	for range 2 { // one that does not run is asked for each time: how it ended may still change
		if ended, n := each(); n != 1 || ended.Running || ended.PID != 0 || ended.Address != "" || ended.ExitCode != 137 {
			t.Errorf("asked %d times after its end: %+v", n, ended)
		}
	}
	if err := b.engine.Remove(ctx, spec.Slice); err != nil {
		t.Fatal(err)
	}
	if all, err := b.engine.Each(ctx); err != nil || len(all) != 0 {
		t.Errorf("after it is gone: %+v, %v", all, err)
	}
}
