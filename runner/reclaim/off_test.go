package reclaim_test

import (
	"context"
	"testing"
	"time"

	"slicegate/runner/reclaim"
	"slicegate/store"
)

func TestWhereNothingIsReclaimedWhoeverAsksIsToldWhy(t *testing.T) {
	asked := time.Now()
	r := &rows{slices: map[int64]*store.ReclaimWishesRow{1: {ID: 1}, 2: {ID: 2, ReclaimAskedAt: &asked}, 3: {ID: 3, ReclaimAskedAt: &asked}}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reclaim.Off(ctx, r, "test", time.Millisecond, "it is off")
	}()
	answered := func(n int) func() bool {
		return func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.ended) >= n
		}
	}
	wait(t, "both are answered", answered(2))
	again := asked.Add(time.Minute)
	r.mu.Lock()
	r.slices[3].ReclaimAskedAt = &again
	r.mu.Unlock()
	wait(t, "who asks later is answered too", answered(3))
	cancel()
	<-done
	want := []store.EndAskedReclaimParams{{ID: 2, Asked: asked, Why: "it is off"}, {ID: 3, Asked: asked, Why: "it is off"}, {ID: 3, Asked: again, Why: "it is off"}}
	for i := range want {
		if len(r.ended) != len(want) || r.ended[i] != want[i] {
			t.Fatalf("the answers are %+v, want %+v", r.ended, want)
		}
	}
}

// wait is until a condition is true.
func wait(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
