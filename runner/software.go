package main

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"slicegate/config/observe"
	"slicegate/jobs"
	"slicegate/runner/docker"
)

// software is what the slices of this server run on.
type software struct{ engine *docker.Engine }

var _ jobs.Software = software{}

// Versions implements jobs.Software.
func (s software) Versions(ctx context.Context) (jobs.Versions, error) {
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		return jobs.Versions{}, fmt.Errorf("version of the kernel: %w", err)
	}
	engine, err := s.engine.Version(ctx)
	if err != nil {
		return jobs.Versions{}, err
	}
	return jobs.Versions{Kernel: unix.ByteSliceToString(kernel.Release[:]), Engine: engine, Runner: observe.Version()}, nil
}
