package docker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"slicegate/runner/cgroup"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/probe"
)

// Whatever the image, what the platform asks counts as the platform's and what comes by the published port
// as the user's; and all packets of containers are some slice's.
func TestWhatThePlatformAsksIsNotCountedAsUse(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	parent, err := probe.Parent(b.engine.CgroupParent())
	if err != nil {
		t.Fatal(err)
	}
	pins := filepath.Join("/sys/fs/bpf", "slicegate-"+b.fleet)
	counters, err := probe.Open(ctx, probe.Config{Parent: parent, Pins: pins})
	if err != nil {
		t.Fatal(err)
	}
	watching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- counters.Watch(watching) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, counters.Close(), probe.Remove(pins)); err != nil {
			t.Error(err)
		}
	})
	for name, image := range map[string]string{"ours": dockertest.Image(t), "one without a platform's port": dockertest.SmallImage(t)} {
		spec := b.spec(image, dockertest.Port())
		running, err := b.engine.Run(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		b.answers(running)
		container, there, err := b.engine.Look(ctx, spec.Slice)
		if err != nil || !there {
			t.Fatal(there, err)
		}
		group, err := cgroup.Memory{Root: "/"}.Group(container.PID)
		if err != nil {
			t.Fatal(err)
		}
		read := func() probe.Counters {
			t.Helper()
			all, err := counters.Read()
			if err != nil {
				t.Fatal(err)
			}
			return all[group.ID]
		}
		if _, err := b.engine.Probe(ctx, running); err != nil {
			t.Fatal(err)
		}
		asked := read()
		if asked.User != (probe.Class{}) || asked.Platform.Bytes == 0 {
			t.Errorf("%s, asked by the platform: %+v", name, asked)
		}
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/status", spec.Port))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if used := read(); used.User.Bytes == 0 {
			t.Errorf("%s, used: %+v", name, used)
		}
	}
	if untracked, err := counters.Untracked(); err != nil || untracked != (probe.Counters{}) {
		t.Errorf("of no slice: %+v, %v", untracked, err)
	}
}
