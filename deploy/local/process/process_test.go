package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also the parent that TestAChildDoesNotOutliveItsParent kills.
func TestMain(m *testing.M) {
	if os.Getenv("BE_A_PARENT") == "" {
		os.Exit(m.Run())
	}
	child, err := Start(Spec{Name: "sleeper", Path: "sleep", Args: []string{"600"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(child.PID())
	<-child.Done()
}

func TestAChildDoesNotOutliveItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "BE_A_PARENT=1")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Sscan(line, &pid)
	child, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	if !ends(t, child) {
		syscall.Kill(pid, syscall.SIGKILL)
		t.Fatal("the child lives on after its parent was killed")
	}
}

func TestStopKillsWhatIgnoresTheSignalAndItsChildren(t *testing.T) {
	ready := make(chan string, 1)
	child, err := Start(Spec{
		Name: "stubborn", Path: "sh", Args: []string{"-c", `trap "" TERM; sleep 600 & echo $!; while :; do wait; done`},
		Grace: 100 * time.Millisecond, Line: func(line string) { ready <- line },
	})
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Sscan(<-ready, &pid)
	grandchild, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(grandchild)
	child.Stop()
	child.Stop() // again is harmless
	if child.Err() == nil || !ends(t, grandchild) {
		t.Fatalf("stop left something: %v", child.Err())
	}
}

func TestGroupReportsTheServiceThatEnds(t *testing.T) {
	group := NewGroup()
	if _, err := group.Start(Spec{Name: "steady", Path: "sleep", Args: []string{"600"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := group.Start(Spec{Name: "fragile", Path: "sh", Args: []string{"-c", "echo last words; exit 3"}}); err != nil {
		t.Fatal(err)
	}
	err := <-group.Failed()
	if !errors.Is(err, ErrEnded) {
		t.Fatal(err)
	}
	for _, want := range []string{"fragile", "exit status 3", "last words"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	group.Stop()
	select {
	case err := <-group.Failed():
		t.Fatalf("a stopped service was reported: %v", err)
	default:
	}
}

func TestASupervisedServiceIsStartedAgainUntilTheGroupStops(t *testing.T) {
	up := make(chan string, 10)
	group := NewSupervised(10 * time.Millisecond)
	if _, err := group.Start(Spec{Name: "steady", Path: "sh", Args: []string{"-c", "echo up; exec sleep 600"}, Line: func(line string) { up <- line }}); err != nil {
		t.Fatal(err)
	}
	<-up
	for range 3 {
		killed := group.Find("steady")
		if err := syscall.Kill(killed.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-up
		if now := group.Find("steady"); now.PID() == killed.PID() {
			t.Fatal("the group still has the one that was killed")
		}
	}
	last := group.Find("steady")
	group.Stop()
	<-last.Done()
	select {
	case <-up:
		t.Fatal("it was started again after the group's stop")
	case err := <-group.Failed():
		t.Fatalf("a supervised service's end was a failure: %v", err)
	default:
	}
}

func TestGroupStopsTheNewestFirst(t *testing.T) {
	order := filepath.Join(t.TempDir(), "order")
	group := NewGroup()
	for _, name := range []string{"first", "second", "third"} {
		up := make(chan string, 1)
		if _, err := group.Start(Spec{
			Name: name, Path: "sh",
			Args: []string{"-c", `trap 'echo ` + name + ` >>"$0"; exit' TERM; echo up; while :; do sleep 0.01; done`, order},
			Line: func(line string) { up <- line },
		}); err != nil {
			t.Fatal(err)
		}
		<-up
	}
	group.Stop()
	text, err := os.ReadFile(order)
	if err != nil || string(text) != "third\nsecond\nfirst\n" {
		t.Fatalf("stopped in the order %q, %v", text, err)
	}
}

func TestRunStopsWithItsContextAndSaysWhatFailed(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	err := Run(ctx, Spec{Name: "endless", Path: "sh", Args: []string{"-c", "echo up; exec sleep 600"}, Line: func(string) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("want cancelled, got %v", err)
	}
	err = Run(context.Background(), Spec{Name: "compiler", Path: "sh", Args: []string{"-c", "echo it is wrong >&2; exit 2"}})
	if err == nil || err.Error() != "compiler: exit status 2\n    it is wrong" {
		t.Fatalf("got %v", err)
	}
}

func TestSecretsOfOursAreNotInherited(t *testing.T) {
	t.Setenv("A_SECRET", "x")
	t.Setenv("CI", "true")
	got := map[string]bool{}
	if err := Run(context.Background(), Spec{Name: "env", Path: "env", Env: []string{"GIVEN=1"}, Line: func(line string) { got[line] = true }}); err != nil {
		t.Fatal(err)
	}
	if got["A_SECRET=x"] || !got["CI=true"] || !got["GIVEN=1"] {
		t.Fatalf("inherited a secret: %v, CI: %v, what was given: %v", got["A_SECRET=x"], got["CI=true"], got["GIVEN=1"])
	}
}

func TestLinesAreCutWhole(t *testing.T) {
	var got []string
	l := &lines{to: func(line string) { got = append(got, line) }}
	fmt.Fprint(l, "one\ntw")
	fmt.Fprint(l, "o\n\n\x1b[1;31men\x1b[0md")
	l.flush()
	if strings.Join(got, "|") != "one|two||end" {
		t.Fatalf("%q", got)
	}
	fmt.Fprint(l, strings.Repeat("x", longest+5))
	if len(l.partial) != 5 || len(got[len(got)-1]) != longest {
		t.Fatal("a line without an end is kept whole")
	}
}

// ends says whether the process behind a pidfd ends within ten seconds.
func ends(t *testing.T, pidfd int) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 10_000)
		if !errors.Is(err, unix.EINTR) {
			return n > 0 && err == nil
		}
	}
}
