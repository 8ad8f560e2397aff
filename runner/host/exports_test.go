package host_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"slicegate/jobs"
	"slicegate/runner/host"
)

// smallDisk is a disk of a test's own, with so many bytes.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatalf("mount a small disk (tests of the runner run as root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func names(t *testing.T, root string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "exports"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestAnExportsFileIsTheWebServersToRead(t *testing.T) {
	t.Parallel()
	exports := host.Exports{Root: t.TempDir(), Group: 4711}
	file, err := exports.Begin(7, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("all of it")); err != nil {
		t.Fatal(err)
	}
	if got := names(t, exports.Root); len(got) != 1 || got[0] == "7.zip" {
		t.Errorf("while it is written there are %v", got)
	}
	if err := errors.Join(file.Keep(), file.Drop()); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"exports": 0o750, "exports/7.zip": 0o640} {
		info, err := os.Stat(filepath.Join(exports.Root, path))
		if err != nil {
			t.Fatal(err)
		}
		if system := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != mode || system.Gid != 4711 || system.Uid != uint32(os.Getuid()) {
			t.Errorf("%s is %s of %d:%d", path, info.Mode(), system.Uid, system.Gid)
		}
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	t.Parallel()
	exports := host.Exports{Root: smallDisk(t, 1<<20), Group: -1}
	file, err := exports.Begin(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	var full error
	for range 10 {
		if _, full = file.Write(make([]byte, 256<<10)); full != nil {
			break
		}
	}
	if !errors.Is(full, jobs.ErrNoRoom) {
		t.Errorf("written to a full disk: %v", full)
	}
	if err := file.Drop(); err != nil {
		t.Error(err)
	}
	if got := names(t, exports.Root); len(got) != 0 {
		t.Errorf("%v are left", got)
	}
	if _, err := exports.Begin(2, 2<<20); !errors.Is(err, jobs.ErrNoRoom) {
		t.Errorf("more than there is room for: %v", err)
	}
}

func TestExportsLeaveOthersTheirPartOfTheDisk(t *testing.T) {
	t.Parallel()
	exports := host.Exports{Root: smallDisk(t, 64<<20), Group: -1, Reserve: 32 << 20}
	file, err := exports.Begin(1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	written, chunk := 0, make([]byte, 1<<20)
	for err == nil && written < 60<<20 {
		_, err = file.Write(chunk)
		written += len(chunk)
	}
	if !errors.Is(err, jobs.ErrNoRoom) || written > 50<<20 {
		t.Errorf("it stopped after %d MB with %v", written>>20, err)
	}
	if err := file.Drop(); err != nil {
		t.Error(err)
	}
}

// Two runs of one export, of which the first is believed dead and goes on, end in the file of the second.
func TestARunThatIsBelievedDeadKeepsNothing(t *testing.T) {
	t.Parallel()
	exports := host.Exports{Root: t.TempDir(), Group: -1}
	begin := func(content string) jobs.ExportFile {
		file, err := exports.Begin(1, 0)
		if err == nil {
			_, err = file.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	dead := begin("half")
	second := begin("whole")
	other, err := exports.Begin(11, 0) // whose name begins alike
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Keep(); err == nil {
		t.Error("the dead one kept its file")
	}
	if err := errors.Join(dead.Drop(), second.Keep(), other.Keep()); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(exports.Root, "exports", "1.zip")); err != nil || string(content) != "whole" {
		t.Errorf("it is %q, %v", content, err)
	}
	all, err := exports.Each()
	if slices.Sort(all); err != nil || !slices.Equal(all, []int64{1, 11}) {
		t.Errorf("there are files of %v, %v", all, err)
	}
	if err := errors.Join(exports.Remove(1), exports.Remove(1)); err != nil {
		t.Error(err)
	}
	if got := names(t, exports.Root); !slices.Equal(got, []string{"11.zip"}) {
		t.Errorf("%v are left", got)
	}
}
