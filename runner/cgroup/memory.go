// Package cgroup is the runner's hand on the kernel's control groups of slices and on the memory
// of the server around them: what they use, what is pushed to swap and brought back. What is
// pushed out and when is decided elsewhere.
//
// Servers have control groups of version 2 alone. A hybrid host, whose memory controller is
// version 1's beside a cgroup2 at /sys/fs/cgroup/unified, is enough for development.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"slicegate/jobs"
)

// Memory implements jobs.Memory on the kernel's files below Root, which is "/" but in tests.
type Memory struct {
	Root string
	// Data is a path on the file system that Server tells the size of; empty is Root.
	Data string
}

var _ jobs.Memory = Memory{}

// Available implements jobs.Memory: MemAvailable, the kernel's own estimate.
func (m Memory) Available() (int64, error) {
	path := filepath.Join(m.Root, "proc/meminfo")
	file := borrow()
	defer file.giveBack()
	if err := file.read(path); err != nil {
		return 0, err
	}
	bytes, ok := int64(0), false
	for name, value := range file.pairs() { // MemAvailable:   23490000 kB
		if string(name) == "MemAvailable:" {
			bytes, ok = int64(value)<<10, true
		}
	}
	if !ok {
		return 0, fmt.Errorf("%s has no MemAvailable", path)
	}
	return bytes, nil
}

// used is how many bytes the group has of RAM, its page cache included, and of swap. On a hybrid host
// the figures are the version 1 controller's.
func (g Group) used(file *text) (resident, swapped int64, err error) {
	current, swap := "/memory.current", "/memory.swap.current"
	if g.hybrid {
		current, swap = "/memory.usage_in_bytes", "/memory.memsw.usage_in_bytes"
	}
	if resident, err = file.number(g.memory + current); err != nil {
		return 0, 0, err
	}
	swapped, err = file.number(g.memory + swap)
	if errors.Is(err, fs.ErrNotExist) { // a kernel that does not account for swap
		return resident, 0, nil
	}
	if g.hybrid { // that file has the sum of both
		swapped = max(0, swapped-resident)
	}
	return resident, swapped, err
}
