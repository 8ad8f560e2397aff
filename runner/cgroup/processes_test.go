package cgroup_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
)

func TestProcessesAreThoseBelowToo(t *testing.T) {
	above := cgrouptest.Make(t)
	// On version 2 a group that has groups has no processes of its own.
	first, second := cgrouptest.Make(t, above), cgrouptest.Make(t, above)
	want := []int{cgrouptest.Start(t, first).PID, cgrouptest.Start(t, second).PID}
	tenant := cgrouptest.Start(t, second)
	want = append(want, tenant.PID)
	stranger := cgrouptest.Start(t, cgrouptest.Make(t))
	group, err := cgroup.GroupOf(above)
	if err != nil {
		t.Fatal(err)
	}
	got, err := machine.Processes(group)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v and not %d", got, err, want, stranger.PID)
	}
}

func TestProcessesOfAGroupThatIsNoMore(t *testing.T) {
	t.Parallel()
	root := tree(t, hosts["version 2"])
	m := cgroup.Memory{Root: root}
	group, err := m.Group(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Processes(group); !errors.Is(err, cgroup.ErrGone) {
		t.Errorf("%v", err)
	}
}
