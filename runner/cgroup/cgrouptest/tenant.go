// Package cgrouptest has processes of known working sets, in control groups of their own, and swap
// for them: what tests of memory are made over. A test binary that imports it is also the tenant.
package cgrouptest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/runner/cgroup"
)

const tenantVariable = "BE_A_TENANT"

// A test binary that is started as a tenant never comes to its tests.
func init() {
	if os.Getenv(tenantVariable) != "" {
		serve()
		os.Exit(0)
	}
}

// Tenant is a process in a control group of its own. It does what it is told, and nothing else.
type Tenant struct {
	PID   int
	Group cgroup.Group
	t     testing.TB
	tell  *bufio.ReadWriter
}

// Start starts a tenant in a group that Make made. It ends with the test.
func Start(t testing.TB, group string) *Tenant {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), tenantVariable+"=1", "GOMAXPROCS=1", "GOGC=off")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	Enter(t, group, cmd.Process.Pid)
	tenant := &Tenant{PID: cmd.Process.Pid, t: t, tell: bufio.NewReadWriter(bufio.NewReader(stdout), bufio.NewWriter(stdin))}
	if tenant.Group, err = (cgroup.Memory{Root: "/"}).Group(tenant.PID); err != nil {
		t.Fatal(err)
	}
	return tenant
}

// Hold has the tenant fill this many bytes more, and gives where they are. Each half page is random,
// the other half is not: it compresses as memory does.
func (n *Tenant) Hold(bytes int64) cgroup.Range {
	n.t.Helper()
	var held cgroup.Range
	n.ask(fmt.Sprintf("hold %d", bytes), "held %d %d", &held.Start, &held.End)
	return held
}

// Touch has the tenant write into each page of the first bytes of what it held first, and gives how
// long that took it.
func (n *Tenant) Touch(bytes int64) time.Duration {
	n.t.Helper()
	var took time.Duration
	n.ask(fmt.Sprintf("touch %d", bytes), "touched %d", &took)
	return took
}

// Look has the tenant read a byte of each page of the same, and gives how long that took it.
func (n *Tenant) Look(bytes int64) time.Duration {
	n.t.Helper()
	var took time.Duration
	n.ask(fmt.Sprintf("look %d", bytes), "looked %d", &took)
	return took
}

func (n *Tenant) ask(command, format string, answer ...any) {
	n.t.Helper()
	fmt.Fprintln(n.tell, command)
	if err := n.tell.Flush(); err != nil {
		n.t.Fatalf("the tenant is no more: %v", err)
	}
	line, err := n.tell.ReadString('\n')
	if err != nil {
		n.t.Fatalf("the tenant ended at %q: %v", command, err)
	}
	if _, err := fmt.Sscanf(line, format, answer...); err != nil {
		n.t.Fatalf("the tenant said %q to %q", strings.TrimSpace(line), command)
	}
}

// serve is the tenant itself.
func serve() {
	var held []byte
	var seen byte // said, so that no reading is left out
	page := os.Getpagesize()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command string
		var bytes int
		if _, err := fmt.Sscan(lines.Text(), &command, &bytes); err != nil {
			fmt.Println("what?", err)
			continue
		}
		switch command {
		case "hold":
			more, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
			if err != nil {
				fmt.Println("no:", err)
				continue
			}
			// Huge pages go to swap whole: what was touched would not be all that comes back.
			if err := unix.Madvise(more, unix.MADV_NOHUGEPAGE); err != nil && err != unix.EINVAL {
				fmt.Println("no:", err)
				continue
			}
			fill(more, page)
			start := address(more)
			fmt.Println("held", start, start+uint64(len(more)))
			if held == nil {
				held = more
			}
		case "touch":
			started := time.Now()
			for at := 0; at < bytes; at += page {
				held[at]++
			}
			fmt.Println("touched", time.Since(started).Nanoseconds())
		case "look":
			started := time.Now()
			for at := 0; at < bytes; at += page {
				seen += held[at]
			}
			fmt.Println("looked", time.Since(started).Nanoseconds(), seen)
		}
	}
}

// fill makes every page another, and half of it random: each is compressed by itself.
func fill(memory []byte, page int) {
	random := make([]byte, page/2)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
	for at := 0; at < len(memory); at += page {
		copy(memory[at:], random)
		binary.NativeEndian.PutUint64(memory[at:], uint64(at))
	}
}
