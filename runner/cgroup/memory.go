// Package cgroup is the runner's hand on the kernel's control groups of slices.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"slicegate/jobs"
)

// Memory implements jobs.Memory on the kernel's files below Root, which is "/" but in tests.
type Memory struct{ Root string }

var _ jobs.Memory = Memory{}

// Available implements jobs.Memory: MemAvailable, the kernel's own estimate.
func (m Memory) Available() (int64, error) {
	path := filepath.Join(m.Root, "proc/meminfo")
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line) // MemAvailable:   23490000 kB
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", path, err)
			}
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no MemAvailable", path)
}

// Used implements jobs.Memory: what the container's control group is charged for, its page cache
// included. On a hybrid host the figures are the version 1 controller's.
func (m Memory) Used(container jobs.Container) (resident, swapped int64, err error) {
	content, err := os.ReadFile(filepath.Join(m.Root, "proc", strconv.Itoa(container.PID), "cgroup"))
	if err != nil {
		return 0, 0, err
	}
	unified, v1 := "", ""
	for line := range strings.Lines(string(content)) { // 0::/slices/ID or 5:memory:/slices/ID
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) < 3:
		case parts[0] == "0":
			unified = parts[2]
		case parts[1] == "memory":
			v1 = parts[2]
		}
	}
	if v1 == "" {
		dir := filepath.Join(m.Root, "sys/fs/cgroup", unified)
		resident, err = number(dir, "memory.current")
		if err != nil {
			return 0, 0, err
		}
		swapped, err = number(dir, "memory.swap.current")
		return resident, swapped, absentIsZero(err)
	}
	dir := filepath.Join(m.Root, "sys/fs/cgroup/memory", v1)
	resident, err = number(dir, "memory.usage_in_bytes")
	if err != nil {
		return 0, 0, err
	}
	both, err := number(dir, "memory.memsw.usage_in_bytes")
	return resident, max(0, both-resident), absentIsZero(err)
}

func number(dir, name string) (int64, error) {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
}

// absentIsZero: a kernel that does not account for swap has no file of it.
func absentIsZero(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
