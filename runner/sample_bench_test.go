package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertest"
	"golang.org/x/sys/unix"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/probe"
)

// BenchmarkSample measures the CPU that a runner takes for one whole sample of slices that run, by the slice: their
// list from the engine, control groups, counters of packets, backends, and the rows; once with each backend asked, and
// once as it is when all are idle. SLICES is how many there are.
//
//	SLICES=60 go test ./runner -run '^$' -bench Sample -benchtime 60x
func BenchmarkSample(b *testing.B) {
	count := 24
	if text := os.Getenv("SLICES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("SLICES must be a number, not %q", text)
		}
		count = n
	}
	of := newBundle(b, func(s *config.Runner) {
		s.SliceImage = dockertest.Image(b)
		s.PoolSize, s.MaxSlices, s.MinFreeMemory, s.SliceReservation = count, count, 0, 64<<20
		s.SlicePorts.First, s.SlicePorts.Last = dockertest.Ports(3 * int32(count))
		s.ProbePins = "/sys/fs/bpf"
	})
	hands := of.hands()
	counted := openTraffic(b.Context(), of.settings, hands.Containers.(*docker.Engine).CgroupParent())
	if counted.why != nil {
		b.Fatal(counted.why)
	}
	b.Cleanup(func() {
		if err := errors.Join(counted.close(), probe.Remove(filepath.Join(of.settings.ProbePins, "slicegate-"+of.settings.Fleet))); err != nil {
			b.Error(err)
		}
	})
	hands.Traffic, hands.Gauges = counted, gauges{cgroup.Memory{Root: "/", Data: of.settings.DataRoot}}
	stop := of.work(hands)
	of.until(fmt.Sprintf("%d slices are ready", count), 10*time.Minute, func() bool { return of.slices("available") == count })
	stop()

	now := time.Now()
	sample := &jobs.Sample{
		Pool: of.db.Pool, Containers: hands.Containers, Gauges: hands.Gauges, Traffic: hands.Traffic, Software: hands.Software,
		Clock: func() time.Time { return now }, AskWithin: of.settings.AskWithin, AskAtOnce: askAtOnce, Quota: int64(of.settings.MediaQuota),
	}
	ctx, job := rivertest.WorkContext(b.Context(), of.client()), &river.Job[jobs.SampleArgs]{Args: jobs.SampleArgs{Server: of.settings.Server}}
	for _, all := range []bool{true, false} {
		b.Run(map[bool]string{true: "all asked", false: "all idle"}[all], func(b *testing.B) {
			var spent time.Duration
			before := of.count("SELECT count(*) FROM gateway.telemetry")
			for b.Loop() {
				now = now.Add(time.Minute)
				if all {
					if _, err := of.db.Pool.Exec(b.Context(), "UPDATE gateway.meters SET asked_at = NULL"); err != nil {
						b.Fatal(err)
					}
				}
				began := cpuOf(b)
				if err := sample.Work(ctx, job); err != nil {
					b.Fatal(err)
				}
				spent += cpuOf(b) - began
			}
			if rows := of.count("SELECT count(*) FROM gateway.telemetry") - before; rows < b.N*count {
				b.Fatalf("%d rows of %d slices by %d samples", rows, count, b.N)
			}
			asked := of.count("SELECT count(*) FROM gateway.meters WHERE asked_at = $1", now.Truncate(time.Microsecond))
			if all && asked != count {
				b.Fatalf("%d of %d were asked", asked, count)
			}
			b.ReportMetric(spent.Seconds()*1000/float64(b.N*count), "ms-CPU/slice")
			b.ReportMetric(float64(asked), "asked")
		})
	}
}

// cpuOf is the CPU time of this process, the kernel's work for it included.
func cpuOf(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
