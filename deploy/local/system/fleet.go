package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"slicegate/deploy/local/engine"
)

// lockFleet takes a fleet's name: the containers of two systems of one name would be each
// other's.
func lockFleet(name string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join("/run/slicegate", "fleet-"+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another system on this machine runs the fleet %q: stop it, or set FLEET, SLICE_PORTS and PORT to others", name)
	}
	return file, nil
}

// RemoveAbandoned removes what throwaway systems of the prefix left that were killed.
func RemoveAbandoned(ctx context.Context, on *engine.Engine, prefix string) error {
	fleets, err := on.Fleets(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, fleet := range fleets {
		if number, ok := strings.CutPrefix(fleet, prefix); !ok || strings.Trim(number, "0123456789") != "" {
			continue
		}
		lock, err := lockFleet(fleet)
		if err != nil {
			continue // it runs
		}
		failures = append(failures, on.Remove(ctx, "slicegate.fleet="+fleet), os.Remove(lock.Name()), lock.Close())
	}
	return errors.Join(failures...)
}
