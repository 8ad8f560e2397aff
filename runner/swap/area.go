package swap

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where a swap area's header has what (union swap_header in linux/swap.h); its magic word ends the page.
const (
	atVersion = 1024
	atLast    = 1028
	atUUID    = 1036
	atLabel   = 1052
	labelSize = 16
	magic     = "SWAPSPACE2"
)

// Format makes a file or block device of this many bytes a swap area, as mkswap does, with a label of
// up to 16 bytes. What it held before is not overwritten, but for the first page.
func Format(path string, bytes int64, label string) error {
	page := int64(os.Getpagesize())
	if bytes < 10*page {
		return fmt.Errorf("format %s: %d bytes are too few for swap", path, bytes)
	}
	header := make([]byte, page)
	binary.NativeEndian.PutUint32(header[atVersion:], 1)
	binary.NativeEndian.PutUint32(header[atLast:], uint32(bytes/page-1))
	if _, err := rand.Read(header[atUUID:atLabel]); err != nil {
		return err
	}
	copy(header[atLabel:atLabel+labelSize], label)
	copy(header[page-int64(len(magic)):], magic)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(header, 0)
	return errors.Join(err, file.Sync(), file.Close())
}

// labelOf is the label of a swap area; false if there is none at that path.
func labelOf(path string) (string, bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	header := make([]byte, os.Getpagesize())
	if n, _ := file.ReadAt(header, 0); n < len(header) || !bytes.HasSuffix(header, []byte(magic)) {
		return "", false, nil
	}
	label, _, _ := bytes.Cut(header[atLabel:atLabel+labelSize], []byte{0})
	return string(label), true, nil
}

// flagPrefer says that the lowest bits are a priority (SWAP_FLAG_PREFER in linux/swap.h).
const flagPrefer = 0x8000

// On has the kernel use a swap area. Of several, that with the higher priority, from 0 to 32767, is
// filled first. One that is in use already stays as it is.
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
	word, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	for {
		_, _, errno := unix.Syscall(number, uintptr(unsafe.Pointer(word)), flags, 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return &fs.PathError{Op: name, Path: path, Err: errno}
		}
	}
}
