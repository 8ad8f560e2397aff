package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slicegate/config"
	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/jobs"
)

func TestTwentyRegisterWithOneWarmSlice(t *testing.T) {
	b := setup(t, func(s *config.Runner) { s.MaxSlices = 30 })
	b.work(b.hands())
	b.until("the first slice is warm", 3*time.Minute, func() bool { return b.slices("available") == 1 })

	client := b.client()
	a := &auth.Auth{Pool: b.db.Pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), SessionLife: time.Hour, TrialDays: 14, Clock: time.Now}
	var everyone sync.WaitGroup
	for i := range 20 {
		everyone.Go(func() {
			if _, _, _, err := a.Register(context.Background(), fmt.Sprintf("user%d@example.com", i), "hash"); err != nil {
				t.Error(err)
			}
		})
	}
	everyone.Wait()
	b.until("everyone has a slice, and the pool is full", 10*time.Minute, func() bool {
		return b.slices("assigned") == 20 && b.slices("available") == 1 && b.slices("provisioning") == 0 // and not two
	})
	if users := b.count("SELECT count(DISTINCT user_id) FROM gateway.slices"); users != 20 {
		t.Errorf("%d users have a slice", users)
	}
	if ports := b.count("SELECT count(DISTINCT port) FROM gateway.slices"); ports != 21 {
		t.Errorf("21 slices have %d ports", ports)
	}
	for kind, ids := range b.onServer() {
		if len(ids) != 21 {
			t.Errorf("21 slices have %d of kind %s", len(ids), kind)
		}
	}
}

func TestNeverMoreThanMaxSlices(t *testing.T) {
	b := setup(t, func(s *config.Runner) { s.MaxSlices, s.PoolSize = 2, 5 })
	stop := b.work(b.hands())
	b.until("the pool is as full as it may be", 3*time.Minute, func() bool { return b.slices("available") == 2 })
	b.until("the pool was looked at again", 3*time.Minute, func() bool {
		return b.count("SELECT count(*) FROM river.river_job WHERE kind = 'fill_pool' AND state = 'completed'") >= 2
	})
	stop()
	if total := b.count("SELECT count(*) FROM gateway.slices"); total != 2 {
		t.Errorf("%d slices were ordered", total)
	}
}

func TestBusyPortsArePassedOver(t *testing.T) {
	b := setup(t, nil)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", b.settings.SlicePorts.First))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b.work(b.hands())
	b.until("a slice is ready", 3*time.Minute, func() bool { return b.slices("available") == 1 })
	if port := b.count("SELECT port FROM gateway.slices"); port == b.settings.SlicePorts.First {
		t.Errorf("the slice has port %d, which was taken", port)
	}
}

func TestStoppedSlicesAreBroughtBack(t *testing.T) {
	b := setup(t, nil)
	hands := b.hands()
	stop := b.work(hands)
	b.until("a slice is ready", 3*time.Minute, func() bool { return b.slices("available") == 1 })
	id := int64(b.count("SELECT id FROM gateway.slices"))
	stop()
	ctx := context.Background()
	if _, up, err := hands.Containers.Find(ctx, id); err != nil || !up {
		t.Fatalf("the slice stopped with its runner: %v, %v", up, err)
	}
	seconds := 5
	if err := b.api.ContainerStop(ctx, fmt.Sprintf("%s-%d", b.settings.Fleet, id), container.StopOptions{Timeout: &seconds}); err != nil {
		t.Fatal(err)
	}
	// Somebody takes its port while it is down.
	before := b.count("SELECT port FROM gateway.slices")
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", before))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b.work(hands)
	b.until("the slice is back", 3*time.Minute, func() bool {
		running, up, err := hands.Containers.Find(ctx, id)
		return err == nil && up && answers(hands, running)
	})
	if after := b.count("SELECT port FROM gateway.slices"); after == before {
		t.Errorf("the slice kept port %d, which was taken", before)
	}
	if found := b.onServer(); !slices.Equal(found["container"], []int64{id}) {
		t.Errorf("containers: %v", found["container"])
	}
}

func TestWallsThatSomebodyTookDownAreUpAgainAndToldOf(t *testing.T) {
	b := setup(t, nil)
	hands, ctx := b.hands(), context.Background()
	b.work(hands)
	b.until("a slice is ready", 3*time.Minute, func() bool { return b.slices("available") == 1 })
	if found, err := hands.Walls.Ensure(ctx); err != nil || len(found) > 0 {
		t.Fatalf("slices ran before the walls were up: %q, %v", found, err)
	}
	const told = "SELECT count(*) FROM gateway.audit WHERE action = 'walls.repair'"
	if b.count(told) != 0 {
		t.Error("putting them up at the start is told as a repair")
	}
	if err := walls(b.settings).Remove(ctx); err != nil {
		t.Fatal(err)
	}
	client := b.client()
	// As the minute does.
	if _, err := client.Insert(ctx, jobs.FanOutArgs{Job: jobs.CheckWallsArgs{}.Kind()}, nil); err != nil {
		t.Fatal(err)
	}
	b.until("it is told", 3*time.Minute, func() bool { return b.count(told) == 1 })
	if found, err := hands.Walls.Ensure(ctx); err != nil || len(found) > 0 {
		t.Errorf("they are not up again: %q, %v", found, err)
	}
}
