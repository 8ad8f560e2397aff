package cgroup_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
)

func TestRangesInCommonAndTogether(t *testing.T) {
	t.Parallel()
	type ranges = []cgroup.Range
	for _, test := range []struct{ a, b, both, either ranges }{
		{nil, nil, nil, nil},
		{nil, ranges{{1, 2}}, nil, ranges{{1, 2}}},
		{ranges{{10, 20}}, ranges{{20, 30}}, nil, ranges{{10, 30}}},
		{ranges{{10, 20}}, ranges{{5, 12}, {14, 16}, {18, 40}}, ranges{{10, 12}, {14, 16}, {18, 20}}, ranges{{5, 40}}},
		{ranges{{10, 20}, {30, 40}, {50, 60}}, ranges{{0, 35}, {55, 57}}, ranges{{10, 20}, {30, 35}, {55, 57}}, ranges{{0, 40}, {50, 60}}},
		{ranges{{10, 20}, {50, 60}}, ranges{{30, 40}}, nil, ranges{{10, 20}, {30, 40}, {50, 60}}},
	} {
		for range 2 {
			if got := cgroup.Both(test.a, test.b); !slices.Equal(got, test.both) {
				t.Errorf("%v and %v have %v in common, want %v", test.a, test.b, got, test.both)
			}
			if got := cgroup.Either(test.a, test.b); !slices.Equal(got, test.either) {
				t.Errorf("%v and %v together are %v, want %v", test.a, test.b, got, test.either)
			}
			test.a, test.b = test.b, test.a
		}
	}
}

// pushOut pushes all of a tenant to swap that goes there.
func pushOut(t testing.TB, tenant *cgrouptest.Tenant) {
	t.Helper()
	if _, err := machine.Reclaim(context.Background(), tenant.Group, 1<<30); err != nil {
		t.Fatal(err)
	}
}

func swapped(t testing.TB, pid int, within cgroup.Range) []cgroup.Range {
	t.Helper()
	ranges, err := cgroup.Swapped(pid)
	if err != nil {
		t.Fatal(err)
	}
	return cgroup.Both([]cgroup.Range{within}, ranges)
}

// majorFaults is how often a process waited for a page: the 12th field of its stat, after its name.
func majorFaults(t *testing.T, pid int) int {
	t.Helper()
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), ") ")
	faults, err := strconv.Atoi(strings.Fields(rest)[9])
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

func TestPagesThatWereWantedBackAreLearnedAndBroughtBackAhead(t *testing.T) {
	cgrouptest.Swap(t, 128*mb)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	held := tenant.Hold(40 * mb)
	if ranges := swapped(t, tenant.PID, held); len(ranges) > 0 {
		t.Fatalf("in swap before anything was pushed there: %v", ranges)
	}
	pushOut(t, tenant)
	before := swapped(t, tenant.PID, held)
	if size := cgroup.Size(before); size < 36*mb {
		t.Fatalf("%d bytes of 40 MB are in swap", size)
	}
	walked, err := cgroup.SwappedByWalk(tenant.PID)
	if walked = cgroup.Both([]cgroup.Range{held}, walked); err != nil || !slices.Equal(walked, before) {
		t.Errorf("page by page: %v, %v, by the kernel's own scan: %v", walked, err, before)
	}

	tenant.Touch(10 * mb)
	present, err := cgroup.Present(tenant.PID)
	if err != nil {
		t.Fatal(err)
	}
	hot := cgroup.Both(before, present)
	if want := cgroup.Both(before, []cgroup.Range{{Start: held.Start, End: held.Start + 10*mb}}); !slices.Equal(hot, want) {
		t.Errorf("learned %v, want %v", hot, want)
	}

	pushOut(t, tenant)
	out := cgroup.Both(hot, swapped(t, tenant.PID, held))
	if cgroup.Size(out) < 9*mb {
		t.Fatalf("%d bytes of the hot set are in swap", cgroup.Size(out))
	}
	// One of the ranges is not the process's any more.
	given, err := cgroup.Prefetch(t.Context(), tenant.PID, append([]cgroup.Range{{Start: 1 << 20, End: 2 << 20}}, hot...))
	if err != nil || given != cgroup.Size(hot)+mb {
		t.Errorf("went through %d bytes, %v", given, err)
	}
	if still := cgroup.Both(hot, swapped(t, tenant.PID, held)); len(still) > 0 {
		t.Errorf("still in swap: %v", still)
	}
	if rest := cgroup.Size(swapped(t, tenant.PID, held)); rest < 25*mb {
		t.Errorf("only %d bytes are left in swap: more came back than was asked for", rest)
	}
	// A tenant's first command wakes its own code, in as many faults as that takes.
	tenant.Touch(0)
	faults := majorFaults(t, tenant.PID)
	tenant.Touch(10 * mb)
	if pages, waited := int(cgroup.Size(hot))/os.Getpagesize(), majorFaults(t, tenant.PID)-faults; waited > pages/100 {
		t.Errorf("the tenant waited for %d of %d pages that had been brought back", waited, pages)
	}
}

func TestPagesOfAProcessThatIsNoMore(t *testing.T) {
	t.Parallel()
	const none = 1<<22 - 1 // above the largest pid there can be
	_, err1 := cgroup.Swapped(none)
	_, err2 := cgroup.Present(none)
	_, err3 := cgroup.Prefetch(t.Context(), none, []cgroup.Range{{Start: 1 << 20, End: 2 << 20}})
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, cgroup.ErrGone) {
			t.Error(err)
		}
	}
}

func TestPrefetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if given, err := cgroup.Prefetch(ctx, os.Getpid(), []cgroup.Range{{Start: 1 << 20, End: 2 << 20}}); given != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", given, err)
	}
}

// BenchmarkWake tells what the first look at 40 MB costs a process: out of swap, after
// process_madvise alone, after Prefetch, and of memory that was never pushed out.
func BenchmarkWake(b *testing.B) {
	const size = 40 * mb
	cgrouptest.Swap(b, 128*mb)
	tenant := cgrouptest.Start(b, cgrouptest.Make(b))
	held := []cgroup.Range{tenant.Hold(size)}
	var cold, read, ahead, written, resident, reading, bringing float64
	for b.Loop() {
		pushOut(b, tenant)
		tenant.Touch(0)
		cold += tenant.Look(size).Seconds()
		resident += tenant.Look(size).Seconds()

		pushOut(b, tenant)
		tenant.Touch(0)
		process, err := unix.PidfdOpen(tenant.PID, 0)
		if err != nil {
			b.Fatal(err)
		}
		reading += seconds(func() { err = cgroup.WillNeed(process, held) })
		if err := errors.Join(err, unix.Close(process)); err != nil {
			b.Fatal(err)
		}
		read += tenant.Look(size).Seconds()

		pushOut(b, tenant)
		tenant.Touch(0)
		bringing += seconds(func() { _, err = cgroup.Prefetch(context.Background(), tenant.PID, held) })
		if err != nil {
			b.Fatal(err)
		}
		ahead += tenant.Look(size).Seconds()
		written += tenant.Touch(size).Seconds()
	}
	n := float64(b.N)
	b.ReportMetric(cold/n*1e3, "ms/out-of-swap")
	b.ReportMetric(read/cold, "share/after-madvise")
	b.ReportMetric(ahead/cold, "share/after-prefetch")
	b.ReportMetric(written/cold, "share/first-write-after-it")
	b.ReportMetric(resident/cold, "share/resident")
	b.ReportMetric(reading/n*1e3, "ms/madvise")
	b.ReportMetric(bringing/n*1e3, "ms/prefetch")
	b.ReportMetric(0, "ns/op")
}
