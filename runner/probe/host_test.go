package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helperVariable makes the test binary a host: a process with a network of its own, which does what
// it is asked over its standard input and output.
const helperVariable = "PROBE_TEST_HOST"

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) == "" {
		os.Exit(m.Run())
	}
	if err := rpc.Register(&Host{served: map[string]io.Closer{}}); err != nil {
		panic(err)
	}
	rpc.ServeConn(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout})
}

// host is a helper process as the tests see it.
type host struct {
	t   testing.TB
	cmd *exec.Cmd
	rpc *rpc.Client
}

// startHost starts a helper, in a control group if one is given; it ends with the test.
func startHost(t testing.TB, group string, change func(*exec.Cmd)) *host {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperVariable + "=1", "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if group != "" {
		dir, err := os.Open(group)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	if change != nil {
		change(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &host{t, cmd, rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{out, in})}
	t.Cleanup(h.kill)
	return h
}

// kill ends the helper with no chance to tidy up.
func (h *host) kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

func (h *host) pid() int { return h.cmd.Process.Pid }

// call asks the helper to do one thing, which must succeed.
func call[Out any](h *host, method string, in any) Out {
	h.t.Helper()
	var out Out
	if err := h.rpc.Call("Host."+method, in, &out); err != nil {
		h.t.Fatalf("%s: %v", method, err)
	}
	return out
}

// Nothing is an argument or an answer that says no more than that it is there.
type Nothing struct{ Done bool }

// Host is what a helper does.
type Host struct {
	stopped atomic.Bool
	opened  *Probe
	served  map[string]io.Closer
}

// Run runs a program.
func (*Host) Run(command string, out *Nothing) error {
	args := strings.Fields(command)
	output, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, output)
	}
	return nil
}

// Traffic is what eth0 counted.
type Traffic struct{ Bytes, Packets uint64 }

// Interface reads the counters of eth0, both directions together, without Ethernet headers.
func (*Host) Interface(_ Nothing, out *Traffic) error {
	content, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "eth0" {
			continue
		}
		var in, out1 [2]uint64
		for i, field := range strings.Fields(rest) {
			number, err := strconv.ParseUint(field, 10, 64)
			if err != nil {
				return err
			}
			switch {
			case i < 2:
				in[i] = number
			case i == 8 || i == 9:
				out1[i-8] = number
			}
		}
		out.Packets = in[1] + out1[1]
		out.Bytes = in[0] + out1[0] - 14*out.Packets
		return nil
	}
	return errors.New("there is no eth0")
}

// Serve answers at an address, alone: a datagram by the same, a connection as Transfer wants it.
func (h *Host) Serve(at Exchange, _ *Nothing) error {
	key := at.Network + at.Remote
	if before := h.served[key]; before != nil {
		if err := before.Close(); err != nil {
			return err
		}
	}
	if at.Network == "udp" {
		conn, err := at.listen()
		if err != nil {
			return err
		}
		h.served[key] = conn
		go echo(conn)
		return nil
	}
	listener, err := net.Listen(at.Network, at.Remote)
	if err != nil {
		return err
	}
	h.served[key] = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = give(conn) }()
		}
	}()
	return nil
}

func echo(conn net.PacketConn) {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if _, err := conn.WriteTo(buffer[:n], from); err != nil {
			return
		}
	}
}

// give reads what it is told to, and writes as much back.
func give(conn net.Conn) error {
	defer conn.Close()
	var size uint64
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, conn, int64(size)); err != nil {
		return err
	}
	_, err := io.CopyN(conn, zeros{}, int64(size))
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Exchange is traffic between two hosts.
type Exchange struct {
	Network string // tcp, udp
	Remote  string // to be connected to, or served at
	From    int    // port that Transfer connects from; 0 is any
	Size    int    // bytes of each datagram, or each way of a connection
	Count   int    // datagrams to and fro; 0 is until Stop
	Flows   int    // at the same time; 0 is one
	Options []Option
}

// Option is one of setsockopt's.
type Option struct {
	Level, Name int
	Value       []byte
}

func (e Exchange) control(_, _ string, conn syscall.RawConn) error {
	var err error
	return errors.Join(conn.Control(func(fd uintptr) {
		for _, option := range e.Options {
			if err = unix.SetsockoptString(int(fd), option.Level, option.Name, string(option.Value)); err != nil {
				return
			}
		}
	}), err)
}

func (e Exchange) listen() (net.PacketConn, error) {
	config := net.ListenConfig{Control: e.control}
	return config.ListenPacket(context.Background(), e.Network, e.Remote)
}

// Transfer sends and receives Size bytes over one connection.
func (*Host) Transfer(e Exchange, _ *Nothing) error {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{Port: e.From}}).Dial(e.Network, e.Remote)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := binary.Write(conn, binary.BigEndian, uint64(e.Size)); err != nil {
		return err
	}
	if _, err := io.CopyN(conn, zeros{}, int64(e.Size)); err != nil {
		return err
	}
	got, err := io.Copy(io.Discard, conn)
	if err == nil && got != int64(e.Size) {
		err = fmt.Errorf("got %d bytes back, not %d", got, e.Size)
	}
	return err
}

// PingPong sends datagrams, each when the one before came back, and tells how many it were.
func (h *Host) PingPong(e Exchange, trips *int) error {
	h.stopped.Store(false)
	type result struct {
		trips int
		err   error
	}
	flows := max(1, e.Flows)
	results := make(chan result)
	for range flows {
		go func() {
			trips, err := h.pingPong(e)
			results <- result{trips, err}
		}()
	}
	var failures []error
	for range flows {
		one := <-results
		*trips += one.trips
		failures = append(failures, one.err)
	}
	return errors.Join(failures...)
}

// Flood sends datagrams and waits for nothing.
func (*Host) Flood(e Exchange, _ *Nothing) error {
	conn, err := net.Dial(e.Network, e.Remote)
	if err != nil {
		return err
	}
	defer conn.Close()
	out := make([]byte, e.Size)
	for range e.Count {
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) pingPong(e Exchange) (trips int, err error) {
	dialer := net.Dialer{Control: e.control}
	conn, err := dialer.Dial(e.Network, e.Remote)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	out, in := make([]byte, e.Size), make([]byte, e.Size)
	for e.Count == 0 && !h.stopped.Load() || trips < e.Count {
		// A lost datagram must fail the test, not hang it.
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			return trips, err
		}
		if _, err := conn.Write(out); err != nil {
			return trips, err
		}
		if _, err := conn.Read(in); err != nil {
			return trips, err
		}
		trips++
	}
	return trips, nil
}

// Stop ends the PingPong that has no end.
func (h *Host) Stop(_ Nothing, _ *Nothing) error {
	h.stopped.Store(true)
	return nil
}

// Where is a probe's configuration, as far as it can be sent.
type Where struct{ Parent, Pins string }

// Open opens a probe in the helper and says what the probe said.
func (h *Host) Open(where Where, said *[]string) error {
	var err error
	h.opened, err = Open(context.Background(), Config{Parent: where.Parent, Pins: where.Pins, Say: func(text string) {
		*said = append(*said, text)
	}})
	return err
}

// Close closes it.
func (h *Host) Close(_ Nothing, _ *Nothing) error { return h.opened.Close() }

// OpenUnmounted is Open in a mount namespace that has no bpffs at /sys/fs/bpf.
func (h *Host) OpenUnmounted(where Where, said *[]string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for unix.Unmount(bpffs, 0) == nil {
	}
	return h.Open(where, said)
}

// Spread lets every CPU take packets that arrive at eth0, as network cards do, so that they interrupt
// what the others are at. It needs a mount namespace.
func (*Host) Spread(_ Nothing, _ *Nothing) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil { // shows the devices of this network
		return err
	}
	return os.WriteFile("/sys/class/net/eth0/queues/rx-0/rps_cpus", []byte("3\n"), 0)
}

// connect gives two hosts an Ethernet link, the first of them the addresses that end in 1.
func connect(t testing.TB, one, other *host) {
	t.Helper()
	output, err := exec.Command("ip", "link", "add", "eth0", "netns", strconv.Itoa(one.pid()), "type", "veth",
		"peer", "name", "eth0", "netns", strconv.Itoa(other.pid())).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for i, h := range []*host{one, other} {
		for _, command := range []string{
			"ip link set lo up",
			fmt.Sprintf("ip addr add 10.0.0.%d/24 dev eth0", i+1),
			fmt.Sprintf("ip addr add fd00::%d/64 dev eth0 nodad", i+1),
			"ip link set eth0 up",
		} {
			call[Nothing](h, "Run", command)
		}
	}
}

const (
	slice4, peer4 = "10.0.0.1", "10.0.0.2"
	slice6, peer6 = "fd00::1", "fd00::2"
)

// packet is the size of a UDP packet with so much in it.
func packet(to string, payload int) uint64 {
	if netip.MustParseAddr(to).Is4() {
		return uint64(20 + 8 + payload)
	}
	return uint64(40 + 8 + payload)
}

// cgroup makes a group and removes it when the test ends.
func cgroup(t testing.TB, elements ...string) string {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	})
	return path
}
