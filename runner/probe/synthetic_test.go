package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Synthetic is a packet that the kernel makes up and puts before a program. Its socket belongs to the
// group of the process that asks for it, to no protocol and no port.
type Synthetic struct {
	Where
	Device int // that it passes, by index
	Size   int // of the IP packet
	Repeat int
	Egress bool
}

// Synthesize runs a program on packets without a network, and tells how long one took.
func (h *Host) Synthesize(s Synthetic, took *time.Duration) error {
	if h.opened == nil {
		var err error
		if h.opened, err = Open(context.Background(), Config{Parent: s.Parent, Pins: s.Pins}); err != nil {
			return err
		}
	}
	program := h.opened.programs.SliceIngress
	if s.Egress {
		program = h.opened.programs.SliceEgress
	}
	frame := make([]byte, 14+s.Size) // the kernel takes the Ethernet header off
	binary.BigEndian.PutUint16(frame[12:], unix.ETH_P_IP)
	frame[14] = 0x45
	context := make([]byte, 44)
	binary.NativeEndian.PutUint32(context[40:], uint32(s.Device)) // __sk_buff.ifindex
	options := ebpf.RunOptions{Data: frame, Context: context, Repeat: uint32(s.Repeat)}
	started := time.Now()
	verdict, err := program.Run(&options)
	*took = time.Since(started) / time.Duration(max(1, s.Repeat))
	if err == nil && verdict != 1 {
		err = errors.New("the packet was not let pass")
	}
	return err
}

// Device is the index of eth0.
func (*Host) Device(_ Nothing, index *int) error {
	device, err := net.InterfaceByName("eth0")
	if err == nil {
		*index = device.Index
	}
	return err
}

func TestSyntheticPackets(t *testing.T) {
	b := setup(t)
	group, id := b.group()
	slice, peer := b.pair(group)
	beside := startHost(t, b.config.Parent, nil) // in no slice, but below the programs
	connect(t, beside, startHost(t, "", nil))
	b.open()
	where := Where{b.config.Parent, b.config.Pins}
	device := call[int](slice, "Device", Nothing{})
	if device == 1 {
		t.Fatal("eth0 is the first device")
	}
	for _, egress := range []bool{false, true} {
		for _, size := range []int{20, 1500, 3000} {
			for _, sent := range []struct {
				name   string
				from   *host
				device int
				to     func() Class
				counts bool
			}{
				{"of a slice", slice, device, func() Class { return b.read(id).Upstream }, true},
				{"of a slice on the loopback device", slice, 1, func() Class { return b.read(id).Upstream }, false},
				{"of the parent itself", beside, call[int](beside, "Device", Nothing{}), func() Class { return b.untracked().Upstream }, true},
				{"of another part of the tree", peer, call[int](peer, "Device", Nothing{}), func() Class { return b.untracked().Upstream }, true},
			} {
				before := sent.to()
				call[time.Duration](sent.from, "Synthesize", Synthetic{Where: where, Device: sent.device, Size: size, Repeat: 3, Egress: egress})
				after := sent.to()
				want := Class{Bytes: before.Bytes, Packets: before.Packets, Last: after.Last}
				if sent.counts {
					want.Bytes, want.Packets = want.Bytes+3*uint64(size), want.Packets+3
				}
				if after != want {
					t.Errorf("%s, %d bytes, egress %v: %+v became %+v", sent.name, size, egress, before, after)
				}
			}
		}
	}
	if all, err := b.probe.Read(); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

// BenchmarkPacket measures what counting costs: of packets without a network, and of real traffic by
// the kernel's own statistics, whose time is told beside: that of a program that does nothing.
func BenchmarkPacket(b *testing.B) {
	bench := setup(b)
	group, _ := bench.group()
	slice, peer := bench.pair(group)
	bench.open()
	where := Where{bench.config.Parent, bench.config.Pins}
	for _, egress := range []bool{false, true} {
		b.Run(fmt.Sprintf("synthetic/egress=%v", egress), func(b *testing.B) {
			took := call[time.Duration](slice, "Synthesize", Synthetic{
				Where: where, Device: call[int](slice, "Device", Nothing{}), Size: 1500, Repeat: 2_000_000, Egress: egress,
			})
			b.ReportMetric(float64(took.Nanoseconds()), "ns/packet")
			b.ReportMetric(0, "ns/op")
		})
	}

	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		b.Fatal(err)
	}
	defer stats.Close()
	toSlice := slice4 + ":4001"
	call[Nothing](slice, "Serve", Exchange{Network: "udp", Remote: toSlice})
	call[Nothing](slice, "Serve", Exchange{Network: "tcp", Remote: toSlice})
	for _, traffic := range []struct {
		name string
		send func()
	}{
		{"flood of datagrams", func() {
			call[Nothing](peer, "Flood", Exchange{Network: "udp", Remote: toSlice, Size: 1000, Count: 500_000})
		}},
		{"datagrams to and fro", func() {
			call[int](peer, "PingPong", Exchange{Network: "udp", Remote: toSlice, Size: 400, Count: 20_000, Flows: 4})
		}},
		{"stream", func() { call[Nothing](peer, "Transfer", Exchange{Network: "tcp", Remote: toSlice, Size: 256 << 20}) }},
	} {
		b.Run(strings.ReplaceAll(traffic.name, " ", "-"), func(b *testing.B) {
			idle, err := loadCount()
			if err != nil {
				b.Fatal(err)
			}
			for name, program := range idle.Programs {
				program.Instructions = asm.Instructions{asm.Mov.Imm(asm.R2, levelPlace).WithSymbol(name), asm.Mov.Imm(asm.R0, 1), asm.Return()}
			}
			counting, err := loadCount()
			if err != nil {
				b.Fatal(err)
			}
			var spent [2]float64
			for i, spec := range []*ebpf.CollectionSpec{idle, counting} {
				probe := bench.openWith(spec)
				traffic.send()
				var packets uint64
				for _, program := range []*ebpf.Program{probe.programs.SliceIngress, probe.programs.SliceEgress} {
					stats, err := program.Stats()
					if err != nil {
						b.Fatal(err)
					}
					spent[i] += float64(stats.Runtime)
					packets += stats.RunCount
				}
				spent[i] /= float64(packets)
			}
			b.ReportMetric(spent[1]-spent[0], "ns/packet")
			b.ReportMetric(spent[0], "ns/statistics")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkRead measures one reading of 200 slices.
func BenchmarkRead(b *testing.B) {
	bench := setup(b)
	for range 200 {
		bench.group()
	}
	bench.open()
	for b.Loop() {
		if _, err := bench.probe.Read(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/200, "µs/slice")
}
