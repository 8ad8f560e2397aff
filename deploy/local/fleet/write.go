package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/jobs"
	"slicegate/store"
)

// Write makes the fleet up and writes it day by day as samples, which the runner's own job rolls up and
// drops. note hears of each day; nil: nobody.
func Write(ctx context.Context, pool *pgxpool.Pool, options Options, note func(string)) (Planted, error) {
	queries := store.New(pool)
	if err := queries.RegisterServer(ctx, store.RegisterServerParams{Name: options.Server, ConfiguredImage: "made-up"}); err != nil {
		return Planted{}, fmt.Errorf("fleet: %w", err)
	}
	storage := store.NoteStorageParams{}
	for range options.Slices + 1 {
		row, err := queries.CreateSlice(ctx, store.CreateSliceParams{Server: options.Server, Image: "made-up"})
		if err != nil {
			return Planted{}, fmt.Errorf("fleet: %w", err)
		}
		storage.Ids = append(storage.Ids, row.ID)
	}
	w := newWorld(options, storage.Ids)
	for range storage.Ids {
		storage.Storages = append(storage.Storages, w.storage)
	}
	if err := queries.NoteStorage(ctx, storage); err != nil {
		return w.planted, fmt.Errorf("fleet: %w", err)
	}
	for day := range options.Days {
		from := w.start.AddDate(0, 0, day)
		if err := w.writeDay(ctx, pool, from, from.AddDate(0, 0, 1)); err != nil {
			return w.planted, fmt.Errorf("fleet: day %d: %w", day+1, err)
		}
		if note != nil {
			note(fmt.Sprintf("day %d of %d", day+1, options.Days))
		}
	}
	return w.planted, nil
}

// writeDay writes one day's samples, and does what the runner does by the end of it.
func (w *world) writeDay(ctx context.Context, pool *pgxpool.Pool, from, until time.Time) error {
	queries := store.New(pool)
	if _, err := queries.TendPartitions(ctx, from); err != nil {
		return err
	}
	var rows []store.AddTelemetryParams
	var servers []store.AddServerTelemetryParams
	var wakes []store.AddWakesParams
	for now := from; now.Before(until); now = now.Add(w.options.Every) {
		sampled, server, woken := w.sample(now)
		wakes = append(wakes, woken...)
		if w.missed(now) {
			w.planted.Gaps++
			continue
		}
		rows, servers = append(rows, sampled...), append(servers, server)
	}
	w.planted.Samples += len(rows)
	if _, err := queries.AddTelemetry(ctx, rows); err != nil {
		return err
	}
	if _, err := queries.AddServerTelemetry(ctx, servers); err != nil {
		return err
	}
	if _, err := queries.AddWakes(ctx, wakes); err != nil {
		return err
	}
	return jobs.RollUpTo(ctx, pool, until)
}

// missed tells whether nobody sampled: now and then, and for three hours once.
func (w *world) missed(now time.Time) bool {
	if since := now.Sub(w.gapFrom); since >= 0 && since < 3*time.Hour {
		return true
	}
	return w.random.Float64() < 0.005
}

// sample goes on to now.
func (w *world) sample(now time.Time) (rows []store.AddTelemetryParams, server store.AddServerTelemetryParams, wakes []store.AddWakesParams) {
	seconds := w.options.Every.Seconds()
	var cpu, paged float64
	active := int32(0)
	for _, s := range w.slices {
		if !s.alive(now) {
			continue
		}
		row, wake, in := s.step(now)
		paged += in
		server.TotalSlices++
		server.SlicesRssBytes += row.RssBytes
		server.SlicesSwapBytes += row.SwapBytes
		cpu += float64(*row.CpuPercent)
		if *row.IdleSeconds < 300 {
			active++
		}
		if wake != nil {
			wakes = append(wakes, wake.row(s.id, now))
		}
		if s.random.Float64() >= 0.002 { // else it could not be read
			rows = append(rows, row)
		}
	}
	swapped := float64(server.SlicesSwapBytes) + 40*mb
	w.planted.MostSwap = max(w.planted.MostSwap, swapped)
	rate := paged/seconds + 2*w.random.ExpFloat64()
	if w.thrash > 0 && swapped > w.thrash {
		rate += 9000 * (swapped - w.thrash) / w.thrash * (0.7 + 0.6*w.random.Float64())
	}
	server.Server, server.Timestamp = w.options.Server, now
	server.RamTotalBytes, server.RamUsedBytes = w.ramTotal, int64(othersRAM*(1+0.02*w.random.NormFloat64()))+server.SlicesRssBytes
	server.SwapTotalBytes, server.SwapUsedBytes = w.swapTotal, int64(swapped)
	server.SwapInRate, server.SwapOutRate = ref(int64(rate)), ref(int64(rate*0.9))
	server.CpuPercent = ref(float32(w.cpuBase + cpu/w.cores))
	server.DiskTotalBytes, server.DiskUsedBytes = w.diskTotal, int64(othersDisk)+w.storage*int64(len(w.slices))
	server.ActiveSlices = &active
	server.MemoryPressureUs, server.IoPressureUs, server.CpuPressureUs = ref(int64(rate*20)), ref(int64(rate*30)), ref(int64(1000))
	server.OomKills, server.Seconds = ref(int32(0)), ref(float32(seconds))
	return rows, server, wakes
}

func (k *woke) row(slice int64, now time.Time) store.AddWakesParams {
	return store.AddWakesParams{
		SliceID: slice, At: now, Cause: "open", IdleSeconds: ref(int32(k.idle)), RssBefore: int64(k.rss), SwapBefore: int64(k.swap),
		PrefetchedBytes: int64(k.back / 2), PrefetchUs: int64(k.back / 2 / mb * 500), BackBytes: ref(int64(k.back)),
		Refaults: ref(int64(k.back / page)), StallUs: ref(int64(1e6 * k.stall)), AnswerUs: ref(int64(1e6 * k.answer)),
	}
}
