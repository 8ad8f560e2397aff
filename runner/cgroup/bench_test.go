package cgroup_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
)

func seconds(of func()) float64 {
	started := time.Now()
	of()
	return time.Since(started).Seconds()
}

// processor is the CPU time of this process.
func processor(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkUsage is the part of a sample that is repeated for every slice: CPU time counts, not the
// time that a busy machine has it wait.
func BenchmarkUsage(b *testing.B) {
	group, err := machine.Group(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	started := processor(b)
	for b.Loop() {
		if _, err := machine.Usage(group); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processor(b)-started)/float64(b.N)/1e3, "cpu-µs/op")
}

// BenchmarkServer is the part that is done once a sample.
func BenchmarkServer(b *testing.B) {
	b.ReportAllocs()
	started := processor(b)
	for b.Loop() {
		if _, err := (cgroup.Memory{Root: "/"}).Server(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processor(b)-started)/float64(b.N)/1e3, "cpu-µs/op")
}

// BenchmarkPrefetch is how long it takes to bring a process back from a swap file ahead of its need, and
// what share that is of the time that the process takes to fault it in by itself.
func BenchmarkPrefetch(b *testing.B) {
	const size = 96 * mb
	cgrouptest.Swap(b, 2*size)
	tenant := cgrouptest.Start(b, cgrouptest.Make(b))
	held := []cgroup.Range{tenant.Hold(size)}
	var ahead, itself float64
	for b.Loop() {
		for _, one := range []struct {
			took *float64
			do   func()
		}{
			{&ahead, func() {
				if _, err := cgroup.Prefetch(b.Context(), tenant.PID, held); err != nil {
					b.Fatal(err)
				}
			}},
			{&itself, func() { tenant.Touch(size) }},
		} {
			pushOut(b, tenant)
			*one.took += seconds(one.do)
		}
	}
	b.ReportMetric(float64(size/mb)*float64(b.N)/ahead, "MB/s")
	b.ReportMetric(ahead/itself, "of-its-own-faults")
	b.ReportMetric(0, "ns/op")
}
