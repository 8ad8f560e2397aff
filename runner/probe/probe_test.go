package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
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

// flow is traffic that goes on until stop, which tells the bytes of it.
type flow struct {
	b    *bench
	peer *host
	size uint64 // of a packet
	call chan error
	n    int
}

// traffic has a peer ask the slice's user port over and over.
func (b *bench) traffic(slice, peer *host) *flow {
	b.t.Helper()
	const size = 400
	address := net.JoinHostPort(slice4, "4001")
	call[Nothing](slice, "Serve", Exchange{Network: "udp", Remote: address})
	f := &flow{b: b, peer: peer, size: packet(slice4, size), call: make(chan error, 1)}
	go func() {
		f.call <- peer.rpc.Call("Host.PingPong", Exchange{Network: "udp", Remote: address, Size: size, Flows: 4}, &f.n)
	}()
	return f
}

// passes waits until more of the traffic was counted, and so passed after what came before.
func (f *flow) passes(id uint64) {
	f.b.t.Helper()
	sum := func() uint64 {
		all, err := f.b.probe.totals.read()
		if err != nil {
			f.b.t.Fatal(err)
		}
		return all[id][1] + all[untracked][1]
	}
	before := sum()
	until(f.b.t, "packets pass", func() bool { return sum() > before+100 })
}

func (f *flow) stop() (bytes uint64) {
	f.b.t.Helper()
	call[Nothing](f.peer, "Stop", Nothing{})
	if err := <-f.call; err != nil {
		f.b.t.Fatal(err)
	}
	return 2 * f.size * uint64(f.n)
}

func TestEveryByteIsCountedInItsClass(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	_, other := b.group()
	slice, peer := b.pair(group)
	b.open()
	for _, network := range []string{"udp", "tcp"} {
		for _, addresses := range [][2]string{{slice4, peer4}, {slice6, peer6}} {
			for class, port := range []string{"4001", "4002", "4003"} {
				call[Nothing](slice, "Serve", Exchange{Network: network, Remote: net.JoinHostPort(addresses[0], port)})
				b.exchange(id, network, class, peer, slice, addresses[0], port)
			}
			// What a slice fetches is upstream whatever the port is on the other side.
			for _, port := range []string{"443", "4001", "4002"} {
				call[Nothing](peer, "Serve", Exchange{Network: network, Remote: net.JoinHostPort(addresses[1], port)})
				b.exchange(id, network, 2, slice, slice, addresses[1], port)
			}
		}
	}
	if counters := b.read(other); counters != (Counters{}) {
		t.Errorf("of a slice without traffic: %+v", counters)
	}
	if counters := b.untracked(); counters != (Counters{}) {
		t.Errorf("of no slice: %+v", counters)
	}
}

// exchange sends a known amount from one host to an address and holds against it what was counted.
func (b *bench) exchange(id uint64, network string, class int, from, slice *host, to, port string) {
	b.t.Helper()
	before, device := b.read(id), call[Traffic](slice, "Interface", Nothing{})
	e := Exchange{Network: network, Remote: net.JoinHostPort(to, port), Size: 700, Count: 500}
	var want, tolerated uint64
	if network == "udp" {
		call[int](from, "PingPong", e)
		want = 2 * packet(to, e.Size) * uint64(e.Count)
	} else {
		e.Size = 8 << 20
		call[Nothing](from, "Transfer", e)
		// The last acknowledgements may come from no socket, and neighbours are asked for.
		want = call[Traffic](slice, "Interface", Nothing{}).Bytes - device.Bytes
		tolerated = want / 1000
		if want < 2*uint64(e.Size) {
			b.t.Fatalf("the device counted %d bytes", want)
		}
	}
	after := b.read(id)
	for i, counted := range perClass(after) {
		counted -= perClass(before)[i]
		if i != class && counted != 0 || i == class && (counted > want+tolerated || counted+tolerated < want) {
			b.t.Errorf("%s to %s port %s, class %d: %d bytes were counted of %d in class %d", network, to, port, i, counted, want, class)
		}
	}
}

func TestPacketsThatInterruptEachOtherAreAllCounted(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	apart := func(cmd *exec.Cmd) { cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNS }
	slice, peer := startHost(t, group, apart), startHost(t, "", apart)
	connect(t, slice, peer)
	call[Nothing](slice, "Spread", Nothing{})
	call[Nothing](peer, "Spread", Nothing{})
	b.open()
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 15_000, Flows: 16}
	call[Nothing](slice, "Serve", e)
	packets := 2 * uint64(call[int](peer, "PingPong", e))
	if got := b.read(id).User; got.Packets != packets || got.Bytes != packets*packet(slice4, e.Size) {
		t.Errorf("%d packets, %d bytes of %d packets", got.Packets, got.Bytes, packets)
	}
}

func TestPacketsAndTheTimeOfTheLast(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	if last := b.read(id).User.Last; !last.IsZero() {
		t.Errorf("without traffic the last was at %v", last)
	}
	call[Nothing](slice, "Serve", Exchange{Network: "udp", Remote: slice4 + ":4001"})
	before := time.Now()
	call[int](peer, "PingPong", Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 10, Count: 7})
	after := time.Now()
	counters := b.read(id)
	if user := counters.User; user.Packets != 14 || user.Last.Before(before.Add(-time.Millisecond)) || user.Last.After(after.Add(time.Millisecond)) {
		t.Errorf("%+v, sent between %v and %v", user, before, after)
	}
	if counters.Platform != (Class{}) || counters.Upstream != (Class{}) {
		t.Errorf("%+v", counters)
	}
}

func TestFragmentsOptionsAndExtensionHeadersKeepTheirClass(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	nops := Option{unix.IPPROTO_IP, unix.IP_OPTIONS, []byte{1, 1, 1, 1, 1, 1, 1, 0}}
	padding := []byte{0, 0, 1, 4, 0, 0, 0, 0} // an extension header of 8 bytes with nothing in it
	for _, sent := range []struct {
		name   string
		to     string
		size   int
		more   uint64 // bytes of headers, in each packet
		option []Option
	}{
		{"fragments", slice4, 8000, 0, nil},
		{"fragments over IPv6", slice6, 8000, 0, nil},
		{"IPv4 options", slice4, 100, 8, []Option{nops}},
		{"fragments with IPv4 options", slice4, 8000, 8, []Option{nops}},
		{"hop-by-hop and destination options", slice6, 100, 16, []Option{
			{unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, padding}, {unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, padding},
		}},
	} {
		for class, port := range []string{"4001", "4002", "4003"} {
			before := perClass(b.read(id))
			e := Exchange{Network: "udp", Remote: net.JoinHostPort(sent.to, port), Size: sent.size, Count: 5, Options: sent.option}
			call[Nothing](slice, "Serve", e)
			call[int](peer, "PingPong", e)
			want := 2 * uint64(e.Count) * (packet(sent.to, sent.size) + sent.more)
			for i, counted := range perClass(b.read(id)) {
				if counted -= before[i]; i == class && counted != want || i != class && counted != 0 {
					t.Errorf("%s to %s, class %d: %d bytes of %d", sent.name, port, i, counted, want)
				}
			}
		}
	}
}

func TestTheLoopbackDeviceIsNotCounted(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, _ := b.pair(group)
	b.open()
	for _, to := range []string{"127.0.0.1", "::1", slice4, slice6} { // its own addresses are on it too
		for _, network := range []string{"udp", "tcp"} {
			e := Exchange{Network: network, Remote: net.JoinHostPort(to, "4001"), Size: 1000, Count: 10}
			call[Nothing](slice, "Serve", e)
			if network == "udp" {
				call[int](slice, "PingPong", e)
			} else {
				call[Nothing](slice, "Transfer", e)
			}
		}
	}
	if counters, rest := b.read(id), b.untracked(); counters != (Counters{}) || rest != (Counters{}) {
		t.Errorf("%+v, %+v", counters, rest)
	}
}

func TestGroupsInsideASliceCountAsTheSlice(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	inner := cgroup(t, group, "inner")
	innermost := cgroup(t, inner, "innermost")
	b.open()
	for i, path := range []string{group, inner, innermost} {
		slice, peer := b.pair(path)
		e := Exchange{Network: "udp", Remote: slice4 + ":4002", Size: 100, Count: 50}
		call[Nothing](slice, "Serve", e)
		call[int](peer, "PingPong", e)
		if want, got := uint64(i+1)*50*2*packet(slice4, 100), b.read(id).Platform.Bytes; got != want {
			t.Errorf("up to %s: %d bytes of %d", path, got, want)
		}
	}
	all, err := b.probe.Read()
	if err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestPacketsMakeNoEntry(t *testing.T) {
	b := setup(t)
	b.open()
	group, id := b.group()
	slice, peer := b.pair(group)
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 50}
	call[Nothing](slice, "Serve", e)
	call[int](peer, "PingPong", e)
	want := 50 * 2 * packet(slice4, 100)
	entries, err := b.probe.totals.read()
	if err != nil {
		t.Fatal(err)
	}
	if _, there := entries[id]; there || len(entries) != 1 || b.untracked().User.Bytes != want {
		t.Errorf("%v, %+v", entries, b.untracked())
	}
	// What is found late counts from then on.
	b.read(id)
	call[int](peer, "PingPong", e)
	if counters, rest := b.read(id), b.untracked(); counters.User.Bytes != want || rest.User.Bytes != want {
		t.Errorf("%+v, %+v", counters, rest)
	}
	if err := b.probe.Track(0); err == nil {
		t.Error("what belongs to no slice was tracked as one")
	}
}

func TestAKilledRunnerLosesNoByte(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	runner := startHost(t, "", nil)
	call[[]string](runner, "Open", Where{b.config.Parent, b.config.Pins})
	b.open() // to look at what is counted
	traffic := b.traffic(slice, peer)
	traffic.passes(id)
	b.close()
	runner.kill()
	b.probe = nil
	for range 3 {
		b.open()
		traffic.passes(id)
		b.close()
	}
	b.open()
	if want, got := traffic.stop(), b.read(id).User.Bytes; got != want {
		t.Errorf("%d bytes of %d", got, want)
	}
	if said := b.said(); len(said) > 0 {
		t.Errorf("it said %q", said)
	}
}

// changed is the program of another version. With another map, its totals have another layout.
func changed(t *testing.T, otherMap bool) *ebpf.CollectionSpec {
	t.Helper()
	spec, err := loadCount()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range spec.Programs {
		program.Instructions = slices.Insert(program.Instructions, 1, asm.Mov.Imm(asm.R0, 1))
	}
	if otherMap {
		spec.Maps[countMapSliceTotals].MaxEntries--
	}
	return spec
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

func TestAnotherProgramTakesOverWhileTrafficFlows(t *testing.T) {
	for name, otherMap := range map[string]bool{"with the same map": false, "with another map": true} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			group, id := b.group()
			slice, peer := b.pair(group)
			b.open()
			traffic := b.traffic(slice, peer)
			traffic.passes(id)
			for range 5 { // there and back, as when an upgrade is undone
				before := b.attachedPrograms()
				b.openWith(changed(t, otherMap))
				traffic.passes(id)
				after := b.attachedPrograms()
				if len(before) != 2 || len(after) != 2 || before[0] == after[0] || before[1] == after[1] {
					t.Fatalf("programs %v became %v", before, after)
				}
				b.open()
				traffic.passes(id)
			}
			want := traffic.stop()
			if got, rest := b.read(id).User.Bytes, b.untracked().User.Bytes; got != want || rest != 0 {
				t.Errorf("%d bytes of %d, and %d of no slice", got, want, rest)
			}
			if pins := b.pins(); len(pins) != 3 && !otherMap || len(pins) != 4 && otherMap {
				t.Errorf("pins: %q", pins)
			}
			last, err := b.probe.Forget(id)
			if err != nil || last.User.Bytes != want {
				t.Errorf("forgotten with %d bytes of %d, %v", last.User.Bytes, want, err)
			}
			if pins := b.pins(); len(pins) != 3 {
				t.Errorf("pins after the last slice of the older map is gone: %q", pins)
			}
		})
	}
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

func TestTotalsOfAnotherLayoutAreReadByName(t *testing.T) {
	b := setup(t)
	_, id := b.group()
	b.open()
	number := &btf.Int{Name: "u64", Size: 8}
	class := &btf.Struct{Name: "class", Size: 24, Members: []btf.Member{
		{Name: "last", Type: number}, {Name: "packets", Type: number, Offset: 64}, {Name: "bytes", Type: number, Offset: 128},
	}}
	spec := &ebpf.MapSpec{
		Name: "other", Type: ebpf.PerCPUHash, KeySize: 8, ValueSize: 56, MaxEntries: 8, Flags: unix.BPF_F_NO_PREALLOC, Key: number,
		Value: &btf.Struct{Name: valueType, Size: 56, Members: []btf.Member{
			{Name: "version", Type: number}, {Name: "upstream", Type: class, Offset: 64}, {Name: "user", Type: class, Offset: 256},
		}},
	}
	other, err := ebpf.NewMap(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Put(id, [][7]uint64{{99, 1, 2, 3, 4, 5, 6}}); err != nil {
		t.Fatal(err)
	}
	if err := other.Pin(filepath.Join(b.config.Pins, mapPrefix+"other")); err != nil {
		t.Fatal(err)
	}
	untyped := *spec
	untyped.Key, untyped.Value = nil, nil
	unreadable, err := ebpf.NewMap(&untyped)
	if err != nil {
		t.Fatal(err)
	}
	defer unreadable.Close()
	if err := unreadable.Pin(filepath.Join(b.config.Pins, mapPrefix+"untyped")); err != nil {
		t.Fatal(err)
	}

	b.open()
	counters := b.read(id)
	if counters.Upstream.Bytes != 3 || counters.Upstream.Packets != 2 || counters.User.Bytes != 6 || counters.User.Packets != 5 || counters.Platform != (Class{}) {
		t.Errorf("%+v", counters)
	}
	if said := b.said(); len(said) != 1 || !strings.Contains(said[0], mapPrefix+"untyped") {
		t.Errorf("it said %q", said)
	}
}

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

func TestForgettingWhileTrafficFlows(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	traffic := b.traffic(slice, peer)
	var forgotten uint64
	const times = 50
	for range times {
		traffic.passes(id)
		last, err := b.probe.Forget(id)
		if err != nil {
			t.Fatal(err)
		}
		forgotten += last.User.Bytes
		if err := b.probe.Track(id); err != nil {
			t.Fatal(err)
		}
	}
	want := traffic.stop()
	got := forgotten + b.read(id).User.Bytes + b.untracked().User.Bytes
	// A packet that is just being counted on each CPU may go with the entry.
	if lost := want - got; got > want || lost > times*2*traffic.size {
		t.Errorf("%d bytes of %d", got, want)
	}
	if forgotten == 0 {
		t.Error("nothing was forgotten")
	}
	last, err := b.probe.Forget(12345)
	if err != nil || last != (Counters{}) {
		t.Errorf("of one that never was: %+v, %v", last, err)
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

func TestSumsOverCPUsAddAllButTheLastTime(t *testing.T) {
	t.Parallel()
	var one, other sums
	for i := range one {
		one[i], other[i] = uint64(i+1), uint64(100+i)
	}
	one.add(other)
	if want := (sums{101, 103, 102, 107, 109, 105, 113, 115, 108}); one != want {
		t.Errorf("%v", one)
	}
	if got := (layout{8, -1, 0, -1, -1, -1, -1, -1, 16}).sum([]raw{make(raw, 16), {9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}}); got != (sums{7, 0, 9}) {
		t.Errorf("%v", got)
	}
}
