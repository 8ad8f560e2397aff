package cgroup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
)

func TestV2UsageIsWhatTheTenantHas(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Swap(t, 256*mb)
	group := cgrouptest.Make(t)
	tenant := cgrouptest.Start(t, group)
	empty := usage(t, tenant.Group)
	tenant.Hold(100 * mb)
	full := usage(t, tenant.Group)
	if !near(full.Anon-empty.Anon, 100*mb, 4*mb) || !near(full.Resident-empty.Resident, 100*mb, 3*mb) || full.Swapped != 0 || full.RefaultAnon != 0 {
		t.Errorf("of 100 MB: %+v, before: %+v", full, empty)
	}
	var sum int64
	for range 3 {
		given, err := machine.Reclaim(t.Context(), tenant.Group, 20*mb)
		if err != nil || given < 19*mb || given > 32*mb { // a busy kernel takes a batch more, never many
			t.Errorf("of 20 MB went %d bytes, %v", given, err)
		}
		sum += given
	}
	less := usage(t, tenant.Group)
	if !near(full.Anon-less.Anon, sum, 8*mb) || !near(less.Swapped, sum, 6*mb) || less.RefaultAnon != 0 {
		t.Errorf("of 60 MB pushed out: %+v, before: %+v", less, full)
	}
	tenant.Touch(100 * mb)
	back := usage(t, tenant.Group)
	if refaults := int64(back.RefaultAnon) * int64(os.Getpagesize()); refaults < less.Swapped/2 || refaults > less.Swapped+4*mb || !near(back.Anon, full.Anon, 4*mb) || back.CPU <= less.CPU {
		t.Errorf("after all was wanted back: %+v, before: %+v", back, less)
	}
	// Whoever has less than it uses waits for memory.
	cgrouptest.Write(t, group, "memory.high", "62914560")
	tenant.Touch(100 * mb)
	if now := usage(t, tenant.Group); now.Pressure <= back.Pressure || now.OOMKills != 0 {
		t.Errorf("with 60 MB of 100: %+v, before: %+v", now, back)
	}
}

func TestV2LessThanAskedIsNoError(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Swap(t, 256*mb)
	group := cgrouptest.Make(t)
	tenant := cgrouptest.Start(t, group)
	tenant.Hold(40 * mb)
	cgrouptest.Write(t, group, "memory.swap.max", "10485760")
	given, err := machine.Reclaim(t.Context(), tenant.Group, 30*mb)
	if err != nil || given < 5*mb || given > 16*mb || usage(t, tenant.Group).Swapped > 10*mb {
		t.Errorf("with a swap limit of 10 MB came %d bytes, %v", given, err)
	}
	// The kernel gives up by itself: what it was asked for, it has not. That is EAGAIN.
	if all, err := cgroup.Ask(t.Context(), tenant.Group, 4*mb); all || err != nil {
		t.Errorf("all: %v, %v", all, err)
	}
	cgrouptest.Write(t, group, "memory.swap.max", "max")
	if given, err = machine.Reclaim(t.Context(), tenant.Group, 400*mb); err != nil || given < 26*mb {
		t.Errorf("of all came %d bytes, %v", given, err)
	}
}

func TestV2WithoutSwapNothingIsAsked(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Lock(t)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	tenant.Hold(20 * mb)
	if given, err := machine.Reclaim(t.Context(), tenant.Group, 8*mb); !errors.Is(err, cgroup.ErrNoRoom) || given != 0 {
		t.Errorf("%d, %v", given, err)
	}
}

// A write that asks for more than will ever come, of a tenant that takes back what it lost, is broken
// off by the end of its context.
func TestV2ReclaimEndsWithItsContext(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Swap(t, 128*mb)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	tenant.Hold(10 * mb)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error)
	go func() {
		for { // a write also ends where the kernel finds nothing for a while
			if _, err := cgroup.Ask(ctx, tenant.Group, 1<<40); err != nil {
				asked <- err
				return
			}
		}
	}()
	for usage(t, tenant.Group).RefaultAnon < 100 { // it is at it
		tenant.Touch(10 * mb)
	}
	cancel()
	for {
		select {
		case err := <-asked:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		default:
			tenant.Touch(10 * mb)
		}
	}
}

// TestV2StepsFindTheWorkingSet pushes out what a tenant does not use, step by step, and has to see by
// the refaults alone where what it uses begins.
func TestV2StepsFindTheWorkingSet(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Swap(t, 400*mb)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	const all, hot, step = 200 * mb, 40 * mb, 20 * mb
	tenant.Hold(all)
	hurts := uint64(step / 4 / os.Getpagesize()) // refaults of a step that cut into it
	for n := range 2 * all / step {
		tenant.Touch(hot)
		before := usage(t, tenant.Group)
		given, err := machine.Reclaim(t.Context(), tenant.Group, step)
		if err != nil {
			t.Fatal(err)
		}
		took := tenant.Touch(hot)
		after := usage(t, tenant.Group)
		refaults := after.RefaultAnon - before.RefaultAnon
		t.Logf("step %d: %3d MB, gave %2d MB, then %4d refaults, touched in %v, PSI %v", n, before.Resident/mb, given/mb, refaults, took, after.Pressure-before.Pressure)
		if n == 0 { // no page's use was known before it was first looked at
			continue
		}
		if refaults > hurts {
			if before.Resident > hot+3*step {
				t.Errorf("refaults told of a working set of %d MB, not %d", before.Resident/mb, hot/mb)
			}
			return
		}
	}
	t.Error("no step was one too far")
}

func TestV2ShieldKeepsWhatIsPushedOutOfOthers(t *testing.T) {
	cgrouptest.NeedPure(t)
	cgrouptest.Swap(t, 500*mb)
	parent := cgrouptest.Make(t)
	first, second := cgrouptest.Make(t, parent), cgrouptest.Make(t, parent)
	shielded, other := cgrouptest.Start(t, first), cgrouptest.Start(t, second)
	const size = 60 * mb
	shielded.Hold(size)
	other.Hold(size)
	if err := machine.Shield(shielded.Group, size+8*mb); err != nil {
		t.Fatal(err)
	}
	if err := machine.Shield(other.Group, 4*mb); err != nil {
		t.Fatal(err)
	}
	if low := strings.TrimSpace(cgrouptest.Read(t, parent, "memory.low")); low != "75497472" { // 72 MB
		t.Errorf("the parent shields %s bytes", low)
	}
	press(t)
	if a, b := usage(t, shielded.Group).Swapped, usage(t, other.Group).Swapped; a > mb || b < 10*mb {
		t.Errorf("%d MB of the shielded one were pushed out, and %d MB of the other", a/mb, b/mb)
	}
	for range 2 {
		if err := machine.Shield(shielded.Group, 0); err != nil {
			t.Fatal(err)
		}
	}
	if low := strings.TrimSpace(cgrouptest.Read(t, parent, "memory.low")); low != "4194304" {
		t.Errorf("the parent shields %s bytes after the shield was lifted", low)
	}
	press(t)
	if a := usage(t, shielded.Group).Swapped; a < 10*mb {
		t.Errorf("%d MB were pushed out of the one that is shielded no more", a/mb)
	}
}

// press has a stranger take more memory than is free, for a moment.
func press(t *testing.T) {
	t.Helper()
	free, err := machine.Available()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("pressure", func(t *testing.T) {
		cgrouptest.Start(t, cgrouptest.Make(t)).Hold(free + 200*mb)
	})
}

func TestV2AGroupThatEndsMeanwhileIsGone(t *testing.T) {
	cgrouptest.NeedPure(t)
	var group cgroup.Group
	t.Run("a life", func(t *testing.T) { group = cgrouptest.Start(t, cgrouptest.Make(t)).Group })
	_, err1 := machine.Usage(group)
	_, err2 := machine.Reclaim(t.Context(), group, mb)
	for _, err := range []error{err1, err2, machine.Shield(group, mb)} {
		if !errors.Is(err, cgroup.ErrGone) {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Dir(group.String())); err != nil {
		t.Error(err)
	}
}
