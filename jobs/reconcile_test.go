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
		if got := pauseAfter(crashes, 10*time.Second); got != want {
			t.Errorf("after %d crashes: %s, want %s", crashes, got, want)
		}
	}
}

func TestWhichSlicesNeedNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		name      string
		status    string
		crashes   int32
		container Container
		want      bool
	}{
		{"runs", "assigned", 0, Container{Running: true, StartedAt: now.Add(-time.Hour)}, true},
		{"has no container", "available", 0, Container{}, false},
		{"runs since its crash", "assigned", 2, Container{Running: true, StartedAt: now.Add(-9 * time.Minute)}, true},
		{"is healthy again", "assigned", 2, Container{Running: true, StartedAt: now.Add(-11 * time.Minute)}, false},
		{"rests", "suspended", 0, Container{}, true},
		{"should rest", "suspended", 0, Container{Running: true}, false},
		{"is being made", "provisioning", 0, Container{}, true},
		{"is being destroyed", "destroying", 0, Container{Running: true}, true},
	} {
		if got := needsNothing(store.Slice{Status: test.status, Crashes: test.crashes}, test.container, now); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
