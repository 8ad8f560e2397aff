package swap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// spare is how many bytes of disk a swap file leaves free.
const spare = 1 << 30

// file makes the swap file unless it is there from before. Nobody's file is overwritten.
func (p place) file(path string, size int64) error {
	info, err := os.Stat(path)
	switch label, area, failed := labelOf(path); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case failed != nil:
		return failed
	case err == nil && (!area || label != p.label):
		return fmt.Errorf("%s is there, and is no swap file of Slicegate's: name another file, or remove it", path)
	case err == nil && info.Size() == size:
		return nil // the server was restarted
	case err == nil:
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	// Under another name until it is whole, so that one that was cut off is not taken for it.
	unfinished := path + ".unfinished"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.allocate(unfinished, size); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return os.Rename(unfinished, path)
}

func (p place) allocate(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &disk); err != nil {
		return err
	}
	if free := int64(disk.Bavail) * disk.Bsize; size > free-spare {
		return fmt.Errorf("a swap file of %d MB does not fit on the disk of %s, where %d MB are free and %d are to stay so", size>>20, path, free>>20, spare>>20)
	}
	// swapon takes no file with holes.
	if err := unix.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		return fmt.Errorf("the file system of %s reserves no space: %w", path, err)
	}
	return Format(path, size, p.label)
}
