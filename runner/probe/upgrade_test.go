package probe

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

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
