package cgroup

import (
	"context"
	"os"
	"strconv"
)

// SetLowered sets what happens while a group's limit is low.
func SetLowered(f func()) (restore func()) {
	before := lowered
	lowered = f
	return func() { lowered = before }
}

// SwappedByWalk is Swapped as older kernels must do it.
func SwappedByWalk(pid int) ([]Range, error) {
	pagemap, err := os.Open("/proc/" + strconv.Itoa(pid) + "/pagemap")
	if err != nil {
		return nil, err
	}
	defer pagemap.Close()
	return walk(pid, pagemap, isSwapped)
}

// WillNeed is Prefetch's first half alone.
func WillNeed(process int, ranges []Range) error {
	for _, batch := range batches(ranges) {
		if err := willNeed(process, batch); err != nil {
			return err
		}
	}
	return nil
}

// GroupOf is the group of a directory of this machine's.
func GroupOf(name string) (Group, error) {
	for _, root := range []string{"/sys/fs/cgroup/unified/", "/sys/fs/cgroup/"} {
		if _, err := os.Stat(root + name); err == nil {
			return Group{unified: root + name}, nil
		}
	}
	return Group{}, os.ErrNotExist
}

// Ask is one write to memory.reclaim.
func Ask(ctx context.Context, g Group, bytes int64) (all bool, err error) { return g.ask(ctx, bytes) }
