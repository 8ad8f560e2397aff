package cgrouptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"slicegate/runner/swap"
)

// One swap file of tests is on a machine at a time: swap is everybody's, and whoever takes it away
// brings back what others put there.
const (
	swapLock = "/run/slicegate-test-swap.lock"
	swapFile = "/var/tmp/slicegate-test.swap"
)

// ServerSwap gives the machine the swap of a server with slices for the time of a benchmark, by what
// `runner swap setup` calls: what is wanted, of the kind that SWAP in the environment names, or else of
// the first that the kernel has. It tells what there is then.
func ServerSwap(b testing.TB, wanted swap.Config) string {
	b.Helper()
	Lock(b)
	state, err := swap.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if state.Kind != "" && state.Path != swapFile {
		b.Fatalf("slices of this server are pushed to %s: measure on another one, or `runner swap remove` first", state.Path)
	}
	remove := func() error { return swap.Remove(context.Background()) }
	if err := remove(); err != nil { // what a killed predecessor left
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := remove(); err != nil {
			b.Errorf("swap is left: %v", err)
		}
	})
	wanted.Kind, wanted.File = swap.Kind(os.Getenv("SWAP")), swapFile
	state, err = swap.Setup(b.Context(), wanted)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("%s (%s), vm.swappiness %d, vm.page-cluster %d", state.Kind, cmp.Or(state.Compressor, "as it is"), state.Swappiness, state.PageCluster)
}

// deviceVariable names a block device that is for tests' swap, where there is no disk for a file.
const deviceVariable = "TEST_SWAP_DEVICE"

// Lock takes the machine's swap for the time of a test, and waits for whoever has it.
func Lock(t testing.TB) {
	t.Helper()
	lock, err := os.OpenFile(swapLock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// Swap takes the machine's swap for the time of a test and gives it a file of this many bytes: all of
// its processes' then, the test's tenants among them.
func Swap(t testing.TB, bytes int64) {
	t.Helper()
	Lock(t)
	path := os.Getenv(deviceVariable)
	if path == "" {
		path = swapFile
		remove := func() error {
			if err := swap.Off(path); err != nil {
				return err
			}
			return os.RemoveAll(path)
		}
		if err := remove(); err != nil { // what a killed predecessor left
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := remove(); err != nil {
				t.Errorf("a swap file is left: %v", err)
			}
		})
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, bytes), file.Close()); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Cleanup(func() {
			if err := swap.Off(path); err != nil {
				t.Error(err)
			}
		})
	}
	if err := errors.Join(swap.Format(path, bytes, "test"), swap.On(path, 0)); err != nil {
		t.Fatal(err)
	}
}
