package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAParentThatIsMadeAnewIsCountedAgain(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	want := 50 * 2 * packet(slice4, 100)

	slice.kill()
	for _, path := range []string{group, b.config.Parent} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.read(id); got.User.Bytes != want || !got.Gone {
		t.Errorf("without a parent: %+v", got)
	}
	if err := os.Mkdir(b.config.Parent, 0o755); err != nil {
		t.Fatal(err)
	}
	group, fresh := b.group()
	slice, peer = b.pair(group)
	b.read(fresh)
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	if got, old := b.read(fresh), b.read(id); got.User.Bytes != want || got.Gone || old.User.Bytes != want || !old.Gone {
		t.Errorf("%+v, and of the one before %+v", got, old)
	}
	if said := b.said(); len(said) != 2 {
		t.Errorf("it said %q", said)
	}
	// The next start takes over the new attachment.
	b.open()
	if ids := b.attachedPrograms(); len(ids) != 2 || len(b.said()) != 2 {
		t.Errorf("%v, it said %q", ids, b.said())
	}
}

// watch watches until the test ends.
func (b *bench) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.probe.Watch(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

// tracked tells, without finding anything itself, whether there is an entry.
func (b *bench) tracked(id uint64) bool {
	b.t.Helper()
	b.probe.mu.Lock()
	defer b.probe.mu.Unlock()
	entries, err := b.probe.totals.read()
	if err != nil {
		b.t.Fatal(err)
	}
	_, ok := entries[id]
	return ok
}

func TestWatchFindsGroupsAndParentsAsTheyAreMade(t *testing.T) {
	b := setup(t)
	b.open()
	b.watch()
	first, _ := b.groupsInTurn()
	b.probe.mu.Lock() // the parent goes and comes before it is looked at
	for _, path := range append(first, b.config.Parent) {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
	if err := os.Mkdir(b.config.Parent, 0o755); err != nil {
		t.Error(err)
	}
	b.probe.mu.Unlock()
	until(t, "the new parent is attached to", func() bool { return len(b.attachedPrograms()) == 2 })
	paths, ids := b.groupsInTurn()
	group, id := paths[0], ids[0]
	slice, peer := b.pair(group)
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	if counters, rest := b.read(id), b.untracked(); counters.User.Packets != 100 || rest != (Counters{}) {
		t.Errorf("%+v, %+v", counters, rest)
	}
}

// groupsInTurn makes groups, each when the one before is tracked.
func (b *bench) groupsInTurn() (paths []string, ids []uint64) {
	b.t.Helper()
	for range 3 {
		path, id := b.group()
		until(b.t, "the group is tracked", func() bool { return b.tracked(id) })
		paths, ids = append(paths, path), append(ids, id)
	}
	return paths, ids
}

func TestASystemdSliceIsWaitedFor(t *testing.T) {
	b := setup(t)
	above := b.config.Parent
	b.config.Parent = filepath.Join(above, "outer.slice", "inner.slice")
	b.open()
	b.watch()
	until(t, "the nearest group above is watched", func() bool { return watched(t, above) })
	if err := b.probe.Check(); err != nil {
		t.Errorf("without a slice: %v", err)
	}
	if len(b.said()) > 0 {
		t.Errorf("it said %q", b.said())
	}
	if _, err := os.Stat(b.config.Parent); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("it was made: %v", err)
	}
	cgroup(t, above, "outer.slice")
	cgroup(t, b.config.Parent)
	paths, ids := b.groupsInTurn()
	group, id := paths[2], ids[2]
	slice, peer := b.pair(group)
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	if counters := b.read(id); counters.User.Packets != 100 {
		t.Errorf("%+v", counters)
	}
}

// watched tells whether this process has an inotify watch on a directory.
func watched(t *testing.T, dir string) bool {
	t.Helper()
	id, err := inode(dir)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(infos, func(path string) bool {
		content, _ := os.ReadFile(path) // what was closed meanwhile is none
		return strings.Contains(string(content), fmt.Sprintf(" ino:%x ", id))
	})
}

func TestAnAbsentParentIsMade(t *testing.T) {
	b := setup(t)
	if err := os.Remove(b.config.Parent); err != nil {
		t.Fatal(err)
	}
	b.open()
	if ids := b.attachedPrograms(); len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

func TestTheTotalsOfAGroupThatIsGoneStayUntilForgotten(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	slice.kill()
	if got := b.read(id); got.Gone || got.User.Packets != 100 {
		t.Errorf("while it is there: %+v", got)
	}
	if err := os.Remove(group); err != nil {
		t.Fatal(err)
	}
	b.open() // a restart does not forget either
	if got := b.read(id); !got.Gone || got.User.Packets != 100 {
		t.Errorf("when it is gone: %+v", got)
	}
	last, err := b.probe.Forget(id)
	if err != nil || last.User.Packets != 100 {
		t.Errorf("the last: %+v, %v", last, err)
	}
	all, err := b.probe.Read()
	if err != nil || len(all) != 0 {
		t.Errorf("after that: %v, %v", all, err)
	}
}
