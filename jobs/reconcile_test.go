package jobs

import (
	"testing"
	"time"

	"slicegate/store"
)

func TestPausesDoubleUpToFiveMinutes(t *testing.T) {
	t.Parallel()
	for crashes, want := range map[int]time.Duration{
		1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 1000: 5 * time.Minute,
	} {
		if got := doubled(10*time.Second, crashes, longestPause); got != want {
			t.Errorf("after %d crashes: %s, want %s", crashes, got, want)
		}
	}
}

func TestWhichSlicesNeedNothing(t *testing.T) {
	t.Parallel()
	now, port := time.Now(), int32(5001)
	for _, test := range []struct {
		name      string
		status    string
		crashes   int32
		container Container
		want      bool
	}{
		{"runs", "assigned", 0, Container{Running: true, Port: 5001, StartedAt: now.Add(-time.Hour)}, true},
		{"runs on another port", "assigned", 0, Container{Running: true, Port: 5003, StartedAt: now.Add(-time.Hour)}, false},
		{"has no container", "available", 0, Container{}, false},
		{"runs since its crash", "assigned", 2, Container{Running: true, Port: 5001, StartedAt: now.Add(-9 * time.Minute)}, true},
		{"is healthy again", "assigned", 2, Container{Running: true, Port: 5001, StartedAt: now.Add(-11 * time.Minute)}, false},
		{"rests", "suspended", 0, Container{}, true},
		{"should rest", "suspended", 0, Container{Running: true, Port: 5001}, false},
		{"has failed", "failed", 0, Container{}, true},
		{"has failed and runs", "failed", 0, Container{Running: true, Port: 5001}, false},
		{"is being made", "provisioning", 0, Container{}, true},
		{"is being destroyed", "destroying", 0, Container{Running: true}, true},
	} {
		row := store.Slice{Status: test.status, Crashes: test.crashes, Port: &port}
		if got := needsNothing(row, test.container, now); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSixCrashesWithinAnHourAreTooMany(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for name, test := range map[string]struct {
		minutes []int // of each crash
		want    []bool
	}{
		"six at once":             {[]int{0, 0, 0, 0, 0, 0}, []bool{false, false, false, false, false, true}},
		"six in an hour":          {[]int{0, 12, 24, 36, 48, 60}, []bool{false, false, false, false, false, true}},
		"six in more than that":   {[]int{0, 12, 24, 36, 48, 61}, []bool{false, false, false, false, false, false}},
		"and then closer":         {[]int{0, 30, 60, 61, 62, 63, 64}, []bool{false, false, false, false, false, false, true}},
		"five, for ever so often": {[]int{0, 15, 30, 45, 60, 75, 90, 105, 120}, make([]bool, 9)},
	} {
		var times []time.Time
		for i, minute := range test.minutes {
			var tooOften bool
			times, tooOften = lately(times, start.Add(time.Duration(minute)*time.Minute))
			if tooOften != test.want[i] {
				t.Errorf("%s: crash %d: %v", name, i+1, tooOften)
			}
		}
	}
}
