package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/host"
	"slicegate/runner/schemas"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is an engine of its own fleet, and the specs of real slices.
type bundle struct {
	t       testing.TB
	engine  *docker.Engine
	api     *client.Client
	fleet   string
	schemas *schemas.Schemas
	db      storetest.Database
	dirs    host.Directories
}

func setup(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	return setupWith(t, nil)
}

// setupWith lets a test change what its fleet's slices share.
func setupWith(t testing.TB, change func(*docker.Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, fleet: dockertest.Fleet(t), db: storetest.New(t)}
	b.api = dockertest.Client(t)
	b.dirs = host.Directories{Root: dockertest.Scratch(t)}
	b.schemas = &schemas.Schemas{Pool: storetest.Slices(t), Key: [32]byte{9}}
	config := docker.Config{
		Host: os.Getenv("DOCKER_HOST"), Fleet: b.fleet, SocketDir: dockertest.Sockets(t), WAEngine: "simulated",
		Limits: docker.Limits{Memory: 512 << 20, Reservation: 256 << 20, Swap: 256 << 20, CPUs: 0.5, CPUReservation: 0.25, Pids: 128, MediaQuota: 2 << 30},
	}
	if change != nil {
		change(&config)
	}
	engine, err := docker.Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	b.engine = engine
	return b
}

func (b *bundle) spec(image string, port int) jobs.Spec {
	b.t.Helper()
	ctx := context.Background()
	row, err := store.New(b.db.Pool).CreateSlice(ctx, store.CreateSliceParams{Server: b.db.Server(b.t), Image: image})
	if err != nil {
		b.t.Fatal(err)
	}
	address, err := b.schemas.Ensure(ctx, row.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	directory, owner, err := b.dirs.Ensure(ctx, row.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := errors.Join(b.engine.Remove(ctx, row.ID), b.schemas.Drop(ctx, row.ID)); err != nil {
			b.t.Error(err)
		}
	})
	return jobs.Spec{Slice: row.ID, Image: image, Port: port, DatabaseURL: address, Directory: directory, Owner: owner}
}

// answers waits until the backend does.
func (b *bundle) answers(running jobs.Running) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		_, err := b.engine.Status(ctx, running)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("no answer: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestASliceIsAskedWhetherItsPageLives(t *testing.T) {
	b := setup(t)
	for name, image := range map[string]string{"ours": dockertest.Image(t), "one without a platform's port": dockertest.SmallImage(t)} {
		running, err := b.engine.Run(context.Background(), b.spec(image, dockertest.Port()))
		if err != nil {
			t.Fatal(err)
		}
		b.answers(running)
		if status, err := b.engine.Probe(context.Background(), running); err != nil || status.State == "" {
			t.Errorf("%s: %+v, %v", name, status, err)
		}
	}
}

// inside runs a script with the container's own Node.js and returns what it printed.
func (b *bundle) inside(slice int64, script string) string {
	b.t.Helper()
	ctx := context.Background()
	made, err := b.api.ContainerExecCreate(ctx, fmt.Sprintf("%s-%d", b.fleet, slice), container.ExecOptions{
		Cmd: []string{"node", "-e", script}, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	attached, err := b.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer attached.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, attached.Reader); err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestALifeDoneTwice(t *testing.T) {
	b := setup(t)
	ctx, spec := context.Background(), b.spec(dockertest.Image(t), dockertest.Port())
	if _, up, err := b.engine.Find(ctx, spec.Slice); err != nil || up {
		t.Errorf("before: %v, %v", up, err)
	}
	if err := b.engine.Remove(ctx, spec.Slice); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	first, err := b.engine.Run(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	b.answers(first)
	if second, err := b.engine.Run(ctx, spec); err != nil || second != first {
		t.Errorf("the second time: %+v, %v, want %+v", second, err, first)
	}
	// A running container is left alone whatever is asked; a stopped one takes the new description.
	moved := spec
	moved.Port = dockertest.Port()
	if same, err := b.engine.Run(ctx, moved); err != nil || same != first {
		t.Errorf("a running one was touched: %+v, %v", same, err)
	}
	name := fmt.Sprintf("%s-%d", b.fleet, spec.Slice)
	if err := b.api.ContainerKill(ctx, name, "KILL"); err != nil {
		t.Fatal(err)
	}
	again, err := b.engine.Run(ctx, moved)
	if err != nil {
		t.Fatal(err)
	}
	found, err := b.api.ContainerInspect(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if got := found.NetworkSettings.Ports["4001/tcp"]; len(got) != 1 || got[0].HostIP != "127.0.0.1" || got[0].HostPort != fmt.Sprint(moved.Port) {
		t.Errorf("published as %v, want 127.0.0.1:%d alone", got, moved.Port)
	}
	if len(found.NetworkSettings.Ports["4002/tcp"]) != 0 {
		t.Error("the platform's port is published")
	}
	b.answers(again)
	for range 2 {
		if err := b.engine.Remove(ctx, spec.Slice); err != nil {
			t.Error(err)
		}
	}
	if _, up, err := b.engine.Find(ctx, spec.Slice); err != nil || up {
		t.Errorf("after: %v, %v", up, err)
	}
}

func TestAnUnknownImageIsFatal(t *testing.T) {
	b := setup(t)
	var fatal *jobs.FatalError
	if _, err := b.engine.Run(context.Background(), b.spec("no-such-image:1", dockertest.Port())); !errors.As(err, &fatal) {
		t.Errorf("got %v", err)
	}
}

func TestTheLimits(t *testing.T) {
	b := setup(t)
	ctx, mine := context.Background(), b.spec(dockertest.Image(t), dockertest.Port())
	if _, err := b.engine.Run(ctx, mine); err != nil {
		t.Fatal(err)
	}
	found, err := b.api.ContainerInspect(ctx, fmt.Sprintf("%s-%d", b.fleet, mine.Slice))
	if err != nil {
		t.Fatal(err)
	}
	h := found.HostConfig
	if h.Memory != 512<<20 || h.MemoryReservation != 256<<20 || h.MemorySwap != 768<<20 || h.NanoCPUs != 500_000_000 || h.CPUShares != 256 || h.Privileged || !strings.Contains(h.CgroupParent, b.fleet+"s") {
		t.Errorf("limits: %+v", h.Resources)
	}
}
