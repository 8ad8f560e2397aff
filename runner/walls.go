package main

import (
	"context"
	"log/slog"
	"net/netip"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/firewall"
)

// openWalls makes the firewall that the settings describe, and says which resolvers it lets
// slices ask.
func openWalls(settings config.Runner) (jobs.Walls, []netip.Addr, error) {
	resolvers := settings.SliceDNS
	if len(resolvers) == 0 {
		var err error
		if resolvers, err = firewall.Resolvers("/"); err != nil {
			return nil, nil, err
		}
	}
	if settings.Firewall == "off" {
		slog.Warn("FIREWALL=off: slices reach this machine and each other; not for anybody's real data")
		return noWalls{}, resolvers, nil
	}
	return firewall.Wall{
		Fleet: settings.Fleet, Bridge: firewall.Bridge(settings.Fleet), Resolvers: resolvers, Ports: settings.SliceEgress,
	}, resolvers, nil
}

// noWalls is FIREWALL=off.
type noWalls struct{}

func (noWalls) Ensure(context.Context) ([]string, error) { return nil, nil }
