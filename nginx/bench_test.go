package nginx_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/host"
	"slicegate/runner/schemas"
	"slicegate/store/storetest"
)

const (
	rounds   = 5
	duration = 4 * time.Second
)

// BenchmarkProxy measures the way through nginx and authorize to a slice against nginx
// straight to the same slice, in turn, with 32 connections: `make bench-proxy`.
func BenchmarkProxy(b *testing.B) {
	b.Run("slice", func(b *testing.B) {
		// A real one, which half a core bounds.
		compare(b, realSlice(b), "/api/status")
	})
	b.Run("1KB", func(b *testing.B) {
		// A server in its place that costs next to nothing, so that what is left is the way.
		body := []byte(strings.Repeat("x", 1024))
		compare(b, newSlice(b, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		}).port, "/api/status")
	})
}

func compare(b *testing.B, port int, path string) {
	through := start(b, port)
	cookie := through.customer("ann@example.com", &place{port: port})
	straight := alone(b, port)
	var ours, other []float64
	for range rounds {
		other = append(other, load(b, "http://"+straight+path))
		ours = append(ours, load(b, "http://"+through.addr+path, "Host: "+through.app, "Cookie: "+cookie))
	}
	b.ReportMetric(median(ours), "req/s")
	b.ReportMetric(median(other), "req/s-alone")
	b.ReportMetric(median(ours)/median(other), "share")
	b.ReportMetric(0, "ns/op")
	fmt.Printf("through nginx and authorize %7.0f requests/s   nginx alone %7.0f requests/s   share %.2f   (medians of %d)\n",
		median(ours), median(other), median(ours)/median(other), rounds)
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

// alone is an nginx that asks nobody: the same buffers and the same keepalive.
func alone(b *testing.B, port int) string {
	dir, err := os.MkdirTemp("", "sg")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr, path := freeAddress(b), filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, `
daemon off;
worker_processes auto;
pid nginx.pid;
events { worker_connections 1024; }
http {
    access_log access.log;
    client_body_temp_path client; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    upstream slice { server 127.0.0.1:%d; keepalive 8; keepalive_timeout 60s; }
    server {
        listen %s;
        location / {
            proxy_pass http://slice;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}`, port, addr), 0o644); err != nil {
		b.Fatal(err)
	}
	run(b, addr, dir, path)
	return addr
}

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// load is requests per second with 32 connections; a refused request is an error.
func load(b *testing.B, address string, headers ...string) float64 {
	args := []string{"-t1", "-c32", "-d" + duration.String()}
	for _, header := range headers {
		args = append(args, "-H", header)
	}
	out, err := exec.Command("wrk", append(args, address)...).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") {
		b.Fatalf("requests were refused:\n%s", out)
	}
	found := perSecond.FindSubmatch(out)
	if found == nil {
		b.Fatalf("wrk said:\n%s", out)
	}
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

// realSlice starts a container as the runner would and returns its port.
func realSlice(b *testing.B) int {
	ctx, port := context.Background(), dockertest.Port()
	engine, err := docker.Open(ctx, docker.Config{
		Host: os.Getenv("DOCKER_HOST"), Fleet: dockertest.Fleet(b), SocketDir: dockertest.Sockets(b), WAEngine: "simulated",
		Limits: docker.Limits{Memory: 512 << 20, Swap: 512 << 20, CPUs: 0.5, CPUReservation: 0.25, Pids: 256, MediaQuota: 2 << 30},
	})
	if err != nil {
		b.Fatal(err)
	}
	id := int64(1_500_000_000) + int64(os.Getpid()) // above the ids of tests
	hand := &schemas.Schemas{Pool: storetest.Slices(b), Key: [32]byte{9}}
	b.Cleanup(func() {
		if err := hand.Drop(ctx, id); err != nil {
			b.Error(err)
		}
		_ = engine.Close()
	})
	address, err := hand.Ensure(ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	directory, owner, err := host.Directories{Root: dockertest.Scratch(b)}.Ensure(ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	running, err := engine.Run(ctx, jobs.Spec{
		Slice: id, Image: dockertest.Image(b), Port: port, DatabaseURL: address, Directory: directory, Owner: owner,
	})
	if err != nil {
		b.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for {
		if _, err := engine.Status(ctx, running); err == nil {
			return port
		}
		select {
		case <-deadline:
			b.Fatal("the slice does not answer")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
