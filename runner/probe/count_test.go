package probe

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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

// An image that has no port for the platform is asked on the user's. Not a packet of that may count as the
// user's, those of the handshake neither: it would keep the slice awake.
func TestWhoAsksOnTheUsersPortFromAPrivilegedOneIsThePlatform(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	b.open()
	for _, address := range []string{slice4, slice6} {
		e := Exchange{Network: "tcp", Remote: net.JoinHostPort(address, "4001"), Size: 3000}
		call[Nothing](slice, "Serve", e)
		for e.From = 1019; e.From < 1024; e.From++ {
			before := b.read(id)
			call[Nothing](peer, "Transfer", e)
			after := b.read(id)
			if after.User != (Class{}) || after.Upstream != (Class{}) || after.Platform.Bytes < before.Platform.Bytes+2*3000 {
				t.Errorf("%s, from port %d: %+v became %+v", address, e.From, before, after)
			}
		}
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
	e := Exchange{Network: "udp", Remote: slice4 + ":4001", Size: 100, Count: 5_000, Flows: 16}
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
