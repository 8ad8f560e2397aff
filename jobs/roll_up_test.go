package jobs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/storetest"
)

// minutes writes samples of one slice: each minute's from midnight, unless it is a gap.
type minutes struct {
	t     *testing.T
	db    storetest.Database
	start time.Time
}

func newMinutes(t *testing.T) *minutes {
	t.Parallel()
	return &minutes{t, storetest.New(t), time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)}
}

func (m *minutes) at(minute float64) time.Time {
	return m.start.Add(time.Duration(minute * float64(time.Minute)))
}

func (m *minutes) add(minute float64, change func(*store.AddTelemetryParams)) {
	m.t.Helper()
	row := store.AddTelemetryParams{
		SliceID: 1, Timestamp: m.at(minute), StartedAt: m.start.Add(-time.Hour), RssBytes: 100, SwapBytes: 0,
		WaState: pointer("ready"), IdleSeconds: pointer(int32(60 * minute)), Seconds: pointer(float32(60)), UserBytes: pointer(int64(10)),
	}
	if change != nil {
		change(&row)
	}
	if _, err := store.New(m.db.Pool).AddTelemetry(context.Background(), []store.AddTelemetryParams{row}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *minutes) state(state string) func(*store.AddTelemetryParams) {
	return func(row *store.AddTelemetryParams) { row.WaState = &state }
}

func (m *minutes) rollUp(minute float64) {
	m.t.Helper()
	if err := RollUpTo(context.Background(), m.db.Pool, m.at(minute)); err != nil {
		m.t.Fatal(err)
	}
}

// want compares one row's columns, written as text, with what is expected.
func (m *minutes) want(table, columns string, minute float64, want string) {
	m.t.Helper()
	var got string
	query := fmt.Sprintf("SELECT format('%%s', (SELECT concat_ws(' ', %s) FROM gateway.%s WHERE timestamp = $1))", columns, table)
	if err := m.db.Pool.QueryRow(context.Background(), query, m.at(minute)).Scan(&got); err != nil {
		m.t.Fatal(err)
	}
	if got != want {
		m.t.Errorf("%s of %s at minute %v: %q, want %q", columns, table, minute, got, want)
	}
}

func (m *minutes) count(query string) (n int64) {
	m.t.Helper()
	if err := m.db.Pool.QueryRow(context.Background(), query).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

func TestBinsAverageTheSamplesThereWere(t *testing.T) {
	m := newMinutes(t)
	m.add(0, func(row *store.AddTelemetryParams) { row.RssBytes = 300 })
	m.add(1, nil)
	// Minutes 2 and 3 are missed, and the next row's amounts cover them.
	m.add(4, func(row *store.AddTelemetryParams) {
		row.RssBytes, row.Seconds, row.UserBytes = 200, pointer(float32(180)), nil
	})
	m.add(65, nil) // more than an hour later
	m.rollUp(70)
	m.want("telemetry_5m", "samples, seconds, rss_bytes, rss_max_bytes, idle_seconds, user_bytes, ready_samples, ready_seconds", 0, "3 300 200 300 100 20 3 300")
	m.want("telemetry_1h", "samples, seconds, rss_bytes, rss_max_bytes", 0, "3 300 200 300")
	m.want("telemetry_1h", "samples, rss_bytes, idle_samples, idle_rss_bytes", 60, "1 100 1 100")
	if n := m.count("SELECT count(*) FROM gateway.telemetry_5m"); n != 2 {
		t.Errorf("%d bins: one without samples is none", n)
	}
	if n := m.count("SELECT count(*) FROM gateway.telemetry_5m WHERE cpu_percent IS NOT NULL"); n != 0 {
		t.Error("CPU that nobody read is zero")
	}
}

func TestAnHourCountsEachSampleOnce(t *testing.T) {
	m := newMinutes(t)
	for _, minute := range []float64{0, 1, 2, 3, 4} {
		m.add(minute, nil)
	}
	m.add(5, func(row *store.AddTelemetryParams) { row.RssBytes = 700 })
	m.rollUp(60)
	m.want("telemetry_1h", "samples, rss_bytes", 0, "6 200")
}

func TestRollingUpTwiceIsTheSame(t *testing.T) {
	m := newMinutes(t)
	for minute := range 130 {
		m.add(float64(minute), nil)
	}
	m.rollUp(128)
	m.rollUp(129.5)
	m.rollUp(129.5)
	for table, samples := range map[string]int64{"telemetry_5m": 130, "telemetry_1h": 130} {
		if n := m.count("SELECT sum(samples) FROM gateway." + table); n != samples {
			t.Errorf("%s has %d of %d samples", table, n, samples)
		}
	}
	if n := m.count("SELECT sum(user_bytes) FROM gateway.telemetry_1h"); n != 1300 {
		t.Errorf("%d of 1300 bytes", n)
	}
	// One is written late, as a transaction may be, and after a pause of days everything is caught up.
	m.add(122.5, nil)
	m.add(4500, nil)
	m.rollUp(4501)
	for _, table := range []string{"telemetry_5m", "telemetry_1h"} {
		if n := m.count("SELECT sum(samples) FROM gateway." + table); n != 132 {
			t.Errorf("%s has %d of 132 samples", table, n)
		}
	}
}

func TestDisconnectsAreCountedWithWhatWasSwapped(t *testing.T) {
	m := newMinutes(t)
	swapped := func(state string) func(*store.AddTelemetryParams) {
		return func(row *store.AddTelemetryParams) { row.WaState, row.SwapBytes = &state, 100 }
	}
	m.add(0, swapped("ready"))
	m.add(1, m.state("disconnected")) // one, of a swapped slice
	m.add(2, m.state("disconnected"))
	m.add(3, m.state("ready"))
	m.add(4, func(row *store.AddTelemetryParams) { row.WaState = nil })
	m.add(5, m.state("disconnected")) // another, past a sample that knew nothing
	m.add(6, m.state("ready"))
	m.add(7, func(row *store.AddTelemetryParams) { row.WaState, row.StartedAt = pointer("starting"), m.at(6.5) }) // restarted
	m.add(8, func(row *store.AddTelemetryParams) { row.StartedAt = m.at(6.5) })
	m.add(30, func(row *store.AddTelemetryParams) {
		row.WaState, row.StartedAt = pointer("disconnected"), m.at(6.5) // nobody knows when
	})
	m.rollUp(6.1) // in the middle of it
	m.rollUp(31)
	m.want("telemetry_5m", "disconnects, swapped_disconnects, ready_seconds, swapped_ready_seconds, known_samples", 0, "1 1 120 60 4")
	m.want("telemetry_5m", "disconnects, swapped_disconnects", 5, "1 0")
	m.want("telemetry_1h", "disconnects, swapped_disconnects", 0, "2 1")
}

func TestOnlyRestCountsAsIdle(t *testing.T) {
	m := newMinutes(t)
	m.add(0, func(row *store.AddTelemetryParams) { row.IdleSeconds = pointer(int32(1799)) })
	m.add(1, func(row *store.AddTelemetryParams) { row.IdleSeconds, row.RssBytes = pointer(int32(1800)), 40 })
	m.add(2, func(row *store.AddTelemetryParams) {
		row.IdleSeconds, row.StartedAt = pointer(int32(9000)), m.at(-10) // it has just started
	})
	m.add(3, func(row *store.AddTelemetryParams) { row.IdleSeconds = nil })
	m.rollUp(5)
	m.want("telemetry_5m", "samples, idle_samples, idle_rss_bytes", 0, "4 1 40")
}

func TestServersAreRolledUp(t *testing.T) {
	m := newMinutes(t)
	var rows []store.AddServerTelemetryParams
	for minute := range 10 {
		row := store.AddServerTelemetryParams{Server: "a", Timestamp: m.at(float64(minute)), RamUsedBytes: int64(100 * minute), RamTotalBytes: 1000, TotalSlices: 7}
		if minute > 0 {
			row.SwapInRate = pointer(int64(10 * minute))
		}
		rows = append(rows, row)
	}
	if _, err := store.New(m.db.Pool).AddServerTelemetry(context.Background(), rows); err != nil {
		t.Fatal(err)
	}
	m.rollUp(10)
	m.want("server_telemetry_5m", "samples, ram_used_bytes, ram_used_max_bytes, swap_in_rate, swap_in_max_rate, total_slices", 0, "5 200 400 25 40 7")
	m.want("server_telemetry_1h", "samples, ram_used_bytes, ram_used_max_bytes, swap_in_max_rate", 0, "10 450 900 90")
}

func TestPartitionsAreMadeAheadAndDroppedWhole(t *testing.T) {
	m := newMinutes(t)
	ctx, queries := context.Background(), store.New(m.db.Pool)
	// Long after the last partition, an insert still finds a place.
	late := m.start.AddDate(0, 0, 40)
	row := func(day int) store.AddTelemetryParams {
		return store.AddTelemetryParams{SliceID: 1, Timestamp: late.AddDate(0, 0, day).Add(time.Hour), StartedAt: m.start}
	}
	add := func(rows ...store.AddTelemetryParams) {
		if _, err := queries.AddTelemetry(ctx, rows); err != nil {
			t.Fatal(err)
		}
	}
	tend := func(day int) store.TendPartitionsRow {
		t.Helper()
		tended, err := queries.TendPartitions(ctx, late.AddDate(0, 0, day).Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return tended
	}
	add(row(0), row(1), row(-20))
	if n := m.count("SELECT count(*) FROM gateway.telemetry_default"); n != 3 {
		t.Fatalf("%d rows wait for a partition", n)
	}
	if first := tend(0); first.Made == 0 || first.Dropped == 0 {
		t.Errorf("made %d, dropped %d", first.Made, first.Dropped)
	}
	if again := tend(0); again.Made != 0 || again.Dropped != 0 {
		t.Errorf("done twice: made %d, dropped %d", again.Made, again.Dropped)
	}
	if n := m.count("SELECT count(*) FROM gateway.telemetry_default"); n != 0 {
		t.Errorf("%d rows are still without a partition", n)
	}
	if n := m.count("SELECT count(*) FROM gateway.telemetry"); n != 2 {
		t.Errorf("%d rows: two are of these days, and one was kept long enough", n)
	}
	// A week on, the raw rows' days go one after the other; those of the bins stay.
	for day := 1; day <= 9; day++ {
		tend(day)
		want := int64(2)
		if day >= 8 {
			want = int64(9 - day)
		}
		if n := m.count("SELECT count(*) FROM gateway.telemetry"); n != want {
			t.Errorf("day %d: %d rows are left, want %d", day, n, want)
		}
	}
	name := "gateway.telemetry_5m_" + late.AddDate(0, 0, -1).Format("20060102")
	if n := m.count("SELECT count(*) FROM pg_class WHERE oid = to_regclass('" + name + "')"); n != 1 {
		t.Errorf("%s is gone: bins are kept for 30 days", name)
	}
}
