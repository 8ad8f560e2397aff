package suite

import (
	"context"
	"path/filepath"

	"slicegate/deploy/local/chaos"
)

// The short fault test has faults of most kinds, and the same ones each time. The frozen runner takes
// a minute for itself.
const (
	shortSeed   = 353
	shortFaults = 10
)

// faults runs a short fault test on a whole system of its own.
func (e *Environment) faults(ctx context.Context, line func(string)) error {
	kinds, err := chaos.Kinds("runner,functions,nginx,postgres,backend,dockerd,slice,removed,stopped,disk,docker-slow,docker-cut")
	if err != nil {
		return err
	}
	return chaos.Run(ctx, chaos.Options{
		Root: e.root, Name: filepath.Join(e.name, "faults"), Seed: shortSeed, Faults: shortFaults, Kinds: kinds,
		Image: e.Image, Report: e.report, Line: line,
	})
}
