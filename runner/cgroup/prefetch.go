package cgroup

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// most is UIO_MAXIOV: how many ranges one call takes.
const most = 1024

// Prefetch brings ranges of a process back from swap, or of its files, ahead of its own need, and
// tells how many bytes it went through. What is there already costs little; what was unmapped
// meanwhile is passed over. A process that is no more is ErrGone.
//
// process_madvise(MADV_WILLNEED) has the kernel read whole batches, but maps nothing: each first
// touch would still be a fault. So every page is then touched from here, by reading a byte of it.
func Prefetch(ctx context.Context, pid int, ranges []Range) (bytes int64, err error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, fmt.Errorf("prefetch of process %d: %w", pid, gone(err))
	}
	defer unix.Close(process)
	all, asked := batches(ranges), 0
	for i, batch := range all {
		if err := context.Cause(ctx); err != nil {
			return bytes, err
		}
		// The disk reads the next batch while this one is touched.
		for ; asked < len(all) && asked <= i+1; asked++ {
			if err := willNeed(process, all[asked]); err != nil {
				return bytes, fmt.Errorf("prefetch of process %d: %w", pid, gone(err))
			}
		}
		if err := touch(pid, batch); err != nil {
			return bytes, fmt.Errorf("prefetch of process %d: %w", pid, gone(err))
		}
		for _, one := range batch {
			bytes += int64(one.Len)
		}
	}
	return bytes, nil
}

// batchSize is how many bytes are read ahead before they are touched.
const batchSize = 4 << 20

func batches(ranges []Range) (all [][]unix.RemoteIovec) {
	var batch []unix.RemoteIovec
	room := uint64(batchSize)
	for _, one := range ranges {
		for one.Start < one.End {
			length := min(room, one.End-one.Start)
			batch = append(batch, unix.RemoteIovec{Base: uintptr(one.Start), Len: int(length)})
			one.Start += length
			if room -= length; room == 0 || len(batch) == most {
				all, batch, room = append(all, batch), nil, batchSize
			}
		}
	}
	if len(batch) > 0 {
		all = append(all, batch)
	}
	return all
}

// willNeed passes over ranges that are no longer mapped: the kernel tells how many bytes it took
// before the first of them.
func willNeed(process int, batch []unix.RemoteIovec) error {
	for len(batch) > 0 {
		n, _, errno := unix.Syscall6(unix.SYS_PROCESS_MADVISE, uintptr(process), uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), unix.MADV_WILLNEED, 0, 0)
		runtime.KeepAlive(batch)
		switch errno {
		case unix.EINTR, unix.EAGAIN:
			continue
		case 0:
			if batch = after(batch, int(n)); len(batch) > 0 {
				batch = batch[1:]
			}
		case unix.ENOMEM, unix.EBADF, unix.EINVAL, unix.EIO:
			batch = batch[1:]
		default:
			return os.NewSyscallError("process_madvise", errno)
		}
	}
	return nil
}

// after is what follows the first n bytes; of a range that was taken in part, nothing.
func after(batch []unix.RemoteIovec, n int) []unix.RemoteIovec {
	for len(batch) > 0 && n >= batch[0].Len {
		n -= batch[0].Len
		batch = batch[1:]
	}
	return batch
}

// touch reads one byte of each page.
func touch(pid int, batch []unix.RemoteIovec) error {
	page := os.Getpagesize()
	var bytes [most]byte
	pages := make([]unix.RemoteIovec, 0, most)
	for _, one := range batch {
		for at := 0; at < one.Len; at += page {
			pages = append(pages, unix.RemoteIovec{Base: one.Base + uintptr(at), Len: 1})
			if len(pages) == most {
				if err := read(pid, bytes[:], pages); err != nil {
					return err
				}
				pages = pages[:0]
			}
		}
	}
	return read(pid, bytes[:], pages)
}

func read(pid int, to []byte, pages []unix.RemoteIovec) error {
	for len(pages) > 0 {
		local := unix.Iovec{Base: &to[0]}
		local.SetLen(len(pages))
		n, err := unix.ProcessVMReadv(pid, []unix.Iovec{local}, pages, 0)
		switch err {
		case unix.EINTR:
			continue
		case nil:
			if pages = pages[n:]; len(pages) > 0 {
				pages = pages[1:] // the one that could not be read
			}
		case unix.EFAULT, unix.ENOMEM:
			pages = pages[1:]
		default:
			return os.NewSyscallError("process_vm_readv", err)
		}
	}
	return nil
}
