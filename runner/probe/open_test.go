package probe

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

func TestManyOpensAtOnceAttachOnce(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	runners := []*host{startHost(t, "", nil), startHost(t, "", nil)}
	for range 10 {
		var work sync.WaitGroup
		probes, failures := make([]*Probe, 8), make([]error, 8)
		for i := range probes {
			work.Go(func() {
				if i < len(runners) {
					var said []string
					failures[i] = runners[i].rpc.Call("Host.Open", Where{b.config.Parent, b.config.Pins}, &said)
				} else {
					probes[i], failures[i] = Open(t.Context(), b.config)
				}
			})
		}
		work.Wait()
		if err := errors.Join(failures...); err != nil {
			t.Fatal(err)
		}
		if ids := b.attachedPrograms(); len(ids) != 2 {
			t.Fatalf("attached: %v", ids)
		}
		for i := range probes {
			if i < len(runners) {
				call[Nothing](runners[i], "Close", Nothing{})
			} else if err := probes[i].Close(); err != nil {
				t.Error(err)
			}
		}
		if err := Remove(b.config.Pins); err != nil {
			t.Fatal(err)
		}
		until(t, "the programs are gone", func() bool { return len(b.attachedPrograms()) == 0 })
	}
	b.open()
	if ids := b.attachedPrograms(); len(ids) != 2 {
		t.Errorf("attached: %v", ids)
	}
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	if counters := b.read(id); counters.User.Packets != 100 {
		t.Errorf("%+v", counters)
	}
}

func TestCheckPutsRightWhatItCanAndTellsTheRest(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	inner := cgroup(t, group, "inner")
	slice, peer := b.pair(inner)
	b.open()
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	for i, damage := range []struct {
		name string
		do   func() error
		said int
	}{
		{"nothing", func() error { return nil }, 0},
		{"a program is detached", func() error {
			pinned, err := link.LoadPinnedLink(filepath.Join(b.config.Pins, "egress"), nil)
			if err != nil {
				return err
			}
			return errors.Join(pinned.Detach(), pinned.Close())
		}, 1},
		{"the pin of a program is removed", func() error { return os.Remove(filepath.Join(b.config.Pins, "ingress")) }, 1},
		{"the pin of the totals is removed", func() error { return os.Remove(b.probe.totals.current.pin) }, 1},
		{"all pins are removed", func() error {
			var failures []error
			for _, pin := range b.pins() {
				failures = append(failures, os.Remove(filepath.Join(b.config.Pins, pin)))
			}
			return errors.Join(failures...)
		}, 3},
	} {
		said := len(b.said())
		if err := damage.do(); err != nil {
			t.Fatal(err)
		}
		if err := b.probe.Check(slice.pid()); err != nil {
			t.Errorf("%s: %v", damage.name, err)
		}
		if got := b.said()[said:]; len(got) != damage.said {
			t.Errorf("%s: it said %q", damage.name, got)
		}
		b.open() // and the next start finds it so
		call[int](peer, "PingPong", e)
		if got := b.read(id).User.Packets; got != uint64(100*(i+1)) || len(b.said()) != said+damage.said {
			t.Errorf("%s: %d packets, then it said %q", damage.name, got, b.said()[said:])
		}
	}
	err := b.probe.Check(slice.pid(), os.Getpid(), peer.pid())
	if err == nil || strings.Count(err.Error(), "is not counted") != 2 || strings.Contains(err.Error(), fmt.Sprintf("process %d ", slice.pid())) {
		t.Errorf("processes elsewhere: %v", err)
	}
	slice.kill()
	if err := b.probe.Check(slice.pid()); err == nil {
		t.Error("a process that ended is counted")
	}
}

func TestWhatTheKernelRefusesIsExplained(t *testing.T) {
	b := setup(t)
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	nobody := startHost(t, "", func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Cloneflags = 0
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	})
	var said []string
	err = nobody.rpc.Call("Host.Open", Where{b.config.Parent, b.config.Pins}, &said)
	if err == nil || !strings.Contains(err.Error(), "run as root") {
		t.Errorf("for an ordinary user: %v", err)
	}
	for name, test := range map[string]struct {
		config Config
		says   string
	}{
		"pins elsewhere":        {Config{Parent: b.config.Parent, Pins: t.TempDir()}, "mount -t bpf"},
		"relative pins":         {Config{Parent: b.config.Parent, Pins: "pins"}, "must be absolute"},
		"parent elsewhere":      {Config{Parent: t.TempDir(), Pins: b.config.Pins}, "not a group below"},
		"parent that is root":   {Config{Parent: root, Pins: b.config.Pins}, "not a group below"},
		"parent above the root": {Config{Parent: root + "/../..", Pins: b.config.Pins}, "not a group below"},
	} {
		if _, err := Open(t.Context(), test.config); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for err, says := range map[error]string{
		unix.ENOSYS: "CONFIG_BPF_SYSCALL", unix.EINVAL: "CONFIG_CGROUP_BPF", ebpf.ErrNotSupported: "5.15", unix.E2BIG: "Forget",
	} {
		if got := explain(err); !strings.Contains(got.Error(), says) || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestABpffsIsMountedWhereNoneIs(t *testing.T) {
	b := setup(t)
	runner := startHost(t, "", func(cmd *exec.Cmd) { cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNS })
	pins := filepath.Join(bpffs, "slicegate-"+strings.ToLower(rand.Text()[:8]))
	said := call[[]string](runner, "OpenUnmounted", Where{b.config.Parent, pins})
	if len(said) != 1 || !strings.Contains(said[0], "mounted") {
		t.Errorf("it said %q", said)
	}
	if said := call[[]string](runner, "Open", Where{b.config.Parent, pins}); len(said) != 0 {
		t.Errorf("the second time it said %q", said)
	}
}

func TestRemoveEndsTheCounting(t *testing.T) {
	b := setup(t)
	b.open()
	b.close()
	if ids := b.attachedPrograms(); len(ids) != 2 {
		t.Fatalf("before: %v", ids)
	}
	for range 2 {
		if err := Remove(b.config.Pins); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the programs are gone", func() bool { return len(b.attachedPrograms()) == 0 })
}
