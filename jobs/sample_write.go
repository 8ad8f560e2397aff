package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"slicegate/store"
)

// sampled are the rows of one sample.
type sampled struct {
	telemetry []store.AddTelemetryParams
	meters    []store.SetMeterParams
	memory    store.NoteMemoryParams
	alive     store.NoteAliveParams
	activity  store.NoteActivityParams
	inUse     int32
}

// write adds a sample's rows. Of two that were read at the same time the earlier writes nothing.
func (s *snapshot) write(ctx context.Context, queries *store.Queries) (written bool, err error) {
	if err := queries.LockSamples(ctx, s.server); err != nil {
		return false, err
	}
	meters, err := metersOf(ctx, queries, s.server)
	if err != nil {
		return false, err
	}
	for _, meter := range meters {
		// One that is later by more is of a clock that was wrong.
		if ahead := meter.ReadAt.Sub(s.at); ahead >= 0 && ahead < time.Minute {
			slog.InfoContext(ctx, "a newer sample was written meanwhile", "server", s.server)
			return false, nil
		}
	}
	rows := s.count(meters)
	server, meter, err := s.serverRows(ctx, queries, rows)
	if err != nil {
		return false, err
	}
	if _, err := queries.AddTelemetry(ctx, rows.telemetry); err != nil {
		return false, fmt.Errorf("write telemetry: %w", err)
	}
	if _, err := queries.AddServerTelemetry(ctx, server); err != nil {
		return false, fmt.Errorf("write telemetry of the server: %w", err)
	}
	var probe *string
	if s.probe != nil {
		probe = pointer(s.probe.Error())
	}
	for _, write := range []func() error{
		func() error { return failed(queries.SetMeter(ctx, rows.meters).Exec) },
		func() error { return queries.SetServerMeter(ctx, meter) },
		func() error { return queries.NoteMemory(ctx, rows.memory) },
		func() error { return queries.NoteAlive(ctx, rows.alive) },
		func() error { return queries.NoteActivity(ctx, rows.activity) },
		func() error { return failed(queries.NoteSaid(ctx, s.states()).Exec) },
		func() error { return queries.NoteSilent(ctx, s.silences()) },
		func() error { return queries.DropMeters(ctx, s.server) },
		func() error { return announce(ctx, queries, s.server, s.usage, s.versions, s.at) },
		func() error { return queries.NoteProbe(ctx, store.NoteProbeParams{Name: s.server, ProbeError: probe}) },
	} {
		if err := write(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// failed runs a batch to its end and joins what went wrong.
func failed(batch func(func(int, error))) (failures error) {
	batch(func(_ int, err error) { failures = errors.Join(failures, err) })
	return failures
}

// count turns what was read into rows, and moves the meters there.
func (s *snapshot) count(meters map[int64]store.Meter) *sampled {
	rows := &sampled{memory: store.NoteMemoryParams{Now: s.at}, alive: store.NoteAliveParams{Now: s.at}}
	read := map[int64]bool{}
	for _, r := range s.readings {
		read[r.slice.ID] = true
		rows.add(s, r, meters[r.slice.ID])
	}
	for _, slice := range s.slices {
		if read[slice.ID] || s.unread[slice.ID] {
			continue
		}
		rows.note(slice.ID, Usage{})
		if meter := meters[slice.ID]; meter.CgroupID != nil {
			t := begin(meter)
			t.leave(s)
			rows.meters = append(rows.meters, t.next)
		}
	}
	return rows
}

func (rows *sampled) add(s *snapshot, r reading, meter store.Meter) {
	t, answer := begin(meter), s.answers[r.slice.ID]
	if meter.CgroupID != nil && uint64(*meter.CgroupID) != r.group {
		t.leave(s)
	}
	row := t.count(r)
	row.WaState = answer.state(r.slice)
	if answer.asked {
		t.next.AskedAt = &s.at
	}
	rows.telemetry, rows.meters = append(rows.telemetry, row), append(rows.meters, t.next)
	rows.note(r.slice.ID, r.usage)
	if answer.status != nil || row.UpstreamBytes != nil && *row.UpstreamBytes > 0 {
		rows.alive.Ids = append(rows.alive.Ids, r.slice.ID)
	}
	if last := t.next.LastUserAt; last != nil {
		rows.activity.Ids, rows.activity.Times = append(rows.activity.Ids, r.slice.ID), append(rows.activity.Times, *last)
	}
	if last := t.next.LastUserAt; r.traffic != nil && last != nil && s.at.Sub(*last) < inUseWithin {
		rows.inUse++
	}
}

// note is what a slice has now. The cache of files is not what it needs: it fills every limit, in time.
func (rows *sampled) note(slice int64, usage Usage) {
	m := &rows.memory
	m.Ids, m.Memories, m.Swaps = append(m.Ids, slice), append(m.Memories, usage.Resident), append(m.Swaps, usage.Swapped)
	m.Workings = append(m.Workings, max(0, usage.Resident-usage.File))
}

// leave takes the last of the meter's group, which has ended.
func (t *tally) leave(s *snapshot) {
	if last, counted := s.traffic[uint64(*t.before.CgroupID)]; counted {
		t.end(last)
	}
	t.detach(s.at)
}

// serverRows are the server's row, and its meter for the next.
func (s *snapshot) serverRows(ctx context.Context, queries *store.Queries, rows *sampled) ([]store.AddServerTelemetryParams, store.SetServerMeterParams, error) {
	u := s.usage
	row := store.AddServerTelemetryParams{
		Server: s.server, Timestamp: s.at,
		RamTotalBytes: u.MemoryTotal, RamUsedBytes: u.MemoryTotal - u.MemoryAvailable,
		SwapTotalBytes: u.SwapTotal, SwapUsedBytes: u.SwapTotal - u.SwapFree, SwapRamBytes: u.SwapRAM,
		DiskTotalBytes: u.DiskTotal, DiskUsedBytes: u.DiskTotal - u.DiskFree,
		TotalSlices: int32(len(s.readings)),
		Load1m:      pointer(float32(u.Load[0])), Load5m: pointer(float32(u.Load[1])), Load15m: pointer(float32(u.Load[2])),
	}
	if s.traffic != nil {
		row.ActiveSlices = &rows.inUse
	}
	for _, one := range rows.telemetry {
		row.SlicesRssBytes += one.RssBytes
		row.SlicesSwapBytes += one.SwapBytes
	}
	next := store.SetServerMeterParams{
		Server: s.server, ReadAt: s.at, SwapIn: int64(u.SwappedIn), SwapOut: int64(u.SwappedOut),
		CpuBusyUs: u.CPUBusy.Microseconds(), CpuUs: u.CPUTotal.Microseconds(), OomKills: int64(u.OOMKills),
		MemoryPressureUs: max(0, u.Pressure.Microseconds()), IoPressureUs: max(0, u.PressureIO.Microseconds()), CpuPressureUs: max(0, u.PressureCPU.Microseconds()),
	}
	before, err := queries.ServerMeter(ctx, s.server)
	switch {
	case store.IsNone(err): // there is nothing to count from
	case err != nil:
		return nil, next, fmt.Errorf("read the server's meter: %w", err)
	default:
		sinceThen(&row, u, before, next)
	}
	return []store.AddServerTelemetryParams{row}, next, nil
}

// sinceThen fills in what has happened since the meter was read; a server that has been started anew
// since counts from there.
func sinceThen(row *store.AddServerTelemetryParams, u ServerUsage, before store.ServerMeter, next store.SetServerMeterParams) {
	if next.CpuUs < before.CpuUs {
		before = store.ServerMeter{ReadAt: before.ReadAt}
	}
	seconds := next.ReadAt.Sub(before.ReadAt).Seconds()
	if seconds <= 0 {
		return
	}
	rate := func(before, now int64) *int64 { return pointer(int64(float64(now-before)/seconds + 0.5)) }
	row.Seconds = pointer(float32(seconds))
	row.SwapInRate, row.SwapOutRate = rate(before.SwapIn, next.SwapIn), rate(before.SwapOut, next.SwapOut)
	row.OomKills = pointer(int32(next.OomKills - before.OomKills))
	if cpu := next.CpuUs - before.CpuUs; cpu > 0 {
		row.CpuPercent = pointer(float32(100 * float64(next.CpuBusyUs-before.CpuBusyUs) / float64(cpu)))
	}
	if u.Pressure >= 0 {
		row.MemoryPressureUs = pointer(next.MemoryPressureUs - before.MemoryPressureUs)
	}
	if u.PressureIO >= 0 {
		row.IoPressureUs = pointer(next.IoPressureUs - before.IoPressureUs)
	}
	if u.PressureCPU >= 0 {
		row.CpuPressureUs = pointer(next.CpuPressureUs - before.CpuPressureUs)
	}
}
