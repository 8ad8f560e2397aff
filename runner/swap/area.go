package swap

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Format makes a file or block device of this many bytes a swap area, as mkswap does: the rest of it
// is left as it is (union swap_header in linux/swap.h).
func Format(path string, bytes int64) error {
	page := int64(os.Getpagesize())
	if bytes < 10*page {
		return fmt.Errorf("format %s: %d bytes are too few for swap", path, bytes)
	}
	header := make([]byte, page)
	binary.NativeEndian.PutUint32(header[1024:], 1)                    // version
	binary.NativeEndian.PutUint32(header[1028:], uint32(bytes/page-1)) // last page
	if _, err := rand.Read(header[1036:1052]); err != nil {            // UUID
		return err
	}
	copy(header[page-10:], "SWAPSPACE2")
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(header, 0)
	return errors.Join(err, file.Sync(), file.Close())
}

// Flags of swapon (linux/swap.h).
const (
	flagPrefer  = 0x8000
	flagDiscard = 0x10000
)

// On has the kernel use a swap area. Of several, that with the higher priority is filled first. One
// that is in use already stays as it is.
func On(path string, priority int) error {
	if inUse, err := using(path); err != nil || inUse {
		return err
	}
	return call(unix.SYS_SWAPON, "swapon", path, uintptr(flagPrefer|priority&0x7fff))
}

// Off has the kernel use it no more: what is there comes back to RAM first, which takes its time and
// fails if there is no room. One that is not in use is no error.
func Off(path string) error {
	if inUse, err := using(path); err != nil || !inUse {
		return err
	}
	return call(unix.SYS_SWAPOFF, "swapoff", path, 0)
}

func call(number uintptr, name, path string, flags uintptr) error {
	bytes, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	for {
		_, _, errno := unix.Syscall(number, uintptr(unsafe.Pointer(bytes)), flags, 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return &fs.PathError{Op: name, Path: path, Err: errno}
		}
	}
}
