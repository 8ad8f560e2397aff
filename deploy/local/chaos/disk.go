package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// disk is the slices' own: small, so that it is full in a moment.
type disk struct{ path string }

// newDisk mounts it in a new folder.
func newDisk(path string) (disk, error) {
	if err := os.MkdirAll(path, 0o711); err != nil {
		return disk{}, err
	}
	if err := unix.Mount("slices", path, "tmpfs", 0, "size=64m,nr_inodes=4000,mode=711"); err != nil {
		return disk{}, fmt.Errorf("mount the slices' disk: %w", err)
	}
	return disk{path}, nil
}

// diskPath is where the disk of this process is mounted: a killed one's is known by its number.
func diskPath(pid string) string { return filepath.Join("/run/slicegate", FleetPrefix+pid+"-disk") }

// removeAbandonedDisks takes down those of tests that were killed.
func removeAbandonedDisks() error {
	found, err := filepath.Glob(diskPath("*"))
	var failures []error
	for _, path := range found {
		pid := strings.TrimSuffix(strings.TrimPrefix(path, strings.TrimSuffix(diskPath(""), "-disk")), "-disk")
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, os.ErrNotExist) {
			failures = append(failures, disk{path}.remove())
		}
	}
	return errors.Join(append(failures, err)...)
}

func (d disk) filler() string { return filepath.Join(d.path, "filler") }

// fill takes the last byte and the last file.
func (d disk) fill() error {
	if err := os.Mkdir(d.filler(), 0o700); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(d.filler(), "bytes"))
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	for i := 0; ; i++ {
		more, err := os.Create(filepath.Join(d.filler(), fmt.Sprint(i)))
		if errors.Is(err, syscall.ENOSPC) {
			return nil
		}
		if err != nil {
			return err
		}
		more.Close()
	}
}

func (d disk) free() error { return os.RemoveAll(d.filler()) }

// remove takes it down; whatever still has it open keeps it to its own end.
func (d disk) remove() error {
	if err := unix.Unmount(d.path, unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("take the slices' disk down: %w", err)
	}
	return os.Remove(d.path)
}
