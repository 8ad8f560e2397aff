package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Group is one control group: that of a slice's container. It stays the same as long as the
// container runs, and may be compared and kept.
type Group struct {
	// ID is the inode of its cgroup2 directory, by which eBPF programs know it.
	ID uint64

	memory  string // directory of the memory controller
	unified string // directory in cgroup2
	hybrid  bool   // the memory controller is version 1's
}

// String is the group's path in cgroup2.
func (g Group) String() string { return g.unified }

// ErrGone is in the error of what was asked of a group, or process, that is no more.
var ErrGone = errors.New("it has ended")

// Group finds the control group of a process: for a container's, that of its first one. A process
// that is no more is ErrGone.
func (m Memory) Group(pid int) (Group, error) {
	g, err := m.locate(pid)
	if err != nil {
		return Group{}, gone(err)
	}
	info, err := os.Stat(g.unified)
	if err != nil {
		return Group{}, gone(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Group{}, fmt.Errorf("%s has no inode", g.unified)
	}
	g.ID = stat.Ino
	return g, nil
}

// locate gives a group without its ID, which takes a cgroup2 that is mounted.
func (m Memory) locate(pid int) (Group, error) {
	content, err := os.ReadFile(filepath.Join(m.Root, "proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return Group{}, err
	}
	root := filepath.Join(m.Root, "sys/fs/cgroup")
	g := Group{}
	for line := range strings.Lines(string(content)) { // 0::/slices/ID or 5:memory:/slices/ID
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) < 3:
		case parts[0] == "0":
			g.unified = parts[2]
		case parts[1] == "memory":
			g.memory, g.hybrid = filepath.Join(root, "memory", parts[2]), true
		}
	}
	if g.hybrid {
		g.unified = filepath.Join(root, "unified", g.unified)
		return g, nil
	}
	if g.unified == "" {
		return Group{}, fmt.Errorf("process %d is in no control group that has memory", pid)
	}
	g.unified = filepath.Join(root, g.unified)
	g.memory = g.unified
	return g, nil
}

// gone adds ErrGone to the errors by which the kernel says so.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}
