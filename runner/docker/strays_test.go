package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"slicegate/runner/docker/dockertest"
)

// groupsOf are the directories of a container's control groups.
func (b *bundle) groupsOf(id string) []string {
	b.t.Helper()
	var all []string
	for _, pattern := range []string{"/sys/fs/cgroup/*s/" + id, "/sys/fs/cgroup/*/*s/" + id, "/sys/fs/cgroup/*s.slice/docker-" + id + ".scope"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		b.t.Fatalf("no control group of %s", id)
	}
	return all
}

// stray starts a process in control groups that the engine takes for ended, as one does whose engine
// was killed at the wrong moment. The channel closes when it has ended.
func (b *bundle) stray(groups []string) <-chan struct{} {
	b.t.Helper()
	command := exec.Command("sleep", "infinity")
	if err := command.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	b.t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})
	for _, group := range groups {
		// The engine has removed it, or is about to.
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			b.t.Fatal(err)
		}
		if strings.Contains(group, "/cpuset/") {
			continue // takes no process before it is told of CPUs
		}
		if err := os.WriteFile(group+"/cgroup.procs", fmt.Append(nil, command.Process.Pid), 0); err != nil {
			b.t.Fatal(err)
		}
	}
	return ended
}

func (b *bundle) wantEnded(what string, ended <-chan struct{}, groups []string) {
	b.t.Helper()
	select {
	case <-ended:
	default:
		b.t.Errorf("%s: it runs on", what)
	}
	for _, group := range groups {
		if _, err := os.Stat(group); !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("%s: %s: %v", what, group, err)
		}
	}
}

func TestNoSliceStartsBesideWhatRunsOfItsEarlierContainer(t *testing.T) {
	b := setup(t)
	ctx, image := context.Background(), dockertest.SmallImage(t)
	other, err := b.engine.Run(ctx, b.spec(image, dockertest.Port()))
	if err != nil {
		t.Fatal(err)
	}
	spec := b.spec(image, dockertest.Port())
	name := fmt.Sprintf("%s-%d", b.fleet, spec.Slice)
	started := func() (id string, groups []string) {
		t.Helper()
		if _, err := b.engine.Run(ctx, spec); err != nil {
			t.Fatal(err)
		}
		found, err := b.api.ContainerInspect(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return found.ID, b.groupsOf(found.ID)
	}
	kill := func() {
		t.Helper()
		if err := b.api.ContainerKill(ctx, name, "KILL"); err != nil {
			t.Fatal(err)
		}
	}

	first, groups := started()
	kill()
	ended := b.stray(groups)
	if again, _ := started(); again != first {
		t.Error("the container was made anew")
	}
	select {
	case <-ended:
	default:
		t.Error("what ran of the container that the engine held for ended runs on")
	}

	if err := b.api.ContainerRemove(ctx, name, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	ended = b.stray(groups)
	_, second := started()
	b.wantEnded("of a container that was removed", ended, groups)

	kill()
	ended = b.stray(second)
	if err := b.engine.Remove(ctx, spec.Slice); err != nil {
		t.Fatal(err)
	}
	b.wantEnded("of a slice that is stopped", ended, second)

	if found, up, err := b.engine.Find(ctx, spec.Slice-1); err != nil || !up || found != other {
		t.Errorf("another slice is now %+v, %v, %v", found, up, err)
	}
}

// shimDirectory is where containerd keeps what it knows of a container whose first process this is: the
// working directory of that one's parent.
func shimDirectory(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// pid (name) state ppid ...
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	directory, err := os.Readlink("/proc/" + fields[1] + "/cwd")
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestAContainerThatTheEngineCannotStartIsMadeAnew(t *testing.T) {
	b := setup(t)
	ctx, spec := context.Background(), b.spec(dockertest.SmallImage(t), dockertest.Port())
	name := fmt.Sprintf("%s-%d", b.fleet, spec.Slice)
	if _, err := b.engine.Run(ctx, spec); err != nil {
		t.Fatal(err)
	}
	found, err := b.api.ContainerInspect(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	first := found.ID
	kept := shimDirectory(t, found.State.Pid)
	if err := b.api.ContainerKill(ctx, name, "KILL"); err != nil {
		t.Fatal(err)
	}
	// What containerd keeps of a container that runs is still there, as after a crash of its own.
	if err := os.Mkdir(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(kept) })
	if _, err := b.engine.Run(ctx, spec); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Fatalf("the first attempt: %v", err)
	}
	running, err := b.engine.Run(ctx, spec)
	if err != nil {
		t.Fatalf("the next attempt: %v", err)
	}
	b.answers(running)
	if found, err = b.api.ContainerInspect(ctx, name); err != nil || found.ID == first {
		t.Errorf("it is the same container: %v", err)
	}
}
