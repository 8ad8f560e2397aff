package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Range is a part of one process's address space, in bytes, its end not included. It means nothing
// in another process, nor in the same one after a restart.
type Range struct{ Start, End uint64 }

// Swapped are the ranges of a process's own memory that are in swap, in order. What a process shares
// in memory (shm, tmpfs) is not among them: the kernel does not tell. A process that is no more is
// ErrGone.
func Swapped(pid int) ([]Range, error) { return scan(pid, isSwapped) }

// Present are the ranges of a process's memory, of files too, that are in RAM and mapped, in order.
func Present(pid int) ([]Range, error) { return scan(pid, isPresent) }

// Size is how many bytes the ranges have.
func Size(ranges []Range) (bytes int64) {
	for _, one := range ranges {
		bytes += int64(one.End - one.Start)
	}
	return bytes
}

// Both is what a and b have in common. Each must be in order, as they come.
func Both(a, b []Range) []Range {
	var both []Range
	for len(a) > 0 && len(b) > 0 {
		start, end := max(a[0].Start, b[0].Start), min(a[0].End, b[0].End)
		if start < end {
			both = append(both, Range{start, end})
		}
		if a[0].End < b[0].End {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// Either is what a or b has. Each must be in order, as they come.
func Either(a, b []Range) []Range {
	var all []Range
	for len(a) > 0 || len(b) > 0 {
		if len(a) == 0 || len(b) > 0 && b[0].Start < a[0].Start {
			a, b = b, a
		}
		if n := len(all); n > 0 && a[0].Start <= all[n-1].End {
			all[n-1].End = max(all[n-1].End, a[0].End)
		} else {
			all = append(all, a[0])
		}
		a = a[1:]
	}
	return all
}

// userEnd is where a process's part of the address space ends, with the four-level page tables of
// amd64: its last page is never used.
const userEnd = 1<<47 - 4096

// The kinds of pages, as PAGEMAP_SCAN has them in its categories (linux/fs.h).
const (
	isFile    = 1 << 2
	isPresent = 1 << 3
	isSwapped = 1 << 4
	isZero    = 1 << 5 // read, never written: it is no memory of anybody's
)

// pagemapScan is the ioctl PAGEMAP_SCAN: _IOWR('f', 16, struct pm_scan_arg).
const pagemapScan = 0xc0606610

// scanArgument is struct pm_scan_arg.
type scanArgument struct {
	size, flags, start, end, walkEnd, vector, vectors, most           uint64
	categoryInverted, categoryMask, categoryAnyOf, categoriesReturned uint64
}

// region is struct page_region.
type region struct{ start, end, categories uint64 }

// scan asks the kernel for the ranges of one kind: it skips what was never touched, which is nearly
// all that a browser has reserved. A kernel older than 6.7 is read page by page.
func scan(pid int, kind uint64) ([]Range, error) {
	pagemap, err := os.Open("/proc/" + strconv.Itoa(pid) + "/pagemap")
	if err != nil {
		return nil, gone(err)
	}
	defer pagemap.Close()
	var ranges []Range
	regions := make([]region, 512)
	var pinned runtime.Pinner // their address goes to the kernel as a number
	pinned.Pin(&regions[0])
	defer pinned.Unpin()
	argument := scanArgument{
		end: userEnd, vector: uint64(uintptr(unsafe.Pointer(&regions[0]))), vectors: uint64(len(regions)),
		categoryInverted: isZero, categoryMask: kind | isZero, categoriesReturned: kind,
	}
	argument.size = uint64(unsafe.Sizeof(argument))
	for argument.start < argument.end {
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, pagemap.Fd(), pagemapScan, uintptr(unsafe.Pointer(&argument)))
		switch errno {
		case 0:
		case unix.EINTR:
			continue
		case unix.ENOTTY, unix.EINVAL:
			return walk(pid, pagemap, kind)
		default:
			return nil, fmt.Errorf("pages of process %d: %w", pid, gone(errno))
		}
		for _, one := range regions[:n] {
			ranges = join(ranges, Range{one.start, one.end})
		}
		argument.start = argument.walkEnd
	}
	return ranges, nil
}

// join appends a range, to the last one if it follows it.
func join(ranges []Range, next Range) []Range {
	if last := len(ranges) - 1; last >= 0 && ranges[last].End == next.Start {
		ranges[last].End = next.End
		return ranges
	}
	return append(ranges, next)
}

// Bits of an entry of pagemap.
const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
)

// walk reads pagemap, 8 bytes a page, over the mappings that may be read.
func walk(pid int, pagemap *os.File, kind uint64) ([]Range, error) {
	bit := uint64(entryPresent)
	if kind == isSwapped {
		bit = entrySwapped
	}
	mappings, err := mappings(pid)
	if err != nil {
		return nil, err
	}
	page := uint64(os.Getpagesize())
	entries := make([]byte, 64<<10)
	var ranges []Range
	for _, mapping := range mappings {
		for at := mapping.Start; at < mapping.End; {
			n, err := pagemap.ReadAt(entries[:min(uint64(len(entries)), (mapping.End-at)/page*8)], int64(at/page*8))
			if n < 8 {
				if err != nil && gone(err) != err {
					return nil, gone(err)
				}
				break // it was unmapped meanwhile
			}
			for i := 0; i+8 <= n; i += 8 {
				if *(*uint64)(unsafe.Pointer(&entries[i]))&bit != 0 {
					ranges = join(ranges, Range{at, at + page})
				}
				at += page
			}
		}
	}
	return ranges, nil
}

// mappings are the ranges of /proc/PID/maps that may be read: what is only reserved is left out, and
// the kernel's own pages.
func mappings(pid int) ([]Range, error) {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		return nil, gone(err)
	}
	var all []Range
	for line := range bytes.Lines(content) { // 7f0a-7f0b r-xp 00000000 fe:00 1234 /usr/bin/node
		addresses, rest, _ := bytes.Cut(line, []byte(" "))
		from, to, ok := bytes.Cut(addresses, []byte("-"))
		if !ok || len(rest) < 4 || rest[0] != 'r' || bytes.HasSuffix(bytes.TrimSpace(line), []byte("[vsyscall]")) {
			continue
		}
		start, err1 := strconv.ParseUint(string(from), 16, 64)
		end, err2 := strconv.ParseUint(string(to), 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		all = append(all, Range{start, end})
	}
	return all, nil
}
