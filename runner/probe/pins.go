package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const bpffs = "/sys/fs/bpf"

// mountPins makes the directory of the pins, in a bpffs that it mounts where none is.
func mountPins(ctx context.Context, pins string, say func(string)) error {
	if !filepath.IsAbs(pins) {
		return fmt.Errorf("the directory of the pins, %q, must be absolute", pins)
	}
	if strings.HasPrefix(pins, bpffs+"/") {
		// What is mounted twice hides the pins of whoever came first.
		unlock, err := lock(ctx, bpffs)
		if err != nil {
			return fmt.Errorf("%w: the kernel needs CONFIG_BPF_SYSCALL, and sysfs at /sys", err)
		}
		defer unlock()
		if ok, err := isA(bpffs, unix.BPF_FS_MAGIC); err != nil {
			return err
		} else if !ok {
			if err := unix.Mount("bpf", bpffs, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
				return fmt.Errorf("mount -t bpf bpf %s: %w", bpffs, err)
			}
			say("mounted a bpffs at " + bpffs)
		}
	}
	if err := os.MkdirAll(pins, 0o700); err != nil {
		return err
	}
	if ok, err := isA(pins, unix.BPF_FS_MAGIC); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%s is not in a bpffs, where programs can be pinned: mount -t bpf bpf %s, and choose a directory below it", pins, bpffs)
	}
	return nil
}

// isA tells whether a file is in a file system of this kind.
func isA(path string, magic int64) (bool, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return false, fmt.Errorf("statfs %s: %w", path, err)
	}
	return stat.Type == magic, nil
}

// lock takes a directory for this process, or this caller in it, until unlock; a killed one lets go.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
