package reclaim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	start    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	settings = Settings{After: 2 * time.Minute, SwapUse: 0.8, Rate: 40 << 20, SwapIn: 500, Refaults: 128, Upstream: 16 << 10, Watch: Watch, Reserve: 256 << 20}
	roomy    = Server{SwapTotal: 32 << 30}
)

const tick = 5 * time.Second

// course runs models under Decide, as Controller would.
type course struct {
	now     time.Time
	server  Server
	models  map[int64]*model
	slices  map[int64]*Slice
	users   map[int64]time.Time
	busy    map[int64]int64 // bytes from WhatsApp a minute
	steps   []Step
	stopped string
	ended   map[int64]string // what an operator asked for
}

func newCourse(server Server, models map[int64]*model) *course {
	c := &course{now: start, server: server, models: models, slices: map[int64]*Slice{}, users: map[int64]time.Time{}, busy: map[int64]int64{}, ended: map[int64]string{}}
	for id := range models {
		c.slices[id] = &Slice{ID: id, Started: start}
	}
	return c
}

// run goes on for a while, and gives the steps that were taken in it.
func (c *course) run(long time.Duration) []Step {
	before := len(c.steps)
	for end := c.now.Add(long); c.now.Before(end); c.now = c.now.Add(tick) {
		var all []Slice
		for _, id := range slices.Sorted(maps.Keys(c.models)) {
			model, slice := c.models[id], c.slices[id]
			model.live(c.now)
			reading := Reading{At: c.now, Resident: model.resident(), Swapped: model.swapped(), Refaults: model.refaults, User: c.users[id]}
			if n := len(slice.History); n > 0 {
				reading.Upstream = slice.History[n-1].Upstream + int64(float64(c.busy[id])*tick.Minutes())
			}
			slice.History = append(slice.History, reading)
			if len(slice.History) > 14 {
				slice.History = slice.History[1:]
			}
			all = append(all, *slice)
		}
		plan := Decide(c.now, c.server, all, settings, tick)
		c.stopped = plan.Stopped
		maps.Copy(c.ended, plan.Ended)
		for id, pace := range plan.Paces {
			c.slices[id].Pace = pace
		}
		for _, step := range plan.Steps {
			given := c.models[step.Slice].take(step.Bytes)
			c.slices[step.Slice].Pace.Note(c.now, given)
			c.server.SwapUsed += given
			c.steps = append(c.steps, step)
		}
	}
	return c.steps[before:]
}

func TestTheWorkingSetIsFoundAndLeftAlone(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string][]part{
		"a hot set of 40 of 200 MB": {{bytes: 40 << 20, every: tick}, {bytes: 160 << 20}},
		"a small one":               {{bytes: 10 << 20, every: tick}, {bytes: 160 << 20}},
		"touched each half minute":  {{bytes: 30 << 20, every: 30 * time.Second}, {bytes: 170 << 20}},
		"two rhythms":               {{bytes: 20 << 20, every: tick}, {bytes: 20 << 20, every: 40 * time.Second}, {bytes: 160 << 20}},
		"a burst each five minutes": {{bytes: 20 << 20, every: tick}, {bytes: 20 << 20, every: 5 * time.Minute}, {bytes: 160 << 20}},
		"nearly all of it is used":  {{bytes: 150 << 20, every: tick}, {bytes: 50 << 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hot int64
			for _, p := range parts {
				if p.every > 0 {
					hot += p.bytes
				}
			}
			c := newCourse(roomy, map[int64]*model{1: newModel(start, parts...)})
			c.run(settings.After + 30*time.Minute)
			model := c.models[1]
			if held := model.resident(); held > hot+hot/4+8<<20 {
				t.Errorf("after half an hour it holds %d MB, of which it uses %d", held>>20, hot>>20)
			}
			if back := model.refaults * page; back > model.taken/3+12<<20 {
				t.Errorf("%d of %d MB that were taken came back", back>>20, model.taken>>20)
			}
			before := model.refaults
			c.run(2 * time.Hour)
			perMinute := float64(model.refaults-before) / 120
			if perMinute > float64(2*settings.Refaults) {
				t.Errorf("it goes on reading back %.0f pages a minute", perMinute)
			}
			if floor := c.slices[1].Pace.Floor; floor < hot || floor > hot+hot/4+8<<20 {
				t.Errorf("its floor is taken for %d MB, it is %d", floor>>20, hot>>20)
			}
		})
	}
}

func TestWhatASliceGrowsByIsTakenThoughItIsLeftAlone(t *testing.T) {
	t.Parallel()
	grower := newModel(start, part{bytes: 12 << 20, every: tick}, part{bytes: 140 << 20})
	c := newCourse(roomy, map[int64]*model{1: grower})
	c.run(settings.After + time.Hour)
	if left := c.slices[1].Pace.Until.Sub(c.now); left < 10*time.Minute {
		t.Fatalf("it is left alone for %v more: this test sees nothing", left)
	}
	held, before := grower.resident(), grower.refaults
	grower.grows = 600 << 10
	c.run(10 * time.Minute)
	if now := grower.resident(); now > held+3<<20 {
		t.Errorf("what grew by 6 MB holds %d MB, and %d before", now>>20, held>>20)
	}
	if back := grower.refaults - before; back > 10*settings.Refaults {
		t.Errorf("%d pages came back in ten minutes", back)
	}
}

func TestNothingIsTakenDuringASession(t *testing.T) {
	t.Parallel()
	c := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 200 << 20})})
	random := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		c.users[1] = c.now
		// A user's stream says something at least each half minute.
		quiet := time.Duration(random.Int64N(int64(settings.After)))
		if steps := c.run(quiet - quiet%tick); len(steps) > 0 {
			t.Fatalf("%v of a slice that was used less than %v ago", steps, quiet)
		}
	}
	if steps := c.run(settings.After + time.Minute); len(steps) == 0 {
		t.Error("nothing is taken of it afterwards either")
	}
	if c.slices[1].Awake = c.now.Add(time.Minute); len(c.run(time.Minute+settings.After-tick)) > 0 {
		t.Error("taken of a slice whose user is on their way")
	}
}

func TestAFloorThatIsKnownIsReachedFast(t *testing.T) {
	t.Parallel()
	hot, cold := part{bytes: 40 << 20, every: tick}, part{bytes: 160 << 20}
	c := newCourse(roomy, map[int64]*model{1: newModel(start, hot, cold)})
	down := func() (took time.Duration, refaults int64) {
		began, before := c.now, c.models[1].refaults
		for c.models[1].resident() > 60<<20 && c.now.Sub(began) < 2*time.Hour {
			c.run(tick)
		}
		return c.now.Sub(began), c.models[1].refaults - before
	}
	first, _ := down()
	c.run(30 * time.Minute)
	// The user comes and uses all of it.
	for _, p := range c.models[1].parts {
		p.out, p.touched = 0, c.now
	}
	c.users[1] = c.now
	again, refaults := down()
	if again >= first {
		t.Errorf("the second time took %v, the first %v", again, first)
	}
	if refaults > 0 {
		t.Errorf("%d pages came back on the way to a floor that was known", refaults)
	}
}

func TestTheServersBounds(t *testing.T) {
	t.Parallel()
	many := func() map[int64]*model {
		models := map[int64]*model{}
		for id := range int64(50) {
			models[id+1] = newModel(start, part{bytes: 200 << 20})
		}
		return models
	}
	t.Run("the rate", func(t *testing.T) {
		t.Parallel()
		c := newCourse(roomy, many())
		c.run(settings.After)
		most := int64(float64(settings.Rate) * tick.Seconds())
		reached := false
		for range 100 {
			var sum int64
			for _, step := range c.run(tick) {
				sum += step.Bytes
			}
			reached = reached || sum > most/2
			if sum > most {
				t.Fatalf("%d MB in %v", sum>>20, tick)
			}
		}
		if !reached {
			t.Error("the rate was never come near to: this test sees nothing")
		}
	})
	t.Run("the swap", func(t *testing.T) {
		t.Parallel()
		c := newCourse(Server{SwapTotal: 1 << 30}, many())
		c.run(time.Hour)
		if used := float64(c.server.SwapUsed) / float64(c.server.SwapTotal); used > 0.8 || used < 0.75 {
			t.Errorf("%.2f of the swap is used", used)
		}
	})
	for name, server := range map[string]Server{
		"an operator paused it":                              {SwapTotal: 32 << 30, Paused: true},
		"the server has no swap":                             {},
		"80 % of the swap or more is used":                   {SwapTotal: 10 << 30, SwapUsed: 9 << 30},
		"the server reads more than 500 pages a second back": {SwapTotal: 32 << 30, SwapIn: 900},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCourse(server, many())
			if steps := c.run(time.Hour); len(steps) > 0 || c.stopped != name {
				t.Errorf("%d steps, stopped for %q", len(steps), c.stopped)
			}
		})
	}
}

func TestASliceThatIsPausedIsLeftAloneAndOthersAreNot(t *testing.T) {
	t.Parallel()
	c := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 200 << 20}), 2: newModel(start, part{bytes: 200 << 20})})
	c.slices[1].Paused = true
	for _, step := range c.run(20 * time.Minute) {
		if step.Slice == 1 {
			t.Fatal("a step of the paused one")
		}
	}
	if len(c.steps) == 0 {
		t.Error("none of the other")
	}
}

func TestStepsGrowWithIdleTime(t *testing.T) {
	t.Parallel()
	quiet := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 400 << 20})})
	busy := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 400 << 20})})
	busy.busy[1] = 1 << 20
	grown := quiet.run(30 * time.Minute)
	small := busy.run(30 * time.Minute)
	largest := func(steps []Step) (most int64) {
		for _, step := range steps {
			most = max(most, step.Bytes)
		}
		return most
	}
	if largest(grown) < 2*grown[0].Bytes {
		t.Errorf("from %d to %d bytes", grown[0].Bytes, largest(grown))
	}
	if largest(small) > small[0].Bytes {
		t.Errorf("WhatsApp is busy, and the steps grow from %d to %d bytes", small[0].Bytes, largest(small))
	}
}

func TestASliceInUseIsShielded(t *testing.T) {
	t.Parallel()
	used := Slice{ID: 1, Started: start, History: []Reading{{At: start, Resident: 1 << 28, User: start}}}
	idle := used
	idle.ID, idle.History = 2, []Reading{{At: start, Resident: 1 << 28, User: start.Add(-time.Hour)}}
	idle.Started = start.Add(-2 * time.Hour)
	plan := Decide(start, roomy, []Slice{used, idle, {ID: 3, Started: start}}, settings, tick)
	if want := map[int64]int64{1: settings.Reserve, 2: 0, 3: settings.Reserve}; !maps.Equal(plan.Shields, want) {
		t.Errorf("%v", plan.Shields)
	}
}

func TestAStallStopsWhereNoPageComesBack(t *testing.T) {
	t.Parallel()
	slice := Slice{ID: 1, Started: start.Add(-time.Hour), Pace: Pace{Size: 8 << 20}}
	slice.Pace.Note(start, 8<<20)
	slice.History = []Reading{{At: start, Resident: 108 << 20}, {At: start.Add(settings.glance()), Resident: 100 << 20, Pressure: time.Second}}
	plan := Decide(start.Add(settings.glance()), roomy, []Slice{slice}, settings, tick)
	if pace := plan.Paces[1]; len(plan.Steps) > 0 || pace.Hold != settings.glance() || !pace.Hurt {
		t.Errorf("it stalled for a second: %+v, steps %v", pace, plan.Steps)
	}
	slice.History[1].Pressure = 0
	plan = Decide(start.Add(settings.glance()), roomy, []Slice{slice}, settings, tick)
	if len(plan.Steps) != 1 || plan.Paces[1].Hold != 0 {
		t.Errorf("it did not stall: %+v, steps %v", plan.Paces[1], plan.Steps)
	}
}

func TestASliceThatGivesNothingIsNotAskedAgainAtOnce(t *testing.T) {
	t.Parallel()
	slice := Slice{ID: 1, Started: start.Add(-time.Hour), Pace: Pace{Size: 8 << 20}}
	slice.Pace.Note(start, 0)
	slice.History = []Reading{{At: start.Add(tick), Resident: 100 << 20}}
	plan := Decide(start.Add(tick), roomy, []Slice{slice}, settings, tick)
	if until := plan.Paces[1].Until; len(plan.Steps) > 0 || until.Sub(start) < emptyHold {
		t.Errorf("it is asked again at %v", until)
	}
}

// A full collection of a backend's heap touches all of it, each quarter of an hour.
func TestWhatWasTouchedInOneGoIsTakenAgain(t *testing.T) {
	t.Parallel()
	slice := newModel(start, part{bytes: 12 << 20, every: tick}, part{bytes: 10 << 20, every: 15 * time.Minute}, part{bytes: 130 << 20})
	c := newCourse(roomy, map[int64]*model{1: slice})
	c.run(settings.After + time.Hour)
	var most, sum, n int64
	before := slice.refaults
	for range 2 * time.Hour / tick {
		c.run(tick)
		most, sum, n = max(most, slice.resident()), sum+slice.resident(), n+1
	}
	if most < 20<<20 {
		t.Fatalf("it never held more than %d MB: this test sees nothing", most>>20)
	}
	if mean := sum / n; mean > 15<<20 {
		t.Errorf("it holds %d MB on average, of which it uses 12 all the time", mean>>20)
	}
	if perMinute := float64(slice.refaults-before) / 120; perMinute > float64(2*settings.Refaults) {
		t.Errorf("it reads back %.0f pages a minute", perMinute)
	}
}

// What somebody goes on using more of than before is theirs: it is not taken again and again.
func TestAWorkingSetThatGrowsIsLeftToGrow(t *testing.T) {
	t.Parallel()
	slice := newModel(start, part{bytes: 12 << 20, every: tick}, part{bytes: 140 << 20})
	c := newCourse(roomy, map[int64]*model{1: slice})
	c.run(settings.After + time.Hour)
	slice.parts = append(slice.parts, &part{bytes: 20 << 20, every: tick, touched: c.now})
	before := slice.refaults
	c.run(3 * time.Hour)
	if perMinute := float64(slice.refaults-before) / 180; perMinute > float64(settings.Refaults) {
		t.Errorf("it reads back %.0f pages a minute", perMinute)
	}
}
