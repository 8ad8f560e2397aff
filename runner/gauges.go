package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/probe"
	"slicegate/runner/reclaim"
)

// gauges are the kernel's figures of containers, as jobs need them.
type gauges struct{ memory cgroup.Memory }

// Usage implements jobs.Gauges.
func (g gauges) Usage(container jobs.Container) (uint64, jobs.Usage, error) {
	group, err := g.memory.Group(container.PID)
	if err != nil {
		return 0, jobs.Usage{}, err
	}
	usage, err := g.memory.Usage(group)
	return group.ID, jobs.Usage(usage), err
}

// Group implements jobs.Gauges.
func (g gauges) Group(container jobs.Container) (uint64, error) {
	group, err := g.memory.Group(container.PID)
	return group.ID, err
}

// Server implements jobs.Gauges.
func (g gauges) Server() (jobs.ServerUsage, error) {
	usage, err := g.memory.Server()
	return jobs.ServerUsage(usage), err
}

// traffic is the probe, or why there is none: a server that cannot count packets works all the same,
// but takes memory from nobody, because it cannot see who is idle.
type traffic struct {
	probe *probe.Probe
	why   error
}

// openTraffic begins to count, or goes on where the last runner was.
func openTraffic(ctx context.Context, settings config.Runner, parent string) traffic {
	dir, err := probe.Parent(parent)
	if err == nil {
		var opened *probe.Probe
		opened, err = probe.Open(ctx, probe.Config{
			Parent: dir, Pins: filepath.Join(settings.ProbePins, "slicegate-"+settings.Fleet),
			Say: func(what string) { slog.InfoContext(ctx, "the counting of packets", "what", what) },
		})
		if err == nil {
			return traffic{probe: opened}
		}
	}
	slog.WarnContext(ctx, "packets are not counted: idle slices are not seen, and keep their memory", "error", err.Error())
	return traffic{why: err}
}

// watch follows containers as they come and go until ctx ends.
func (t traffic) watch(ctx context.Context) {
	if t.probe == nil {
		return
	}
	if err := t.probe.Watch(ctx); err != nil {
		slog.WarnContext(ctx, "new slices are found late, at the next look", "error", err.Error())
	}
}

func (t traffic) close() error {
	if t.probe == nil {
		return nil
	}
	return t.probe.Close()
}

// Track implements jobs.Traffic.
func (t traffic) Track(group uint64) error {
	if t.probe == nil {
		return t.why
	}
	return t.probe.Track(group)
}

// Read implements jobs.Traffic.
func (t traffic) Read(context.Context) (map[uint64]jobs.Counters, error) {
	if t.probe == nil {
		return nil, t.why
	}
	read, err := t.probe.Read()
	if err != nil {
		return nil, err
	}
	all := make(map[uint64]jobs.Counters, len(read))
	for group, counters := range read {
		all[group] = jobs.Counters{
			User: jobs.Class(counters.User), Platform: jobs.Class(counters.Platform), Upstream: jobs.Class(counters.Upstream),
		}
	}
	return all, nil
}

// Forget implements jobs.Traffic.
func (t traffic) Forget(group uint64) error {
	if t.probe == nil {
		return t.why
	}
	_, err := t.probe.Forget(group)
	return err
}

// Seen implements reclaim.Traffic.
func (t traffic) Seen() (map[uint64]reclaim.Seen, error) {
	if t.probe == nil {
		return nil, t.why
	}
	read, err := t.probe.Read()
	if err != nil {
		return nil, err
	}
	all := make(map[uint64]reclaim.Seen, len(read))
	for group, counters := range read {
		if !counters.Gone {
			all[group] = reclaim.Seen{User: counters.User.Last, UserBytes: int64(counters.User.Bytes), Upstream: int64(counters.Upstream.Bytes)}
		}
	}
	return all, nil
}
