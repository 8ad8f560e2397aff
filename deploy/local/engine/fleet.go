package engine

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"

	"slicegate/runner/firewall"
	"slicegate/runner/probe"
)

// fleetLabel is on every container and network of a fleet; its value is the fleet's name.
const fleetLabel = "slicegate.fleet"

// Stop stops every running container with a label, KEY=value.
func (e *Engine) Stop(ctx context.Context, label string) error {
	return e.stopContainers(ctx, label)
}

// Remove removes every container and network with a label, KEY=value, and the control
// groups that they leave empty; of a whole fleet, the counters of its packets too.
func (e *Engine) Remove(ctx context.Context, label string) error {
	_, err := e.remove(ctx, label)
	return errors.Join(err, removePins(label))
}

// RemoveSettled removes like Remove, until for a second there was nothing more: what a
// client had just asked for when it was stopped, the engine still does.
func (e *Engine) RemoveSettled(ctx context.Context, label string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for last := time.Now(); time.Since(last) < time.Second; {
		found, err := e.remove(ctx, label)
		if err != nil {
			return err
		}
		if found > 0 {
			last = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return removePins(label)
}

// removePins ends the counting of a fleet's packets, if the label is that of one.
func removePins(label string) error {
	fleet, ok := strings.CutPrefix(label, fleetLabel+"=")
	if !ok {
		return nil
	}
	return probe.Remove(filepath.Join(bpffs, "slicegate-"+fleet))
}

// Fleets are the names of the fleets that have a container or a network.
func (e *Engine) Fleets(ctx context.Context) ([]string, error) {
	with := filters.NewArgs(filters.Arg("label", fleetLabel))
	containers, err := e.Client.ContainerList(ctx, container.ListOptions{All: true, Filters: with})
	if err != nil {
		return nil, err
	}
	networks, err := e.Client.NetworkList(ctx, network.ListOptions{Filters: with})
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, one := range containers {
		names[one.Labels[fleetLabel]] = true
	}
	for _, one := range networks {
		names[one.Labels[fleetLabel]] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func (e *Engine) remove(ctx context.Context, label string) (count int, err error) {
	with := filters.NewArgs(filters.Arg("label", label))
	found, err := e.Client.ContainerList(ctx, container.ListOptions{All: true, Filters: with})
	if err != nil {
		return 0, err
	}
	failures := []error{e.removeContainers(ctx, found)}
	networks, err := e.Client.NetworkList(ctx, network.ListOptions{Filters: with})
	failures = append(failures, err)
	for _, one := range networks {
		failures = append(failures, ignoreGone(e.Client.NetworkRemove(ctx, one.ID)))
	}
	if fleet, ok := strings.CutPrefix(label, fleetLabel+"="); ok {
		failures = append(failures, firewall.Wall{Fleet: fleet}.Remove(ctx))
	}
	return len(found) + len(networks), errors.Join(failures...)
}

// RemoveMounting removes every container that has something below one of the folders
// mounted: whatever it is called, it is of the system that these folders are of. The
// networks of its fleet go too, if nothing else uses them.
func (e *Engine) RemoveMounting(ctx context.Context, folders ...string) error {
	all, err := e.Client.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(all, func(one container.Summary) bool {
		return !slices.ContainsFunc(one.Mounts, func(mount container.MountPoint) bool {
			return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(mount.Source+"/", folder+"/") })
		})
	})
	fleets := map[string]bool{}
	for _, one := range ours {
		fleets[one.Labels[fleetLabel]] = true
	}
	delete(fleets, "")
	return errors.Join(e.removeContainers(ctx, ours), e.removeUnused(ctx, func(one network.Inspect) bool { return fleets[one.Labels[fleetLabel]] }))
}

// RemoveDeserted removes the networks of fleets of Go tests (t and eight letters or
// digits) that were made since and have no container, and the fleets' control groups.
func (e *Engine) RemoveDeserted(ctx context.Context, since time.Time) error {
	err := e.removeUnused(ctx, func(one network.Inspect) bool {
		return ofGoTest.MatchString(one.Labels[fleetLabel]) && one.Created.After(since)
	})
	removeGroups("t????????s", "t????????s.slice")
	return err
}

// removeUnused removes those networks that match and that no running container is in.
func (e *Engine) removeUnused(ctx context.Context, match func(network.Inspect) bool) error {
	networks, err := e.Client.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", fleetLabel))})
	if err != nil {
		return err
	}
	var failures []error
	for _, one := range networks {
		if !match(one) {
			continue
		}
		if err := e.Client.NetworkRemove(ctx, one.ID); err != nil && !errdefs.IsPermissionDenied(err) { // which is: in use
			failures = append(failures, ignoreGone(err))
		} else if err == nil {
			failures = append(failures, firewall.Wall{Fleet: one.Labels[fleetLabel]}.Remove(ctx))
		}
	}
	return errors.Join(failures...)
}

var ofGoTest = regexp.MustCompile(`^t[a-z0-9]{8}$`)

func (e *Engine) removeContainers(ctx context.Context, found []container.Summary) error {
	parents := map[string]bool{}
	var work errgroup.Group
	work.SetLimit(20)
	for _, one := range found {
		if details, err := e.Client.ContainerInspect(ctx, one.ID); err == nil && details.HostConfig != nil {
			parents[details.HostConfig.CgroupParent] = true
		}
		work.Go(func() error {
			return ignoreGone(e.Client.ContainerRemove(ctx, one.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}))
		})
	}
	err := work.Wait()
	for parent := range parents {
		removeGroups(parent)
	}
	return err
}

// ignoreGone lets pass what was removed meanwhile, or is just being.
func ignoreGone(err error) error {
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return err
}
