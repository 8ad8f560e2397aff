package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// piece is how much one write asks the kernel for: between small ones it can be looked whether to
	// go on.
	piece = 1 << 20
	// least is what is worth a write at all.
	least = 256 << 10
)

var (
	// ErrNoRoom says that nothing would come: what the group has can only go to swap, and there is
	// none, or it is full.
	ErrNoRoom = errors.New("there is no swap left for it, and no page cache to drop")
	// ErrBusy says that somebody else reclaims from the same group.
	ErrBusy = errors.New("memory is being reclaimed from it already")
)

// Reclaim pushes this many bytes of a group to swap, or drops them if they are of files, and tells
// how many went: those that are still being written to swap are counted. That less went than was asked
// is no error. If ctx ends, what went until then is told with its error. One caller at a time: another
// is ErrBusy.
//
// On version 2 it writes memory.reclaim. A hybrid host has nothing of that kind: there the group's
// limit is lowered to what it should keep, which takes just as much, and put back at once.
func (m Memory) Reclaim(ctx context.Context, g Group, bytes int64) (given int64, err error) {
	release, err := g.claim()
	if err != nil {
		return 0, gone(err)
	}
	defer release()
	file := borrow()
	defer file.giveBack()
	could, has, err := m.room(g, file)
	if err != nil {
		return 0, gone(err)
	}
	if could < least {
		if has < least {
			return 0, nil
		}
		return 0, ErrNoRoom
	}
	resident, swapped, err := g.used(file)
	if err != nil {
		return 0, gone(err)
	}
	ask := g.ask
	if g.hybrid {
		ask = g.lower
	}
	bytes = min(bytes, could)
	for all := true; all && given < bytes; {
		if err := context.Cause(ctx); err != nil {
			return given, err
		}
		var failed error
		all, failed = ask(ctx, min(bytes-given, piece))
		nowResident, nowSwapped, err := g.used(file)
		if err != nil {
			return given, gone(errors.Join(failed, err))
		}
		// A page on its way to a disk is charged in RAM until it is there, and the kernel, which does
		// not count it, would go on to the next ones.
		given = max(given, resident-nowResident, nowSwapped-swapped)
		if failed != nil {
			return given, gone(failed)
		}
	}
	return given, nil
}

// claim takes the group for one caller, of any process. The kernel lets go of it when that one dies.
func (g Group) claim() (release func(), err error) {
	fd, err := retried(func() (int, error) { return unix.Open(g.memory, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: g.memory, Err: err}
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, fmt.Errorf("%s: %w", g.memory, err)
	}
	return func() { unix.Close(fd) }, nil
}

// room is how many bytes could come of the group at most: its page cache, and as much of the rest
// as swap has room for. A write that asks for more hangs for minutes where nothing comes. What it has
// is told too, whether there is room for it or not.
func (m Memory) room(g Group, file *text) (could, has int64, err error) {
	anon, cache, err := g.lists(file)
	if err != nil {
		return 0, 0, err
	}
	var server ServerUsage
	if err := server.meminfo(m, file); err != nil {
		return 0, 0, err
	}
	swap := server.SwapFree
	if g.hybrid {
		if swap -= reserve; swap <= 0 {
			return 0, anon + cache, nil // a group that grew at the wrong moment could be killed for it
		}
	} else {
		most, err := file.number(g.memory + "/memory.swap.max")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, 0, err
		}
		if err == nil && most != unlimited {
			_, swapped, err := g.used(file)
			if err != nil {
				return 0, 0, err
			}
			swap = min(swap, max(0, most-swapped))
		}
	}
	return min(anon, swap) + cache, anon + cache, nil
}

// lists are how many bytes the group has that can go to swap, and that can be dropped.
func (g Group) lists(file *text) (anon, cache int64, err error) {
	prefix := ""
	if g.hybrid {
		prefix = "total_"
	}
	if err := file.read(g.memory + "/memory.stat"); err != nil {
		return 0, 0, err
	}
	for name, value := range file.pairs() {
		switch string(name) {
		case prefix + "active_anon", prefix + "inactive_anon":
			anon += int64(value)
		case prefix + "active_file", prefix + "inactive_file":
			cache += int64(value)
		}
	}
	return anon, cache, nil
}

// ask writes memory.reclaim; all is false if less came.
func (g Group) ask(ctx context.Context, bytes int64) (all bool, err error) {
	path := g.memory + "/memory.reclaim"
	switch err := write(ctx, path, bytes); {
	case errors.Is(err, unix.EAGAIN):
		return false, nil
	case errors.Is(err, os.ErrNotExist):
		if _, gone := os.Stat(g.memory); gone == nil {
			return false, fmt.Errorf("the kernel has no memory.reclaim: Linux 5.19 or newer is needed: %w", errors.ErrUnsupported)
		}
		return false, err
	default:
		return err == nil, err
	}
}
