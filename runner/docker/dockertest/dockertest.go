// Package dockertest is what tests on the real Docker engine share: fleets of their own that
// leave nothing behind, ports, and the image under test.
package dockertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"slicegate/runner/docker"
	"slicegate/runner/firewall"
	"slicegate/store/storetest"
)

// Fleet names a fleet and removes its containers and network when the test ends.
func Fleet(t testing.TB) string {
	t.Helper()
	fleet := "t" + strings.ToLower(rand.Text()[:8])
	api := Client(t)
	t.Cleanup(func() { remove(t, api, fleet) })
	return fleet
}

// RemoveContainers removes a fleet's containers before the rest of it, for tests whose images go too.
func RemoveContainers(t testing.TB, fleet string) {
	t.Helper()
	removeContainers(t, Client(t), fleet)
}

func removeContainers(t testing.TB, api *client.Client, fleet string) {
	t.Helper()
	ctx := context.Background()
	ofFleet := filters.NewArgs(filters.Arg("label", docker.LabelFleet+"="+fleet))
	containers, err := api.ContainerList(ctx, container.ListOptions{All: true, Filters: ofFleet})
	if err != nil {
		t.Error(err)
	}
	for _, one := range containers {
		if err := api.ContainerRemove(ctx, one.ID, container.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}
}

func remove(t testing.TB, api *client.Client, fleet string) {
	removeContainers(t, api, fleet)
	ctx := context.Background()
	ofFleet := filters.NewArgs(filters.Arg("label", docker.LabelFleet+"="+fleet))
	networks, err := api.NetworkList(ctx, network.ListOptions{Filters: ofFleet})
	if err != nil {
		t.Error(err)
	}
	for _, one := range networks {
		if err := api.NetworkRemove(ctx, one.ID); err != nil {
			t.Error(err)
		}
	}
	if err := (firewall.Wall{Fleet: fleet}).Remove(ctx); err != nil {
		t.Error(err)
	}
	// The engine leaves the empty parent of the fleet's cgroups, under every controller.
	for _, pattern := range []string{"/sys/fs/cgroup/" + fleet + "s", "/sys/fs/cgroup/*/" + fleet + "s"} {
		parents, _ := filepath.Glob(pattern)
		for _, parent := range parents {
			if err := os.Remove(parent); err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
	}
}

// Client talks to the engine under test.
func Client(t testing.TB) *client.Client {
	t.Helper()
	api, err := client.NewClientWithOpts(client.WithHost(variable(t, "DOCKER_HOST")), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	return api
}

// Image is the slice image under test.
func Image(t testing.TB) string { return variable(t, "SLICE_IMAGE") }

// WebJSImage is the slice image under test that has Chromium in it.
func WebJSImage(t testing.TB) string { return variable(t, "WEBJS_IMAGE") }

// Sockets is the directory of the test cluster's socket that is mounted into slices.
func Sockets(t testing.TB) string { return variable(t, "TEST_POSTGRES_SOCKETS") }

// Scratch is a directory that the engine can see, removed when the test ends.
func Scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(variable(t, "TEST_ROOT"), "fleet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Each test binary looks for ports from a place of its own.
var nextPort = func() *atomic.Int32 {
	var from atomic.Int32
	from.Store(int32(10_001 + 2*(os.Getpid()%5_000)))
	return &from
}()

// Port is an odd port that nobody listens on.
func Port() int {
	for {
		port := int(nextPort.Add(2))
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
}

// Ports is a range with that many odd ports, which no other test of this binary gets.
func Ports(odd int32) (first, last int) {
	last = int(nextPort.Add(2 * odd))
	return last - 2*int(odd-1), last
}

func variable(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf(storetest.Missing, name)
	}
	return value
}
