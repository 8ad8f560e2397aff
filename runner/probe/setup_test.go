package probe

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// bench is a probe over a parent cgroup and a bpffs of the test's own.
type bench struct {
	t      testing.TB
	config Config
	probe  *Probe
	said   func() []string
}

func setup(t testing.TB) *bench {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	pins := t.TempDir()
	if err := unix.Mount("bpf", pins, "bpf", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A process that another test starts has what is open here until it executes its program.
		until(t, "the bpffs is unmounted", func() bool { return unix.Unmount(pins, 0) == nil })
	})
	var mu sync.Mutex
	var said []string
	b := &bench{t: t, config: Config{
		Parent: filepath.Join(root, "probe-"+strings.ToLower(rand.Text()[:8]), "slices"), Pins: filepath.Join(pins, "fleet"),
		Say: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, text)
		},
	}, said: func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(said)
	}}
	t.Cleanup(b.close)
	cgroup(t, filepath.Dir(b.config.Parent))
	cgroup(t, b.config.Parent)
	return b
}

// open opens the probe, in place of the one that was open.
func (b *bench) open() *Probe {
	b.t.Helper()
	spec, err := loadCount()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.openWith(spec)
}

func (b *bench) openWith(spec *ebpf.CollectionSpec) *Probe {
	b.t.Helper()
	opened, err := open(b.t.Context(), b.config, spec)
	if err != nil {
		b.t.Fatal(err)
	}
	b.close()
	b.probe = opened
	return opened
}

func (b *bench) close() {
	if b.probe != nil {
		if err := b.probe.Close(); err != nil {
			b.t.Error(err)
		}
	}
	b.probe = nil
}

// group makes a group below the parent.
func (b *bench) group() (path string, id uint64) {
	b.t.Helper()
	path = cgroup(b.t, b.config.Parent, "slice-"+strings.ToLower(rand.Text()[:8]))
	id, err := inode(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return path, id
}

// pair starts a process in a group and connects it with one outside.
func (b *bench) pair(group string) (slice, peer *host) {
	b.t.Helper()
	slice, peer = startHost(b.t, group, nil), startHost(b.t, "", nil)
	connect(b.t, slice, peer)
	return slice, peer
}

func (b *bench) read(id uint64) Counters {
	b.t.Helper()
	all, err := b.probe.Read()
	if err != nil {
		b.t.Fatal(err)
	}
	counters, ok := all[id]
	if !ok {
		b.t.Fatalf("nothing is known of %d: %v", id, all)
	}
	return counters
}

func (b *bench) untracked() Counters {
	b.t.Helper()
	counters, err := b.probe.Untracked()
	if err != nil {
		b.t.Fatal(err)
	}
	return counters
}

// perClass are the bytes of each class.
func perClass(c Counters) [3]uint64 {
	return [3]uint64{c.User.Bytes, c.Platform.Bytes, c.Upstream.Bytes}
}

// until waits for a condition.
func until(t testing.TB, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
	}
}

func (b *bench) attachedPrograms() (ids []ebpf.ProgramID) {
	b.t.Helper()
	parent, err := os.Open(b.config.Parent)
	if err != nil {
		b.t.Fatal(err)
	}
	defer parent.Close()
	for _, attach := range []ebpf.AttachType{ebpf.AttachCGroupInetIngress, ebpf.AttachCGroupInetEgress} {
		result, err := link.QueryPrograms(link.QueryOptions{Target: int(parent.Fd()), Attach: attach})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, program := range result.Programs {
			ids = append(ids, program.ID)
		}
	}
	return ids
}

func (b *bench) pins() (names []string) {
	b.t.Helper()
	entries, err := os.ReadDir(b.config.Pins)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
