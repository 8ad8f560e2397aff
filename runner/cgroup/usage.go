package cgroup

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a group has and what it has had.
type Usage struct {
	Resident int64 // bytes of RAM that it is charged for, its page cache and the kernel's for it included
	Swapped  int64 // bytes in swap, before they are compressed
	Anon     int64 // bytes of RAM that have no file
	File     int64 // bytes of RAM that are of files, tmpfs included

	// Since the group was made:
	RefaultAnon uint64        // pages that were pushed to swap and soon wanted back
	RefaultFile uint64        // pages of files that were dropped and soon wanted back
	Pressure    time.Duration // that at least one of its tasks waited for memory; -1 where the kernel keeps no PSI
	CPU         time.Duration // used by all its tasks
	OOMKills    uint64        // processes that were killed because it reached its limit
}

// Usage reads all figures of a group, from six small files. A group that is no
// more is ErrGone.
func (m Memory) Usage(g Group) (Usage, error) {
	file := borrow()
	defer file.giveBack()
	var u Usage
	for _, part := range []func(Group, *text) error{u.amounts, u.stat, u.kills, u.cpu, u.pressure} {
		if err := part(g, file); err != nil {
			return Usage{}, gone(err)
		}
	}
	return u, nil
}

func (u *Usage) amounts(g Group, file *text) (err error) {
	u.Resident, u.Swapped, err = g.used(file)
	return err
}

// stat reads memory.stat, whose figures include those of the groups below: version 1 has them
// under names of their own.
func (u *Usage) stat(g Group, file *text) error {
	if err := file.read(g.memory + "/memory.stat"); err != nil {
		return err
	}
	for name, value := range file.pairs() {
		switch string(name) {
		case "workingset_refault_anon", "total_workingset_refault_anon":
			u.RefaultAnon = value
		case "workingset_refault_file", "total_workingset_refault_file":
			u.RefaultFile = value
		case "anon", "total_rss":
			u.Anon = int64(value)
		case "file", "total_cache":
			u.File = int64(value)
		}
	}
	return nil
}

func (u *Usage) kills(g Group, file *text) error {
	name := "/memory.events"
	if g.hybrid {
		name = "/memory.oom_control"
	}
	if err := file.read(g.memory + name); err != nil {
		return err
	}
	for name, value := range file.pairs() {
		if string(name) == "oom_kill" {
			u.OOMKills = value
		}
	}
	return nil
}

// cpu reads cgroup2's own clock, which runs on hybrid hosts and without the cpu controller too.
func (u *Usage) cpu(g Group, file *text) error {
	if err := file.read(g.unified + "/cpu.stat"); err != nil {
		return err
	}
	for name, value := range file.pairs() {
		if string(name) == "usage_usec" {
			u.CPU = time.Duration(value) * time.Microsecond
		}
	}
	return nil
}

func (u *Usage) pressure(g Group, file *text) (err error) {
	u.Pressure, err = file.pressure(g.unified+"/memory.pressure", "some")
	return err
}

// pressure is one total of a pressure file; -1 where the kernel keeps none (psi=0, or switched off
// for the group).
func (t *text) pressure(path, of string) (time.Duration, error) {
	err := t.read(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	microseconds, ok := t.total(of)
	if !ok {
		return -1, nil
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}
