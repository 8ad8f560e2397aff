package jobs

import (
	"testing"
	"time"

	"slicegate/store"
)

func counters(user, upstream uint64, last time.Time) *Counters {
	return &Counters{User: Class{Bytes: user, Last: last}, Upstream: Class{Bytes: upstream, Last: last}}
}

func TestAmountsAreThoseSinceTheMeter(t *testing.T) {
	t.Parallel()
	group := int64(7)
	meter := store.Meter{
		SliceID: 1, CgroupID: &group, ReadAt: noon, StartedAt: noon.Add(-time.Hour),
		CpuUs: 1_000_000, Refaults: 10, PressureUs: 100, OomKills: 1, UserBytes: 1000, UpstreamBytes: 2000, OwedUser: 5,
	}
	tally := begin(meter)
	row := tally.count(reading{
		slice: store.Slice{ID: 1}, started: meter.StartedAt, group: 7, at: noon.Add(time.Minute),
		usage:   Usage{Resident: 50, Swapped: 60, CPU: 7 * time.Second, RefaultAnon: 12, RefaultFile: 3, Pressure: 300 * time.Microsecond, OOMKills: 3},
		traffic: counters(1500, 2000, noon.Add(30*time.Second)),
	})
	if *row.Seconds != 60 || *row.CpuPercent != 10 || *row.Refaults != 5 || *row.PressureUs != 200 || *row.OomKills != 2 {
		t.Errorf("seconds %v, cpu %v, refaults %v, pressure %v, oom %v", *row.Seconds, *row.CpuPercent, *row.Refaults, *row.PressureUs, *row.OomKills)
	}
	if *row.UserBytes != 505 || *row.UpstreamBytes != 0 || *row.IdleSeconds != 30 {
		t.Errorf("user %v, upstream %v, idle %v", *row.UserBytes, *row.UpstreamBytes, *row.IdleSeconds)
	}
	if next := tally.next; next.UserBytes != 1500 || next.OwedUser != 0 || next.CpuUs != 7_000_000 || next.Refaults != 15 || !next.ReadAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("the meter is at %+v", next)
	}
}

func TestAnotherGroupCountsFromItsBeginning(t *testing.T) {
	t.Parallel()
	group := int64(7)
	meter := store.Meter{SliceID: 1, CgroupID: &group, ReadAt: noon, CpuUs: 9_000_000, Refaults: 900, UserBytes: 1000, LastUserAt: pointer(noon.Add(-time.Hour))}
	s := &snapshot{at: noon.Add(time.Minute), traffic: map[uint64]Counters{7: *counters(1300, 0, noon.Add(10*time.Second))}}
	tally := begin(meter)
	tally.leave(s)
	row := tally.count(reading{
		slice: store.Slice{ID: 1}, started: noon.Add(40 * time.Second), group: 8, at: s.at,
		usage: Usage{CPU: 2 * time.Second, RefaultAnon: 4, Pressure: -1}, traffic: counters(50, 0, time.Time{}),
	})
	if *row.UserBytes != 350 {
		t.Errorf("%d bytes: 300 of the old group and 50 of the new were to be told", *row.UserBytes)
	}
	if *row.Seconds != 20 || *row.CpuPercent != 10 || *row.Refaults != 4 {
		t.Errorf("seconds %v, cpu %v, refaults %v: the new group is 20 s old", *row.Seconds, *row.CpuPercent, *row.Refaults)
	}
	if row.PressureUs != nil {
		t.Error("a kernel without PSI has no pressure, not one of zero")
	}
	if *row.IdleSeconds != 50 {
		t.Errorf("idle %d s: its user was last seen in the old group", *row.IdleSeconds)
	}
}

func TestWhatIsNotCountedIsNotZero(t *testing.T) {
	t.Parallel()
	group := int64(7)
	tally := begin(store.Meter{SliceID: 1, CgroupID: &group, ReadAt: noon, UserBytes: 1000, OwedUser: 5})
	row := tally.count(reading{slice: store.Slice{ID: 1}, started: noon, group: 7, at: noon.Add(time.Minute)})
	if row.UserBytes != nil || row.UpstreamBytes != nil || row.PlatformBytes != nil || row.IdleSeconds != nil {
		t.Error("bytes that nobody counted are in the row")
	}
	if tally.next.UserBytes != 1000 || tally.next.OwedUser != 5 {
		t.Errorf("the meter lost what it knew: %+v", tally.next)
	}
}

func TestCountersThatBeganAnew(t *testing.T) {
	t.Parallel()
	if got := since(1000, 30); got != 30 {
		t.Errorf("since: %d", got)
	}
}

func TestServerThatWasStartedAnew(t *testing.T) {
	t.Parallel()
	before := store.ServerMeter{ReadAt: noon, SwapIn: 5000, CpuUs: 900e6, CpuBusyUs: 500e6}
	next := store.SetServerMeterParams{ReadAt: noon.Add(time.Minute), SwapIn: 600, CpuUs: 100e6, CpuBusyUs: 25e6}
	var row store.AddServerTelemetryParams
	sinceThen(&row, ServerUsage{Pressure: -1}, before, next)
	if *row.SwapInRate != 10 || *row.CpuPercent != 25 || row.MemoryPressureUs != nil || row.IoPressureUs == nil {
		t.Errorf("%+v", row)
	}
	next.SwapIn, next.CpuUs, next.CpuBusyUs = 5060, 1000e6, 510e6
	sinceThen(&row, ServerUsage{}, before, next)
	if *row.SwapInRate != 1 || *row.CpuPercent != 10 || *row.MemoryPressureUs != 0 {
		t.Errorf("%+v", row)
	}
}
