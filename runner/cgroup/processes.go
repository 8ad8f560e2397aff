package cgroup

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
)

// Processes are the ids of the processes of a group and of those below it, in no order.
func (m Memory) Processes(g Group) ([]int, error) { return ProcessesBelow(g.unified) }

// ProcessesBelow is Processes of the group in a directory, of whatever hierarchy. One that is no more is
// ErrGone.
func ProcessesBelow(dir string) ([]int, error) {
	var all []int
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if path != dir && errors.Is(gone(err), ErrGone) {
			return nil // a group below ended meanwhile
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		pids, err := procs(path)
		all = append(all, pids...)
		if path != dir && errors.Is(gone(err), ErrGone) {
			return nil
		}
		return err
	})
	return all, gone(err)
}

func procs(dir string) ([]int, error) {
	file := borrow()
	defer file.giveBack()
	if err := file.read(dir + "/cgroup.procs"); err != nil {
		return nil, err
	}
	var pids []int
	for _, word := range bytes.Fields(file.content) {
		pid, err := strconv.Atoi(string(word))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
