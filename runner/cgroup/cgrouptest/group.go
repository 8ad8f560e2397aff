package cgrouptest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const root = "/sys/fs/cgroup"

// Pure tells whether this machine has control groups of version 2 alone.
func Pure() bool {
	_, err := os.Stat(filepath.Join(root, "cgroup.controllers"))
	return err == nil
}

// NeedPure skips a test of version 2 elsewhere. They all run in the virtual machine of the tests' step
// "cgroup v2".
func NeedPure(t testing.TB) {
	t.Helper()
	if !Pure() {
		t.Skip("this machine has no pure cgroup v2: the step \"cgroup v2\" of `make test` runs this in a virtual machine")
	}
}

// hierarchies are the roots of the trees that a group must be made in.
func hierarchies() []string {
	if Pure() {
		return []string{root}
	}
	return []string{filepath.Join(root, "memory"), filepath.Join(root, "unified")}
}

var (
	made  atomic.Int64
	sweep sync.Once
)

// removeDeserted removes the groups of test binaries that were killed. One whose processes are not gone
// yet is left to the next.
func removeDeserted() {
	for _, tree := range hierarchies() {
		groups, _ := filepath.Glob(filepath.Join(tree, "slicegate-test-*"))
		for _, group := range groups {
			var pid, number int
			_, _ = fmt.Sscanf(filepath.Base(group), "slicegate-test-%d-%d", &pid, &number)
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid))); os.IsNotExist(err) {
				below, _ := filepath.Glob(filepath.Join(group, "slicegate-test-*"))
				for _, dir := range append(below, group) {
					_ = os.Remove(dir)
				}
			}
		}
	}
}

// Make makes a control group for the time of a test, below others that Make made or at the top, and
// gives its name.
func Make(t testing.TB, above ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes control groups: run the tests by `make test`")
	}
	sweep.Do(removeDeserted)
	parent := filepath.Join(above...)
	name := filepath.Join(parent, fmt.Sprintf("slicegate-test-%d-%d", os.Getpid(), made.Add(1)))
	for _, tree := range hierarchies() {
		if Pure() {
			for _, dir := range []string{tree, filepath.Join(tree, parent)} {
				if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory"), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		dir := filepath.Join(tree, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { remove(t, dir) })
	}
	return name
}

// remove waits for the last of a group's processes to be gone: until the kernel is done with one the
// group is busy, whoever waited for it.
func remove(t testing.TB, dir string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := os.Remove(dir)
		if err == nil || os.IsNotExist(err) {
			return
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			t.Errorf("a control group is left: %v", err)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Enter has a process be in a group that Make made.
func Enter(t testing.TB, group string, pid int) {
	t.Helper()
	for _, tree := range hierarchies() {
		if err := os.WriteFile(filepath.Join(tree, group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Write writes a file of a group's memory controller.
func Write(t testing.TB, group, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(hierarchies()[0], group, name), []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// Read reads one.
func Read(t testing.TB, group, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(hierarchies()[0], group, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func address(memory []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&memory[0]))) }
