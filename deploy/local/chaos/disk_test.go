package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFullDiskTakesNothingAndAFreedOneDoes(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts a disk: run the tests by `make test`")
	}
	d, err := newDisk(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.remove(); err != nil {
			t.Error(err)
		}
	})
	kept := filepath.Join(d.path, "kept")
	if err := os.WriteFile(kept, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.fill(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.path, "more"), 0o700); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a folder was made: %v", err)
	}
	if err := os.WriteFile(kept, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("bytes were written: %v", err)
	}
	if err := d.free(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.path, "more"), 0o700); err != nil {
		t.Error(err)
	}
}

func TestTheDiskOfAKilledTestIsTakenDown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts a disk: run the tests by `make test`")
	}
	abandoned, err := newDisk(diskPath("4194305")) // no process has a number beyond the kernel's largest
	if err != nil {
		t.Fatal(err)
	}
	own, err := newDisk(diskPath("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := removeAbandonedDisks(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abandoned.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := own.remove(); err != nil {
		t.Errorf("one whose test runs was taken down: %v", err)
	}
}
