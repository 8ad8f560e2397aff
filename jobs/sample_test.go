package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/store/storetest"
)

// ward is a server whose slices, kernel and packets are the test's.
type ward struct {
	Containers
	t          testing.TB
	db         storetest.Database
	server     string
	now        time.Time
	containers map[int64]Container
	group      map[int64]uint64
	usage      map[int64]Usage
	statuses   map[int64]Status
	whole      ServerUsage
	traffic    map[uint64]Counters
	blind      error // the probe's
	tracked    []uint64
	forgotten  []uint64
	asked      []int64
}

func newWard(t testing.TB) *ward {
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	db := storetest.New(t)
	return &ward{
		t: t, db: db, server: db.Server(t), now: time.Now().Truncate(time.Microsecond),
		containers: map[int64]Container{}, group: map[int64]uint64{}, usage: map[int64]Usage{}, statuses: map[int64]Status{},
		traffic: map[uint64]Counters{}, whole: ServerUsage{MemoryTotal: 1000, MemoryAvailable: 400, SwapTotal: 500, SwapFree: 200, DiskTotal: 90, DiskFree: 30, Load: [3]float64{0.5, 1.25, 2}, Cores: 8, Started: time.Unix(1_700_000_000, 0)},
	}
}

func (w *ward) Versions(context.Context) (Versions, error) {
	return Versions{Kernel: "6.1.0", Engine: "28.1.1", Runner: "0123456789ab"}, nil
}

func (w *ward) Each(context.Context) (all []Container, _ error) {
	for _, container := range w.containers {
		container.Address = fmt.Sprint(container.Slice)
		all = append(all, container)
	}
	return all, nil
}

func (w *ward) Find(_ context.Context, slice int64) (Running, bool, error) {
	return Running{Address: fmt.Sprint(slice)}, true, nil
}

func (w *ward) Group(container Container) (uint64, error) { return w.group[container.Slice], nil }

func (w *ward) Probe(_ context.Context, running Running) (Status, error) {
	var slice int64
	_, _ = fmt.Sscan(running.Address, &slice)
	w.asked = append(w.asked, slice)
	status, ok := w.statuses[slice]
	if !ok {
		return Status{}, errors.New("deaf")
	}
	return status, nil
}

func (w *ward) Usage(container Container) (uint64, Usage, error) {
	usage, ok := w.usage[container.Slice]
	if !ok {
		return 0, Usage{}, errors.New("gone")
	}
	return w.group[container.Slice], usage, nil
}

func (w *ward) Server() (ServerUsage, error) { return w.whole, nil }

func (w *ward) Track(group uint64) error {
	w.tracked = append(w.tracked, group)
	w.traffic[group] = Counters{}
	return nil
}

func (w *ward) Read(context.Context) (map[uint64]Counters, error) {
	return maps.Clone(w.traffic), w.blind
}

func (w *ward) Forget(group uint64) error {
	w.forgotten = append(w.forgotten, group)
	delete(w.traffic, group)
	return nil
}

// slice makes one that a user has and that has run for an hour.
func (w *ward) slice(group uint64) int64 {
	w.t.Helper()
	l := &line{t: w.t, db: w.db, now: w.now}
	slice := l.slice(fmt.Sprintf("user%d", group), false)
	w.start(slice.ID, group, w.now.Add(-time.Hour))
	return slice.ID
}

func (w *ward) start(slice int64, group uint64, at time.Time) {
	w.containers[slice] = Container{Slice: slice, Running: true, StartedAt: at}
	w.group[slice], w.usage[slice] = group, Usage{Resident: 100, Swapped: 40}
	w.traffic[group] = Counters{}
	w.statuses[slice] = Status{Said: Said{State: "ready", PhoneNumber: pointer("15550001")}}
}

// add is traffic of a group up to now.
func (w *ward) add(group uint64, user, upstream uint64) {
	c := w.traffic[group]
	c.User.Bytes += user
	c.Upstream.Bytes += upstream
	if user > 0 {
		c.User.Last = w.now
	}
	if upstream > 0 {
		c.Upstream.Last = w.now
	}
	w.traffic[group] = c
}

func (w *ward) try() error {
	worker := &Sample{Pool: w.db.Pool, Containers: w, Gauges: w, Traffic: w, Software: w, Clock: func() time.Time { return w.now }, AskWithin: 5 * time.Second, AskAtOnce: 1}
	return worker.Work(context.Background(), &river.Job[SampleArgs]{Args: SampleArgs{Server: w.server}})
}

func (w *ward) sample() {
	w.t.Helper()
	if err := w.try(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ward) value(query string, args ...any) (value int64) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(context.Background(), query, args...).Scan(&value); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return value
}

func (w *ward) row(slice int64) store.Slice {
	w.t.Helper()
	row, err := store.New(w.db.Pool).SliceByID(context.Background(), slice)
	if err != nil {
		w.t.Fatal(err)
	}
	return row
}

func TestSampleWritesARowForEachSliceAndTheServer(t *testing.T) {
	w := newWard(t)
	one, two := w.slice(11), w.slice(12)
	w.add(11, 700, 300)
	w.sample()
	if n := w.value("SELECT count(*) FROM gateway.telemetry WHERE rss_bytes = 100 AND swap_bytes = 40 AND wa_state = 'ready' AND seconds = 3600"); n != 2 {
		t.Errorf("%d rows", n)
	}
	if n := w.value("SELECT user_bytes * 10000 + upstream_bytes FROM gateway.telemetry WHERE slice_id = $1", one); n != 7000300 {
		t.Errorf("bytes: %d", n)
	}
	if n := w.value("SELECT idle_seconds FROM gateway.telemetry WHERE slice_id = $1", two); n != 3600 {
		t.Errorf("never used, and idle for %d s: it has run for an hour", n)
	}
	if n := w.value("SELECT count(*) FROM gateway.server_telemetry WHERE ram_used_bytes = 600 AND swap_used_bytes = 300 AND disk_used_bytes = 60 AND active_slices = 1 AND total_slices = 2 AND slices_rss_bytes = 200 AND slices_swap_bytes = 80 AND swap_in_rate IS NULL"); n != 1 {
		t.Error("the server's row is not as it was read")
	}
	if n := w.value("SELECT count(*) FROM gateway.server_telemetry WHERE load_1m = 0.5 AND load_5m = 1.25 AND load_15m = 2"); n != 1 {
		t.Error("the server's load is not as it was read")
	}
	if n := w.value("SELECT count(*) FROM gateway.servers WHERE name = $1 AND booted_at = to_timestamp(1700000000) AND cores = 8 AND kernel = '6.1.0' AND engine_version = '28.1.1' AND runner_version = '0123456789ab' AND announced_at = $2", w.server, w.now); n != 1 {
		t.Error("what the server is was not announced")
	}
	row := w.row(one)
	if !row.WaConnected || row.WaState != "ready" || row.WaPhone == nil || row.WaChangedAt == nil || row.LastHealthAt == nil || row.MemoryBytes != 100 || row.SwapBytes != 40 {
		t.Errorf("%+v", row)
	}
	if row.LastActivityAt == nil || !row.LastActivityAt.Equal(w.now) || w.row(two).LastActivityAt != nil {
		t.Error("who was active is not known")
	}
	w.now = w.now.Add(time.Minute)
	w.whole.SwappedIn = 6000
	w.sample()
	if n := w.value("SELECT swap_in_rate FROM gateway.server_telemetry WHERE timestamp = $1", w.now); n != 100 {
		t.Errorf("%d pages a second", n)
	}
}

func TestNoByteIsLostOrCountedTwice(t *testing.T) {
	w := newWard(t)
	slice := w.slice(11)
	total := func() int64 { return w.value("SELECT coalesce(sum(user_bytes), 0) FROM gateway.telemetry") }
	w.add(11, 1000, 0)
	w.sample()
	if err := w.try(); err != nil || total() != 1000 { // the same job, run again
		t.Fatalf("%v, %d bytes", err, total())
	}
	w.now = w.now.Add(time.Minute)
	w.add(11, 20, 0)
	w.sample()
	// The container is restarted between two samples.
	w.now = w.now.Add(time.Minute)
	w.add(11, 300, 0)
	w.start(slice, 12, w.now)
	w.add(12, 4000, 0)
	w.sample()
	if total() != 5320 {
		t.Errorf("%d bytes of 5320", total())
	}
	if len(w.forgotten) != 1 || w.forgotten[0] != 11 {
		t.Errorf("forgotten are %v", w.forgotten)
	}
	// It stops, and starts again much later.
	w.now = w.now.Add(time.Minute)
	w.add(12, 50000, 0)
	delete(w.containers, slice)
	w.sample()
	if w.row(slice).MemoryBytes != 0 {
		t.Error("a stopped slice has memory")
	}
	w.now = w.now.Add(time.Hour)
	w.start(slice, 13, w.now)
	w.sample()
	if total() != 55320 {
		t.Errorf("%d bytes of 55320", total())
	}
	if n := w.value("SELECT count(*) FROM gateway.telemetry"); n != 4 {
		t.Errorf("%d rows: what was missed must be a gap", n)
	}
}

func TestTotalsAreSafeBeforeTheirCountersAreForgotten(t *testing.T) {
	w := newWard(t)
	slice := w.slice(11)
	w.sample()
	w.add(11, 300, 0)
	w.now = w.now.Add(time.Minute)
	w.start(slice, 12, w.now)
	// The runner is killed before it commits.
	ctx := context.Background()
	worker := &Sample{Pool: w.db.Pool, Containers: w, Gauges: w, Traffic: w, Software: w, Clock: func() time.Time { return w.now }, AskWithin: time.Second, AskAtOnce: 1}
	s, err := worker.read(ctx, w.server)
	if err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	if err := pgx.BeginFunc(ctx, w.db.Pool, func(tx pgx.Tx) error {
		if _, err := s.write(ctx, store.New(tx)); err != nil {
			return err
		}
		return killed
	}); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if len(w.forgotten) > 0 {
		t.Fatal("the counters are gone")
	}
	w.sample()
	if n := w.value("SELECT sum(user_bytes) FROM gateway.telemetry"); n != 300 {
		t.Errorf("%d bytes of 300", n)
	}
}

func TestASliceThatCannotBeReadIsAGap(t *testing.T) {
	w := newWard(t)
	one, two := w.slice(11), w.slice(12)
	w.sample()
	w.now = w.now.Add(time.Minute)
	delete(w.usage, one)
	if err := w.try(); err == nil {
		t.Error("nobody hears of it")
	}
	if n := w.value("SELECT count(*) FROM gateway.telemetry WHERE slice_id = $1", one); n != 1 {
		t.Errorf("%d rows of the slice that could not be read", n)
	}
	if n := w.value("SELECT count(*) FROM gateway.telemetry WHERE slice_id = $1", two); n != 2 {
		t.Errorf("%d rows of its neighbour", n)
	}
	if w.row(one).MemoryBytes != 100 {
		t.Error("what was known of it is gone")
	}
	if len(w.forgotten) > 0 {
		t.Errorf("counters of a container that runs are forgotten: %v", w.forgotten)
	}
	w.now = w.now.Add(time.Minute)
	w.usage[one] = Usage{Resident: 100, CPU: 12 * time.Second}
	w.sample()
	if n := w.value("SELECT round(seconds + 1000 * cpu_percent) FROM gateway.telemetry WHERE slice_id = $1 ORDER BY timestamp DESC LIMIT 1", one); n != 10120 {
		t.Errorf("12 s in two minutes are 10 %% of a core: got %d", n)
	}
}

func TestAServerThatCannotCountSaysWhy(t *testing.T) {
	w := newWard(t)
	slice := w.slice(11)
	w.add(11, 1000, 0)
	w.sample()
	w.blind = errors.New("the kernel has no eBPF")
	w.now = w.now.Add(time.Minute)
	w.sample()
	if n := w.value("SELECT count(*) FROM gateway.telemetry WHERE timestamp = $1 AND user_bytes IS NULL AND idle_seconds IS NULL AND rss_bytes = 100", w.now); n != 1 {
		t.Error("what could be read is not written, or what could not is")
	}
	if n := w.value("SELECT count(*) FROM gateway.servers WHERE probe_error = 'the kernel has no eBPF'"); n != 1 {
		t.Error("the server does not say why")
	}
	if n := w.value("SELECT count(*) FROM gateway.server_telemetry WHERE active_slices IS NULL"); n != 1 {
		t.Error("nobody can tell how many slices are in use")
	}
	if len(w.asked) != 2 || len(w.forgotten) > 0 {
		t.Errorf("asked %v, forgotten %v", w.asked, w.forgotten)
	}
	w.blind = nil
	w.now = w.now.Add(time.Minute)
	w.add(11, 7, 0)
	w.sample()
	if n := w.value("SELECT sum(user_bytes) FROM gateway.telemetry WHERE slice_id = $1", slice); n != 1007 {
		t.Errorf("%d bytes of 1007", n)
	}
	if n := w.value("SELECT count(*) FROM gateway.servers WHERE probe_error IS NULL"); n != 1 {
		t.Error("the reason is over and still said")
	}
}

func TestAnIdleSliceIsLeftAloneWhileItsKeepalivesFlow(t *testing.T) {
	w := newWard(t)
	slice := w.slice(11)
	w.sample() // it has never been asked
	w.asked = nil
	for range 10 {
		w.now = w.now.Add(time.Minute)
		w.add(11, 0, 200)
		w.sample()
	}
	if len(w.asked) > 0 {
		t.Errorf("it was asked %d times", len(w.asked))
	}
	if row := w.row(slice); row.LastHealthAt == nil || !row.LastHealthAt.Equal(w.now) {
		t.Error("its keepalives do not count as life")
	}
	// They stop, and it does not answer.
	delete(w.statuses, slice)
	heard := w.now
	for range 3 {
		w.now = w.now.Add(time.Minute)
		w.sample()
	}
	if len(w.asked) != 2 {
		t.Errorf("it was asked %d times, and was silent for two minutes and for three", len(w.asked))
	}
	if row := w.row(slice); !row.LastHealthAt.Equal(heard) || row.WaState != "ready" {
		t.Errorf("health %v, state %s", row.LastHealthAt, row.WaState)
	}
	if n := w.value("SELECT count(*) FROM gateway.telemetry WHERE wa_state IS NULL"); n != 2 {
		t.Errorf("%d rows do not know its state", n)
	}
	w.statuses[slice] = Status{Said: Said{State: "disconnected"}}
	w.now = w.now.Add(time.Minute)
	w.sample()
	if row := w.row(slice); !row.WaConnected || row.WaState != "disconnected" || !row.WaChangedAt.Equal(w.now) || row.WaPhone == nil {
		t.Errorf("%+v", row)
	}
}

func TestAStateIsNotWrittenOverAJob(t *testing.T) {
	w := newWard(t)
	slice := w.slice(11)
	w.statuses[slice] = Status{Said: Said{State: "logged_out"}}
	ctx := context.Background()
	worker := &Sample{Pool: w.db.Pool, Containers: w, Gauges: w, Traffic: w, Software: w, Clock: func() time.Time { return w.now }, AskWithin: time.Second, AskAtOnce: 1}
	s, err := worker.read(ctx, w.server)
	if err != nil {
		t.Fatal(err)
	}
	s.answers = worker.ask(ctx, s.due(nil))
	if _, err := store.New(w.db.Pool).TakeSlice(ctx, slice); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write(ctx, store.New(w.db.Pool)); err != nil {
		t.Fatal(err)
	}
	if row := w.row(slice); row.WaState != "starting" {
		t.Errorf("a job has the slice in hand, and it is %s", row.WaState)
	}
}

func TestNewGroupsAreCounted(t *testing.T) {
	w := newWard(t)
	w.slice(11)
	delete(w.traffic, 11)
	w.sample()
	if len(w.tracked) != 1 || w.tracked[0] != 11 || len(w.forgotten) > 0 {
		t.Errorf("tracked %v, forgotten %v", w.tracked, w.forgotten)
	}
}
