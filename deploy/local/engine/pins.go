package engine

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// bpffs is where runners pin the counters of packets; they mount it where nothing is.
const bpffs = "/sys/fs/bpf"

// rememberPins keeps whether the machine had a bpffs before.
func (d daemon) rememberPins() error {
	mounted, err := isBPFFS()
	if err != nil || mounted {
		return err
	}
	return os.WriteFile(d.path("bpffs"), nil, 0o600)
}

// sweepPins unmounts the bpffs, with every pin in it, if there was none before.
func (d daemon) sweepPins() error {
	if _, err := os.Stat(d.path("bpffs")); err != nil {
		return nil
	}
	mounted, err := isBPFFS()
	if err == nil && mounted {
		err = unix.Unmount(bpffs, unix.UMOUNT_NOFOLLOW)
	}
	return errors.Join(err, os.Remove(d.path("bpffs")))
}

func isBPFFS() (bool, error) {
	var stat unix.Statfs_t
	err := unix.Statfs(bpffs, &stat)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil && stat.Type == unix.BPF_FS_MAGIC, err
}
