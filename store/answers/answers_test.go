package answers_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/answers"
	"slicegate/store/storetest"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestNothingIsSaidWithoutData(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	db.Server(t)
	found, err := answers.Read(ctx, db.Pool, answers.Options{Now: time.Now().Truncate(time.Second), Days: 30})
	if err != nil {
		t.Fatal(err)
	}
	verdicts := []answers.Verdict{found.Footprint.Verdict, found.Ceilings[0].Verdict, found.Connections.Verdict, found.Leaks.Verdict, found.Waking.Verdict, found.Room[0].Verdict}
	for i, verdict := range verdicts {
		if verdict.Known || !strings.HasPrefix(verdict.Says, "Not enough data: needs ") || verdict.Confidence != answers.None {
			t.Errorf("question %d: %+v", i+1, verdict)
		}
	}
	var says strings.Builder
	if err := found.Text(&says); err != nil || strings.Count(says.String(), "Not enough data") != 6 {
		t.Errorf("%v\n%s", err, &says)
	}
	if _, there, err := answers.Known(ctx, store.New(db.Pool), 30); there || err != nil {
		t.Errorf("answers that nobody has found: %v, %v", there, err)
	}
	if err := found.Save(ctx, store.New(db.Pool)); err != nil {
		t.Fatal(err)
	}
	if known, there, err := answers.Known(ctx, store.New(db.Pool), 30); !there || err != nil || !known.At.Equal(found.At) {
		t.Errorf("%v, %v, %v", known.At, there, err)
	}
}

// swapBins are samples of a server whose use of swap goes up and down between two sizes.
func swapBins(rate func(used float64) float64) (bins []store.ServerBinsRow) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		used := (8 + 4*math.Sin(float64(i)/300)) * (1 << 30)
		read := float32(max(0, rate(used)*(1+0.3*random.NormFloat64())))
		bins = append(bins, store.ServerBinsRow{
			Timestamp: day.Add(time.Duration(i) * 5 * time.Minute), SwapUsedBytes: int64(used), SwapTotalBytes: 32 << 30, SwapInRate: &read, TotalSlices: 10,
		})
	}
	return bins
}

func TestACeilingIsABend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rate func(float64) float64
		at   float64 // GB; zero: none
	}{
		"flat":                           {func(float64) float64 { return 100 }, 0},
		"falling":                        {func(used float64) float64 { return 300 - 20*used/(1<<30) }, 0},
		"rising evenly, with the slices": {func(used float64) float64 { return 40 * used / (1 << 30) }, 0},
		"bent by what hardly matters":    {func(used float64) float64 { return 200 + 10*max(0, used/(1<<30)-9) }, 0},
		"bent":                           {func(used float64) float64 { return 50 + 400*max(0, used/(1<<30)-9) }, 9},
		"bent at once":                   {func(used float64) float64 { return 20 + 2000*max(0, used/(1<<30)-11) }, 11},
	} {
		c := answers.CeilingOf("a", swapBins(test.rate))
		if !c.Known || c.Reached != (test.at > 0) {
			t.Errorf("%s: %s", name, c.Says)
		}
		if got := c.Bytes / (1 << 30); test.at > 0 && (math.Abs(got-test.at) > 0.3 || c.Between.Low > c.Bytes || c.Between.High < c.Bytes) {
			t.Errorf("%s: at %.2f GB (%v)", name, got, c.Between)
		}
	}
}

// rests are days of a slice at rest, each with its container.
func rests(slice int64, days int, container func(day int) int, bytes func(day int) float64) (rows []store.RestByDayRow) {
	for i := range days {
		rows = append(rows, store.RestByDayRow{
			SliceID: slice, Day: day.AddDate(0, 0, i), Hours: 20, Bytes: bytes(i), StartedAt: day.AddDate(0, 0, -1).Add(time.Duration(container(i)) * time.Hour),
		})
	}
	return rows
}

func TestALeakIsGrowthWithinAContainer(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	one := func(int) int { return 0 }
	random := rand.New(rand.NewPCG(3, 4))
	noise := func() float64 { return 2 * mb * random.NormFloat64() }
	week := func(i int) float64 { return 15 * mb * math.Sin(2*math.Pi*float64(i)/7) }
	for name, test := range map[string]struct {
		rows []store.RestByDayRow
		leak float64 // MB a day
	}{
		"steady":                             {rests(1, 28, one, func(int) float64 { return 160*mb + noise() }), 0},
		"steady, a week's waves":             {rests(1, 28, one, func(i int) float64 { return 160*mb + week(i) + noise() }), 0},
		"two steps of restarts, each larger": {rests(1, 28, func(i int) int { return i / 10 }, func(i int) float64 { return 160*mb + float64(i/10)*30*mb + noise() }), 0},
		"shrinking":                          {rests(1, 28, one, func(i int) float64 { return 300*mb - 4*mb*float64(i) + noise() }), 0},
		"a leak":                             {rests(1, 28, one, func(i int) float64 { return 160*mb + 5*mb*float64(i) + noise() }), 5},
		"a leak in waves":                    {rests(1, 28, one, func(i int) float64 { return 160*mb + 5*mb*float64(i) + week(i) + noise() }), 5},
		"a slow leak in high waves":          {rests(1, 25, one, func(i int) float64 { return 160*mb + 2*mb*float64(i) + 2*week(i) + noise() }), 2},
		"a leak that restarts hide":          {rests(1, 28, func(i int) int { return i / 7 }, func(i int) float64 { return 160*mb + 5*mb*float64(i%7) + noise() }), 5},
		"wild days":                          {rests(1, 28, one, func(i int) float64 { return 160*mb + 5*mb*float64(i) + noise() + 200*mb*float64((i%9)/8) }), 5},
		"a week, growing as a week's rhythm": {rests(1, 8, one, func(i int) float64 { return 160*mb + 4*mb*float64(i) + noise() }), 0},
	} {
		l := answers.LeaksOf(test.rows)
		if !l.Known || len(l.Leaking) != int(math.Ceil(test.leak/100)) {
			t.Errorf("%s: %s", name, l.Says)
			continue
		}
		if test.leak > 0 {
			if got := l.Leaking[0]; math.Abs(got.PerDay/mb-test.leak) > 0.15*test.leak || got.Between.Low > test.leak*mb || got.Between.High < test.leak*mb {
				t.Errorf("%s: %.2f MB a day (%v)", name, got.PerDay/mb, got.Between)
			}
		}
	}
	if l := answers.LeaksOf(rests(1, 5, one, func(int) float64 { return mb })); l.Known {
		t.Errorf("five days: %s", l.Says)
	}
}

func TestAFlakySliceThatRestsMuchSaysNothing(t *testing.T) {
	t.Parallel()
	const days = 86400
	// One breaks ten times as often as the others, and is always in swap; each breaks as often in as out.
	rows := []store.ConnectionsRow{
		{SliceID: 1, Band: 4, ReadySeconds: 100 * days, SwappedReadySeconds: 99 * days, Disconnects: 200, SwappedDisconnects: 198},
		{SliceID: 2, Band: 1, ReadySeconds: 100 * days, SwappedReadySeconds: 10 * days, Disconnects: 20, SwappedDisconnects: 2},
		{SliceID: 3, Band: 1, ReadySeconds: 100 * days, SwappedReadySeconds: 10 * days, Disconnects: 20, SwappedDisconnects: 2},
	}
	c := answers.ConnectionsOf(rows)
	if !c.Known || c.More || math.Abs(c.Ratio-1) > 0.01 {
		t.Errorf("%s", c.Says)
	}
	if c.Swapped.PerDay < 3*c.Resident.PerDay {
		t.Error("the crude rates do not differ: this test shows nothing")
	}
	rows[1].SwappedDisconnects, rows[1].Disconnects, rows[2].SwappedDisconnects, rows[2].Disconnects = 12, 30, 12, 30
	if c := answers.ConnectionsOf(rows); !c.More || c.Between.Low < 1 {
		t.Errorf("%s", c.Says)
	}
	quiet := []store.ConnectionsRow{{SliceID: 1, Band: 4, ReadySeconds: 400 * days, SwappedReadySeconds: 300 * days, Disconnects: 1, SwappedDisconnects: 1}}
	if c := answers.ConnectionsOf(quiet); !c.Known || c.Ratio != 0 || c.Confidence != answers.Low {
		t.Errorf("once in 400 days: %+v", c.Verdict)
	}
}

func TestRoomReckonsWithWhatWasMeasured(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	cpu, read := float32(20), float32(10)
	var bins []store.ServerBinsRow
	for i := range 2016 {
		bins = append(bins, store.ServerBinsRow{
			Timestamp: day.Add(time.Duration(i) * 5 * time.Minute), TotalSlices: 40, RamTotalBytes: 64 * gb, RamUsedBytes: 12 * gb, SlicesRssBytes: 8 * gb, SwapRamBytes: 2 * gb,
			SwapTotalBytes: 32 * gb, SwapUsedBytes: 11 * gb, SlicesSwapBytes: 10 * gb, SwapInRate: &read, CpuPercent: &cpu, DiskTotalBytes: 350 * gb, DiskUsedBytes: 60 * gb,
		})
	}
	wakes, storage := store.WakesAtOnceRow{Most: 4, BackBytes: 0.5 * gb}, store.StorageOfSlicesRow{Slices: 40, Bytes: 40 * gb}
	options := answers.Options{MinFree: gb, SwapUse: 0.8, PageRate: 1000}
	room := func(ceiling answers.Ceiling) (answers.Room, map[string]int) {
		r := answers.RoomOf("a", bins, wakes, storage, ceiling, options)
		allows := map[string]int{}
		for _, limit := range r.Limits {
			allows[limit.Name] = limit.Slices
		}
		return r, allows
	}
	r, allows := room(answers.Ceiling{})
	// 61 GB for slices of 250 MB and a part of 4 that wake; 24.6 GB for slices of 256 MB; and so on.
	for name, want := range map[string]int{
		answers.LimitRAM: 203, answers.LimitSwap: 98, answers.LimitSwapIn: 4000, answers.LimitCPU: 180, answers.LimitDisk: 277,
	} {
		if allows[name] != want {
			t.Errorf("%s allows %d slices, want %d", name, allows[name], want)
		}
	}
	if r.Binds != answers.LimitSwap || r.More != 98-40 || r.Confidence != answers.Low {
		t.Errorf("%+v", r.Verdict)
	}
	r, allows = room(answers.Ceiling{Verdict: answers.Verdict{Known: true}, Reached: true, Bytes: 9 * gb})
	if allows[answers.LimitSwapIn] != 32 || r.Binds != answers.LimitSwapIn || r.More != -8 || !strings.Contains(r.Says, "more than it should") {
		t.Errorf("%d, %s", allows[answers.LimitSwapIn], r.Says)
	}
}

func TestWaking(t *testing.T) {
	t.Parallel()
	resident := store.WakeDelaysRow{Band: 0, Wakes: 400, Answers: 400, StallUs: []float64{0, 0, 1}, AnswerUs: []float64{8e3, 1e4, 2e4}, BackBytes: []float64{0, 0, 0}}
	asleep := store.WakeDelaysRow{Band: 3, Wakes: 400, Answers: 350, StallUs: []float64{1e4, 2e4, 4e4}, AnswerUs: []float64{5e4, 8e4, 3e5}, BackBytes: []float64{5e7, 6e7, 7e7}}
	w := answers.WakingOf([]store.WakeDelaysRow{resident, asleep})
	if !w.Known || math.Abs(w.Ratio-15) > 1e-9 || w.Confidence != answers.High || !strings.Contains(w.Says, "hardly anybody notices") {
		t.Errorf("%+v", w.Verdict)
	}
	asleep.AnswerUs = []float64{2e6, 3e6, 4e6}
	if w := answers.WakingOf([]store.WakeDelaysRow{resident, asleep}); !strings.Contains(w.Says, "most notice") {
		t.Error(w.Says)
	}
	asleep.Wakes, asleep.Answers, asleep.AnswerUs = 400, 0, nil
	if w := answers.WakingOf([]store.WakeDelaysRow{resident, asleep}); w.Known {
		t.Error(w.Says)
	}
}
