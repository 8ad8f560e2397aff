package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also a holder that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("HOLD_A_SEAT_IN")
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, err := (roster{dir}).enter(context.Background(), nothing, nothing); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("in")
	select {}
}

func nothing(context.Context) error { return nil }

// engineStandIn is a command that runs on without whoever started it, as dockerd does.
type engineStandIn struct {
	t   *testing.T
	pid string
}

func (e engineStandIn) running() int {
	text, err := os.ReadFile(e.pid)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		e.t.Fatal(err)
	}
	return pid
}

func (e engineStandIn) start(context.Context) error {
	if e.running() != 0 {
		return nil
	}
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	cmd.Process.Release()
	return os.WriteFile(e.pid, []byte(strconv.Itoa(pid)), 0o600)
}

func (e engineStandIn) stop(context.Context) error {
	return errors.Join(end(e.running(), syscall.SIGTERM, 10*time.Second), os.Remove(e.pid))
}

func TestTheLastToLeaveStopsTheEngine(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	standIn := engineStandIn{t, filepath.Join(dir, "pid")}
	first, err := roster{dir}.enter(ctx, standIn.start, standIn.stop)
	if err != nil {
		t.Fatal(err)
	}
	pid := standIn.running()
	second, err := roster{dir}.enter(ctx, standIn.start, standIn.stop)
	if err != nil || standIn.running() != pid {
		t.Fatalf("the second did not share the first's: %v", err)
	}
	if err := first.leave(ctx, standIn.stop); err != nil {
		t.Fatal(err)
	}
	if standIn.running() != pid || ended(pid) {
		t.Fatal("it was stopped under the second's feet")
	}
	if err := second.leave(ctx, standIn.stop); err != nil {
		t.Fatal(err)
	}
	if standIn.running() != 0 || !ended(pid) {
		t.Fatal("it runs on with nobody in")
	}
}

func TestAKilledHolderCountsNoMore(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	standIn := engineStandIn{t, filepath.Join(dir, "pid")}
	us, err := roster{dir}.enter(ctx, standIn.start, standIn.stop)
	if err != nil {
		t.Fatal(err)
	}
	pid := standIn.running()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "HOLD_A_SEAT_IN="+dir)
	output, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "in\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	if err := us.leave(ctx, standIn.stop); err != nil {
		t.Fatal(err)
	}
	if !ended(pid) {
		t.Fatal("the killed one still holds the engine")
	}
}

func TestAFailedStartLeavesNoSeat(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("broken")
	stopped := false
	stop := func(context.Context) error { stopped = true; return nil }
	if _, err := (roster{dir}).enter(t.Context(), func(context.Context) error { return broken }, stop); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if !stopped {
		t.Fatal("what a failed start leaves is not cleared")
	}
	seat, err := roster{dir}.enter(t.Context(), nothing, nothing)
	if err != nil {
		t.Fatal(err)
	}
	seat.leave(t.Context(), nothing)
}

func TestWaitingForTheDoorEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	inside, ctx := make(chan struct{}), t.Context()
	ctx, cancel := context.WithCancel(ctx)
	release := make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := roster{dir}.enter(context.Background(), func(context.Context) error { close(inside); <-release; return nil }, nothing)
		done <- err
	}()
	<-inside
	cancel()
	if _, err := (roster{dir}).enter(ctx, nothing, nothing); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestUndoTouchesDockersRulesAlone(t *testing.T) {
	saved := `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -i br-0123456789ab -j DROP
-A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -i wg0 -j ACCEPT
-A DOCKER -d 172.18.0.2/32 ! -i br-0123456789ab -o br-0123456789ab -p tcp --dport 4001 -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
`
	want := `*filter
-D INPUT -i br-0123456789ab -j DROP
-D FORWARD -j DOCKER-USER
-F DOCKER
-F DOCKER-USER
-X DOCKER
-X DOCKER-USER
COMMIT
*nat
-D POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE
COMMIT`
	if got := strings.Join(undo(saved, []string{"docker0", "br-0123456789ab"}), "\n"); got != want {
		t.Fatalf("got\n%s", got)
	}
}

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	for _, test := range []struct {
		version string
		older   bool
	}{{"1.41", false}, {"1.9", true}, {"1.40", true}, {"1.51", false}, {"2.0", false}} {
		if got := olderThan(test.version, "1.41"); got != test.older {
			t.Errorf("%s: %v", test.version, got)
		}
	}
}
