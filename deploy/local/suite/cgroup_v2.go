package suite

import (
	"context"
	"path/filepath"

	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/vm"
)

// v2Tests are those that a server's own kind of control groups is needed for, whatever this machine has.
var v2Tests = []vm.Tests{
	{Package: "./runner/cgroup", Run: "V2|Pages|Processes"},
	{Package: "./runner/reclaim", Run: "V2"},
	{Package: "./runner/probe", Run: "Killed|TakesOver|Group|Check|Opens|Watch|Privileged|Parent|Loopback|Fragments|Synthetic"},
}

// cgroupV2 runs them in a virtual machine.
func (e *Environment) cgroupV2(ctx context.Context, line func(string)) error {
	if err := (packages.Installer{Root: "/", Say: e.report.Println, Note: line}).Ensure(ctx, vm.Needs...); err != nil {
		return err
	}
	modules, err := e.moduleCache(ctx)
	if err != nil {
		return err
	}
	return vm.Machine{
		Root: e.root, Cache: filepath.Join(e.root, "var", "kernel"), Dir: e.State.Path("scratch", "vm"),
		Env: append(e.testVariables(), "GOMODCACHE="+modules), Line: line,
	}.Run(ctx, v2Tests...)
}
