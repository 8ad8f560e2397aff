package docker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/firewall"
)

// outside is a part of the world behind this machine: a network namespace whose one process
// answers on ports 53 (UDP too), 80 and 443 of every address.
type outside struct {
	t      *testing.T
	number int // of the third byte of its addresses
}

const answering = `
	const net = require("net"), addresses = process.argv.slice(1)
	let left = 3 + addresses.length
	const up = () => --left || console.log("up")
	for (const address of addresses) { // an answer must come from the address that was asked
		const udp = require("dgram").createSocket("udp4")
		udp.on("message", (m, from) => udp.send(m, from.port, from.address)).bind(53, address, up)
	}
	for (const port of [53, 80, 443]) net.createServer((s) => { s.on("error", () => {}); s.end("here") }).listen(port, "0.0.0.0", up)`

func newOutside(t *testing.T) outside {
	t.Helper()
	o := outside{t: t, number: 1 + os.Getpid()%250}
	name, near, far := fmt.Sprintf("out%d", os.Getpid()), fmt.Sprintf("near%d", os.Getpid()), fmt.Sprintf("far%d", os.Getpid())
	t.Cleanup(func() {
		o.ip("link", "delete", near) // and its other end
		o.ip("netns", "delete", name)
	})
	o.ip("netns", "add", name)
	o.ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
	o.ip("address", "add", o.gateway()+"/24", "dev", near)
	o.ip("link", "set", near, "up")
	o.ip("-n", name, "link", "set", far, "up")
	o.ip("-n", name, "link", "set", "lo", "up")
	o.ip("-n", name, "address", "add", o.public()+"/24", "dev", far)
	for _, address := range []string{o.private(), o.resolver(), o.metadata()} {
		o.ip("-n", name, "address", "add", address+"/32", "dev", far)
		o.ip("route", "add", address+"/32", "via", o.public())
	}
	o.ip("-n", name, "route", "add", "default", "via", o.gateway())
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, "ip", "netns", "exec", name, "node", "-e", answering, o.public(), o.private(), o.resolver(), o.metadata())
	lines, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = server.Wait() })
	if _, err := lines.Read(make([]byte, 16)); err != nil {
		t.Fatalf("the world outside does not answer: %v", err)
	}
	return o
}

// Documentation's addresses (RFC 5737) stand for public ones.
func (o outside) gateway() string  { return fmt.Sprintf("198.51.%d.1", o.number) }
func (o outside) public() string   { return fmt.Sprintf("198.51.%d.2", o.number) }
func (o outside) private() string  { return fmt.Sprintf("10.251.%d.1", o.number) }
func (o outside) resolver() string { return fmt.Sprintf("10.251.%d.2", o.number) }
func (o outside) metadata() string { return "169.254.169.254" }

func (o outside) ip(arguments ...string) {
	o.t.Helper()
	if output, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
		o.t.Fatalf("ip %v: %v: %s", arguments, err, output)
	}
}

// reached tries to reach each "protocol address port" from inside a slice, and tells which answered.
func (b *bundle) reached(slice int64, targets []string) map[string]bool {
	b.t.Helper()
	list, err := json.Marshal(targets)
	if err != nil {
		b.t.Fatal(err)
	}
	output := b.inside(slice, `
		const net = require("net"), dgram = require("dgram"), wait = 1500
		const tcp = (host, port) => new Promise((done) => {
			const socket = net.connect({ host, port, timeout: wait })
			const end = (yes) => { socket.destroy(); done(yes) }
			socket.on("connect", () => end(true)).on("error", () => end(false)).on("timeout", () => end(false))
		})
		const udp = (host, port) => new Promise((done) => {
			const socket = dgram.createSocket("udp4"), end = (yes) => { clearTimeout(timer); socket.close(); done(yes) }
			const timer = setTimeout(() => end(false), wait)
			socket.on("message", () => end(true)).on("error", () => end(false)).send("?", port, host)
		})
		Promise.all(`+string(list)+`.map(async (target) => {
			const [protocol, host, port] = target.split(" ")
			return [target, await (protocol === "udp" ? udp : tcp)(host, Number(port))]
		})).then((all) => console.log(JSON.stringify(Object.fromEntries(all))))`)
	var answers map[string]bool
	if err := json.Unmarshal([]byte(output), &answers); err != nil {
		b.t.Fatalf("from inside: %s: %v", output, err)
	}
	return answers
}

// hostAddresses are all that this machine has but loopback, which is another one in a slice.
func hostAddresses(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, one := range all {
		prefix, err := netip.ParsePrefix(one.String())
		if err != nil {
			t.Fatal(err)
		}
		// A link-local address of version 6 is of one link; the slices' is asked for by the gateway's.
		if address := prefix.Addr(); !address.IsLoopback() && !address.IsLinkLocalUnicast() {
			found = append(found, address.String())
		}
	}
	return found
}

// Two slices, and everything that they must not reach: without the wall they do, which
// shows that the attempts would succeed.
func TestASliceReachesTheInternetAndNothingElse(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	world := newOutside(t)
	wall := firewall.Wall{
		Fleet: b.fleet, Bridge: firewall.Bridge(b.fleet), Ports: []uint16{443},
		Resolvers: []netip.Addr{netip.MustParseAddr(world.resolver())},
	}
	everywhere, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	go accept(everywhere)
	listening := strconv.Itoa(everywhere.Addr().(*net.TCPAddr).Port)

	specs := []jobs.Spec{b.spec(dockertest.Image(t), dockertest.Port()), b.spec(dockertest.Image(t), dockertest.Port())}
	var running []jobs.Running
	for _, spec := range specs {
		one, err := b.engine.Run(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		b.answers(one)
		running = append(running, one)
	}
	// The engine's own rule between containers of this network is taken away: there are to be two walls.
	rule := []string{"DOCKER-USER", "-i", wall.Bridge, "-o", wall.Bridge, "-j", "ACCEPT"}
	iptables(t, append([]string{"-I"}, rule...)...)
	defer iptables(t, append([]string{"-D"}, rule...)...)

	allowed := []string{
		"tcp " + world.public() + " 443",
		"udp " + world.resolver() + " 53",
		"tcp " + world.resolver() + " 53",
	}
	forbidden := []string{
		"tcp " + world.public() + " 80",
		"tcp " + world.public() + " 53",
		"udp " + world.public() + " 53",
		"tcp " + world.private() + " 443",
		"udp " + world.private() + " 53",
		"tcp " + world.metadata() + " 80",
		"tcp " + world.metadata() + " 443",
		"tcp " + world.resolver() + " 443",
	}
	for _, address := range hostAddresses(t) {
		if !strings.Contains(address, ":") {
			forbidden = append(forbidden, "tcp "+address+" "+listening)
		}
	}
	for i, spec := range specs {
		neighbour := running[1-i].Address
		targets := append(slices.Clone(forbidden), "tcp "+neighbour+" 4001", "tcp "+neighbour+" 4002")
		for target, yes := range b.reached(spec.Slice, append(slices.Clone(allowed), targets...)) {
			if !yes {
				t.Errorf("without the wall slice %d cannot reach %s: this test would prove nothing", i, target)
			}
		}
	}
	if _, err := wall.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	for i, spec := range specs {
		neighbour := running[1-i].Address
		targets := append(slices.Clone(forbidden), "tcp "+neighbour+" 4001", "tcp "+neighbour+" 4002")
		for _, address := range hostAddresses(t) { // what this machine cannot be asked by, it need not be either
			targets = append(targets, "tcp "+address+" "+listening, "tcp "+address+" "+strconv.Itoa(specs[1-i].Port), "tcp "+address+" 22")
		}
		answers := b.reached(spec.Slice, append(slices.Clone(allowed), targets...))
		for _, target := range slices.Sorted(maps.Keys(answers)) {
			if want := slices.Contains(allowed, target); answers[target] != want {
				t.Errorf("slice %d reaches %s: %v, want %v", i, target, answers[target], want)
			}
		}
		// The machine still reaches the slice, directly and by its published port.
		b.answers(running[i])
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", spec.Port), 5*time.Second)
		if err != nil {
			t.Errorf("the machine does not reach slice %d: %v", i, err)
			continue
		}
		_ = conn.Close()
	}
}

func accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

func iptables(t *testing.T, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("iptables")
	if err != nil {
		path = "/usr/sbin/iptables"
	}
	if output, err := exec.Command(path, append([]string{"-w"}, arguments...)...).CombinedOutput(); err != nil {
		t.Errorf("iptables %v: %v: %s", arguments, err, output)
	}
}
