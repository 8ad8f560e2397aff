package cgroup

import (
	"context"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reserve is how many bytes of swap a hybrid host must have left beyond what is asked for.
const reserve = 32 << 20

// lower takes bytes of a group by lowering its limit to what it should keep; all is false if less
// came. The kernel first frees, under the old limit, and lowers it only when the group fits: so the
// low limit holds from then until it is put back, some microseconds, in which a group that grows
// pushes out more of itself. A process that is killed just then leaves it low: see Restore.
func (g Group) lower(ctx context.Context, bytes int64) (all bool, err error) {
	file := borrow()
	defer file.giveBack()
	limit, err := file.number(g.memory + limitFile)
	if err != nil {
		return false, err
	}
	usage, _, err := g.used(file)
	if err != nil {
		return false, err
	}
	if usage <= bytes {
		return false, nil
	}
	defer func() {
		// Not ctx: what was lowered is put back whatever ended.
		err = errors.Join(err, g.limit(limit))
	}()
	for range tries {
		err = write(ctx, g.memory+limitFile, usage-bytes)
		if !errors.Is(err, unix.EBUSY) {
			lowered()
			return err == nil, err
		}
	}
	return false, nil
}

// tries is how often the kernel may find nothing at first sight before there is nothing: pages that
// were used lately are passed over once. It is what memory.reclaim does by itself.
const tries = 16

const limitFile = "/memory.limit_in_bytes"

// lowered is called where a process that is killed leaves a low limit; for a test.
var lowered = func() {}

// Restore gives a group its memory limit, in bytes, if it has a lower one, and tells whether it had: a
// runner that was killed while it reclaimed on a hybrid host may have left that. On version 2 limits
// are never touched, and nothing is done. A group that is being reclaimed from is left alone.
func (m Memory) Restore(g Group, limit int64) (restored bool, err error) {
	if !g.hybrid {
		return false, nil
	}
	release, err := g.claim()
	if errors.Is(err, ErrBusy) {
		return false, nil
	}
	if err != nil {
		return false, gone(err)
	}
	defer release()
	file := borrow()
	defer file.giveBack()
	current, err := file.number(g.memory + limitFile)
	if err != nil {
		return false, gone(err)
	}
	page := int64(os.Getpagesize())
	if current >= limit/page*page { // the kernel keeps whole pages
		return false, nil
	}
	return true, gone(g.limit(limit))
}

func (g Group) limit(bytes int64) error {
	return os.WriteFile(g.memory+limitFile, []byte(strconv.FormatInt(bytes, 10)), 0)
}
