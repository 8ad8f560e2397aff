package fleet_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"slicegate/deploy/local/fleet"
	"slicegate/store"
	"slicegate/store/answers"
	"slicegate/store/storetest"
)

// asked makes a fleet up and asks the six questions of it.
func asked(t *testing.T, seed uint64, healthy bool) (fleet.Planted, answers.Answers) {
	t.Helper()
	ctx, db := context.Background(), storetest.New(t)
	end := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	planted, err := fleet.Write(ctx, db.Pool, fleet.Options{
		Slices: 24, Days: 28, Seed: seed, Every: 5 * time.Minute, End: end, Healthy: healthy, Server: "made-up",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := answers.Read(ctx, db.Pool, answers.Options{Now: end, Days: 28, MinFree: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	// A number that JSON has no word for would be found here.
	if err := found.Save(ctx, store.New(db.Pool)); err != nil {
		t.Fatal(err)
	}
	if len(found.Ceilings) != 1 || len(found.Room) != 1 {
		t.Fatalf("%d ceilings, %d rooms", len(found.Ceilings), len(found.Room))
	}
	t.Logf("seed %d\n%s%s\n%s\n%s\n%s\n%s\n%s", seed, planted.Tell(), found.Footprint.Says, found.Ceilings[0].Says, found.Connections.Says, found.Leaks.Says, found.Waking.Says, found.Room[0].Says)
	return planted, found
}

func near(got, want, within float64) bool { return math.Abs(got-want) <= within*want }

func TestAnswersFindWhatWasPlanted(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			planted, found := asked(t, seed, false)
			footprintIsFound(t, planted, found.Footprint)
			if c := found.Ceilings[0]; !c.Reached || !near(c.Bytes, planted.Ceiling, 0.1) || c.Above < 2*c.Below {
				t.Errorf("the ceiling: %+v", c)
			}
			// The interval is one of 95 %, which some seed falls out of: half as wide again it is one of 99.7 %.
			c := found.Connections
			off := math.Abs(math.Log(c.Ratio/planted.Ratio)) / math.Log(c.Between.High/c.Ratio)
			if !c.More || off > 1.5 || c.Between.High > 5*c.Between.Low || c.Outages == 0 {
				t.Errorf("connections break %.2f times as often in swap, found %.2f (%v) with %d hours of outage", planted.Ratio, c.Ratio, c.Between, c.Outages)
			}
			for _, one := range found.Leaks.Leaking {
				if want := planted.Leaks[one.Slice]; !near(one.PerDay, want, 0.15) {
					t.Errorf("slice %d leaks %.0f a day, found %.0f", one.Slice, want, one.PerDay)
				}
			}
			if len(found.Leaks.Leaking) != len(planted.Leaks) {
				t.Errorf("%d slices leak, found %d", len(planted.Leaks), len(found.Leaks.Leaking))
			}
			theRestIsFound(t, planted, found)
		})
	}
}

func TestAnswersFindNothingThatWasNotPlanted(t *testing.T) {
	for seed := range uint64(4) { // each plants another limit
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			planted, found := asked(t, 100+seed, true)
			footprintIsFound(t, planted, found.Footprint)
			if c := found.Ceilings[0]; !c.Known || c.Reached || !near(c.Most, planted.MostSwap, 0.01) {
				t.Errorf("the ceiling: %+v", c)
			}
			if c := found.Connections; !c.Known || c.More || c.Ratio == 0 {
				t.Errorf("connections: %s", c.Says)
			}
			if l := found.Leaks; !l.Known || len(l.Leaking) > 0 || l.Judged < 20 {
				t.Errorf("leaks: %s", l.Says)
			}
			theRestIsFound(t, planted, found)
		})
	}
}

func footprintIsFound(t *testing.T, planted fleet.Planted, f answers.Footprint) {
	t.Helper()
	if !f.Known || !near(f.Bytes, planted.Footprint, 0.05) {
		t.Errorf("a footprint of %.0f is found as %.0f", planted.Footprint, f.Bytes)
	}
	if f.Creeps != (planted.Creep > 0) || planted.Creep > 0 && !near(f.Creep, planted.Creep, 0.2) {
		t.Errorf("%.0f an hour come back, found %.0f (%v)", planted.Creep, f.Creep, f.CreepBetween)
	}
}

func theRestIsFound(t *testing.T, planted fleet.Planted, found answers.Answers) {
	t.Helper()
	w := found.Waking
	if !w.Known || len(w.Swapped) == 0 || !near(w.Swapped[len(w.Swapped)-1].Answer.P50, planted.Answer, 0.25) {
		t.Errorf("waking: %+v", w)
	}
	if r := found.Room[0]; !r.Known || r.Binds != planted.Binds {
		t.Errorf("%s gives way first, found %s: %+v", planted.Binds, r.Binds, r.Limits)
	}
}

func TestOneSeedIsOneFleet(t *testing.T) {
	t.Parallel()
	planted := map[string]bool{}
	for range 2 {
		db := storetest.New(t)
		one, err := fleet.Write(context.Background(), db.Pool, fleet.Options{
			Slices: 6, Days: 1, Seed: 7, Every: 15 * time.Minute, End: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Server: "made-up",
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		planted[fmt.Sprintf("%.3f %.3f %.3f %d %d %d", one.Footprint, one.MostSwap, one.Ratio, one.Restarts, one.Gaps, one.Samples)] = true
	}
	if len(planted) != 1 {
		t.Errorf("the same seed planted %v", planted)
	}
}
