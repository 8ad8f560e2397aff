package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"slicegate/runner/cgroup"
)

// An engine that was killed may hold a container for ended, or know it no more, whose processes run
// on. To start the slice again beside them would be two browsers over one WhatsApp session. They are
// strays: they run in a control group of the fleet whose container does not run.

const strayEndsWithin = 10 * time.Second

// endStrays kills the strays of one container, which the engine says does not run ("" for none), and
// those of containers that it does not know.
func (e *Engine) endStrays(ctx context.Context, ended string) error {
	// Before the containers: each is listed before its group is made.
	groups := e.groups()
	if len(groups) == 0 {
		return nil
	}
	listed, err := e.client.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", LabelFleet+"="+e.config.Fleet)),
	})
	if err != nil {
		return err
	}
	for _, one := range listed {
		if one.ID != ended {
			delete(groups, one.ID)
		}
	}
	var failures []error
	for id, paths := range groups {
		failures = append(failures, endGroup(ctx, id, paths))
	}
	return errors.Join(failures...)
}

// parents are the directories of the fleet's parent group, in each hierarchy that has it.
func (e *Engine) parents() (all []string) {
	for _, above := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		found, _ := filepath.Glob(filepath.Join(above, e.cgroupParent)) // fails of a bad pattern alone
		all = append(all, found...)
	}
	return all
}

// groups are the directories of each container's control group, by the container's id.
func (e *Engine) groups() map[string][]string {
	all := map[string][]string{}
	for _, parent := range e.parents() {
		entries, err := os.ReadDir(parent)
		if err != nil {
			continue // it is removed with its last container
		}
		for _, entry := range entries {
			// `ID` is the cgroupfs driver's, `docker-ID.scope` systemd's.
			id := strings.TrimSuffix(strings.TrimPrefix(entry.Name(), "docker-"), ".scope")
			if entry.IsDir() && len(id) == 64 {
				all[id] = append(all[id], filepath.Join(parent, entry.Name()))
			}
		}
	}
	return all
}

// endGroup kills what runs in a container's groups, and the shim that would hold the container for
// running; containerd then forgets it.
func endGroup(ctx context.Context, id string, paths []string) error {
	ctx, cancel := context.WithTimeout(ctx, strayEndsWithin)
	defer cancel()
	killed := map[int]bool{}
	for {
		pids, err := processes(paths)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
				killed[pid] = true
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d processes of container %.12s, which the engine says does not run, do not end: %w", len(pids), id, ctx.Err())
		}
	}
	if len(killed) > 0 {
		slog.WarnContext(ctx, "processes of a container that the engine says does not run were killed", "container", id[:12], "processes", len(killed))
	}
	if err := killShim(id); err != nil {
		return err
	}
	for _, path := range paths {
		removeGroup(path)
	}
	return nil
}

// processes are those of groups and of what is below them.
func processes(paths []string) (pids []int, err error) {
	for _, path := range paths {
		here, err := cgroup.ProcessesBelow(path)
		if err != nil && !errors.Is(err, cgroup.ErrGone) {
			return nil, err
		}
		pids = append(pids, here...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// removeGroup removes an empty group with those below it, which nobody else does any more.
func removeGroup(path string) {
	var dirs []string
	_ = filepath.WalkDir(path, func(dir string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, dir)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // else it stays, empty
	}
}

// killShim kills containerd's process for one container.
func killShim(id string) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		command, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline")) // one that has ended is none
		words := strings.Split(string(command), "\x00")
		at := slices.Index(words, "-id")
		if !strings.HasPrefix(filepath.Base(words[0]), "containerd-shim") || at < 0 || at+1 >= len(words) || words[at+1] != id {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill the shim of container %.12s: %w", id, err)
		}
	}
	return nil
}
