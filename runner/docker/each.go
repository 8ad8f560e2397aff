package docker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"slicegate/jobs"
)

// seen are containers by their ids, as they were when they were last found running. While its first process lives,
// nothing that jobs know of a container changes, and the engine need not be asked for each of them: it answers with
// some 8 KB, and to read them twice a minute was a quarter to a third of the CPU of a sample.
type seen struct {
	mu   sync.Mutex
	runs map[string]jobs.Container
}

// Each implements jobs.Containers.
func (e *Engine) Each(ctx context.Context) ([]jobs.Container, error) {
	listed, err := e.client.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", LabelFleet+"="+e.config.Fleet)),
	})
	if err != nil {
		return nil, err
	}
	var all []jobs.Container
	runs := map[string]jobs.Container{}
	for _, one := range listed {
		if one.Labels[LabelExport] != "" {
			continue
		}
		state, there, err := e.one(ctx, one)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		all = append(all, state)
		if state.Running {
			runs[one.ID] = state
		}
	}
	e.seen.mu.Lock()
	defer e.seen.mu.Unlock()
	e.seen.runs = runs
	return all, nil
}

// one is a container of the engine's list, as it was seen before or as the engine says.
func (e *Engine) one(ctx context.Context, listed container.Summary) (state jobs.Container, there bool, err error) {
	e.seen.mu.Lock()
	state, before := e.seen.runs[listed.ID]
	e.seen.mu.Unlock()
	if before && listed.State == container.StateRunning && lives(state.PID, listed.ID) {
		return state, true, nil
	}
	slice, err := strconv.ParseInt(listed.Labels[LabelSlice], 10, 64)
	if err != nil {
		return state, false, fmt.Errorf("label %s of %s: %w", LabelSlice, listed.ID, err)
	}
	found, err := e.client.ContainerInspect(ctx, listed.ID)
	if errdefs.IsNotFound(err) {
		return state, false, nil
	}
	if err != nil {
		return state, false, err
	}
	state, err = e.stateOf(slice, found)
	return state, err == nil, err
}

// lives tells whether a process is one of a container's: the engine names control groups after their containers.
func lives(pid int, container string) bool {
	groups, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && bytes.Contains(groups, []byte(container))
}
