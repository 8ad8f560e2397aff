package jobs

import (
	"time"

	"slicegate/store"
)

// reading is what was read of one slice whose container runs.
type reading struct {
	slice     store.Slice
	container Container
	started   time.Time // the container, as Postgres keeps it
	group     uint64
	usage     Usage
	traffic   *Counters // nil: not counted
	at        time.Time
}

// tally is a slice's meter while a sample is made: before is the zero value if it was never read.
type tally struct {
	before store.Meter
	next   store.SetMeterParams
}

// begin copies what is to go on.
func begin(before store.Meter) tally {
	return tally{before, store.SetMeterParams(before)}
}

// end takes the last that was counted of a group that is no more, to be told by the next row.
func (t *tally) end(last Counters) {
	t.next.OwedUser += since(t.before.UserBytes, last.User.Bytes)
	t.next.OwedPlatform += since(t.before.PlatformBytes, last.Platform.Bytes)
	t.next.OwedUpstream += since(t.before.UpstreamBytes, last.Upstream.Bytes)
	t.next.LastUserAt = newest(t.next.LastUserAt, last.User.Last)
	t.next.LastUpstreamAt = newest(t.next.LastUpstreamAt, last.Upstream.Last)
}

// detach forgets the group, whose counters all end.
func (t *tally) detach(at time.Time) {
	n := &t.next
	n.CgroupID, n.ReadAt = nil, at
	n.CpuUs, n.Refaults, n.PressureUs, n.OomKills = 0, 0, 0, 0
	n.UserBytes, n.PlatformBytes, n.UpstreamBytes = 0, 0, 0
}

// count makes the row of a reading, with the amounts since the meter's, and moves the meter there.
// The meter names the reading's group already, or none.
func (t *tally) count(r reading) store.AddTelemetryParams {
	n := &t.next
	from := n.ReadAt
	if n.CgroupID == nil {
		from = r.started // the group's counters begin with it
	}
	seconds := max(0, r.at.Sub(from).Seconds())
	refaults := r.usage.RefaultAnon + r.usage.RefaultFile
	row := store.AddTelemetryParams{
		SliceID: r.slice.ID, Timestamp: r.at, StartedAt: r.started,
		RssBytes: r.usage.Resident, SwapBytes: r.usage.Swapped, WaState: &r.slice.WaState,
		Refaults: pointer(since(n.Refaults, refaults)), OomKills: pointer(int32(since(n.OomKills, r.usage.OOMKills))),
		Seconds: pointer(float32(seconds)),
	}
	if seconds > 0 {
		cpu := since(n.CpuUs, uint64(r.usage.CPU.Microseconds()))
		row.CpuPercent = pointer(float32(100 * float64(cpu) / 1e6 / seconds))
	}
	if r.usage.Pressure >= 0 {
		row.PressureUs = pointer(since(n.PressureUs, uint64(r.usage.Pressure.Microseconds())))
	}
	group := int64(r.group)
	n.SliceID, n.CgroupID, n.ReadAt, n.StartedAt = r.slice.ID, &group, r.at, r.started
	n.CpuUs, n.Refaults, n.OomKills = r.usage.CPU.Microseconds(), int64(refaults), int64(r.usage.OOMKills)
	n.PressureUs = max(0, r.usage.Pressure.Microseconds())
	if r.traffic != nil {
		t.countTraffic(r, &row)
	}
	return row
}

func (t *tally) countTraffic(r reading, row *store.AddTelemetryParams) {
	n, c := &t.next, r.traffic
	row.UserBytes = pointer(n.OwedUser + since(n.UserBytes, c.User.Bytes))
	row.PlatformBytes = pointer(n.OwedPlatform + since(n.PlatformBytes, c.Platform.Bytes))
	row.UpstreamBytes = pointer(n.OwedUpstream + since(n.UpstreamBytes, c.Upstream.Bytes))
	n.OwedUser, n.OwedPlatform, n.OwedUpstream = 0, 0, 0
	n.UserBytes, n.PlatformBytes, n.UpstreamBytes = int64(c.User.Bytes), int64(c.Platform.Bytes), int64(c.Upstream.Bytes)
	n.LastUserAt = newest(n.LastUserAt, c.User.Last)
	n.LastUpstreamAt = newest(n.LastUpstreamAt, c.Upstream.Last)
	row.IdleSeconds = pointer(int32(idle(n.LastUserAt, r.started, r.at).Seconds()))
}

// idle is how long a slice has not been used; one that never was, since it started.
func idle(lastUser *time.Time, started, now time.Time) time.Duration {
	if lastUser != nil {
		started = *lastUser
	}
	return max(0, now.Sub(started))
}

// since is what a counter has gained. One that is less than before has begun anew, from zero.
func since(before int64, now uint64) int64 {
	if int64(now) < before {
		return int64(now)
	}
	return int64(now) - before
}

func newest(known *time.Time, seen time.Time) *time.Time {
	if seen.IsZero() || known != nil && !seen.After(*known) {
		return known
	}
	return &seen
}

func pointer[T any](value T) *T { return &value }
