package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
)

// alert is the detail of an open alert, "" if there is none.
func (b *bundle) alert(kind, subject string) (detail string) {
	b.t.Helper()
	rows, err := b.queries.ListAlerts(context.Background(), time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Kind == kind && row.Subject == subject {
			detail = row.Detail
		}
	}
	return detail
}

// settled waits until the slice runs and nobody is starting it: what ends while a job starts it is started
// again at once, and is no crash. Each runner begins with such a job for each slice.
func (c customer) settled() {
	c.t.Helper()
	starts := fmt.Sprintf("SELECT count(*) FROM river.river_job WHERE kind = 'start' AND (args->>'slice')::bigint = %d AND finalized_at IS ", c.slice)
	c.until("it runs, and nobody is starting it", 3*time.Minute, func() bool {
		inspected, err := c.api.ContainerInspect(context.Background(), c.container())
		return err == nil && inspected.State.Running && c.count(starts+"NOT NULL") > 0 && c.count(starts+"NULL") == 0
	})
}

// crash ends a slice's container and waits until that is counted.
func (c customer) crash(nth int) {
	c.t.Helper()
	c.settled()
	if err := c.api.ContainerKill(context.Background(), c.container(), "KILL"); err != nil {
		c.t.Fatal(err)
	}
	c.reconciled("the crash is counted", func() bool { return c.audited("slice.crash") == nth })
}

func TestASliceThatCrashesSixTimesStaysDownUntilSomebodyActs(t *testing.T) {
	c := newCustomer(t)
	c.settings.RestartPause = 10 * time.Millisecond
	hands := c.hands()
	c.work(hands)
	subject := fmt.Sprintf("slice:%d", c.slice)
	for nth := 1; nth <= 6; nth++ {
		if detail := c.alert("slice.failed", subject); detail != "" {
			t.Fatalf("after %d crashes: %s", nth-1, detail)
		}
		c.crash(nth)
	}
	if row := c.row(); row.Status != "failed" || row.UserID == nil || row.Port == nil {
		t.Fatalf("after six crashes: %+v", row)
	}
	if detail := c.alert("slice.failed", subject); !strings.Contains(detail, fmt.Sprintf("runner slice resume %d", c.slice)) {
		t.Errorf("the alert does not say what to do: %q", detail)
	}
	// Whoever looks again does not start it, and takes nothing away.
	for _, args := range []jobs.FanOutArgs{{Job: "reconcile"}, {Job: "fill_pool"}} {
		if _, err := c.client.Insert(context.Background(), args, nil); err != nil {
			t.Fatal(err)
		}
	}
	looked := c.count("SELECT max(id) FROM river.river_job")
	c.reconciled("it was looked at again", func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE kind IN ('reconcile', 'fill_pool') AND state = 'completed' AND id > $1", looked) >= 2
	})
	if _, up, err := hands.Containers.Find(context.Background(), c.slice); err != nil || up {
		t.Errorf("it runs again: %v", err)
	}
	c.keeps()
	given := time.Now()
	c.must(jobs.OrderResume)
	if detail := c.alert("slice.failed", subject); detail != "" {
		t.Errorf("somebody has acted, and the alert is open: %s", detail)
	}
	c.until("it is back", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, given) })
	c.keeps()
	if row := c.row(); len(row.CrashTimes) != 0 {
		t.Errorf("its crashes are not forgotten: %v", row.CrashTimes)
	}
}

func TestASliceOnAnotherPortThanItsRowsIsPutRight(t *testing.T) {
	c := newCustomer(t)
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	other := *c.row().Port + 20
	if _, err := c.db.Pool.Exec(ctx, "UPDATE gateway.slices SET port = $2 WHERE id = $1", c.slice, other); err != nil {
		t.Fatal(err)
	}
	c.reconciled("it is published on the row's port", func() bool {
		running, up, err := hands.Containers.Find(ctx, c.slice)
		if err != nil || !up || !answers(hands, running) || c.row().RecycleAt != nil {
			return false
		}
		inspected, err := c.api.ContainerInspect(ctx, c.container())
		return err == nil && inspected.HostConfig.PortBindings["4001/tcp"][0].HostPort == fmt.Sprint(*c.row().Port)
	})
	c.keeps()
}

func TestAnImageThatCannotStartIsTriedAtLongerAndLongerIntervals(t *testing.T) {
	b := setup(t, func(s *config.Runner) {
		s.SliceImage, s.WAEngine = dockertest.Image(t), "no-such-engine"
		s.PoolSize, s.MaxSlices, s.PoolRetry = 3, 9, 2*time.Second
	})
	stop := b.work(b.hands())
	b.until("three slices could not be made", 4*time.Minute, func() bool {
		return b.count("SELECT coalesce(max(pool_failures), 0) FROM gateway.servers") >= 3
	})
	detail := b.alert("pool.failing", "server:test")
	if !strings.Contains(detail, "in a row") || !strings.Contains(detail, b.settings.SliceImage) {
		t.Errorf("the alert: %q", detail)
	}
	// After the first, which were three at once, each comes after twice the time of the one before.
	if late := b.count(`SELECT count(*) FROM gateway.servers WHERE pool_retry_at < (SELECT max(at) FROM gateway.audit WHERE action = 'slice.fail') + interval '7 seconds'`); late != 0 {
		t.Error("after three failures the next try is not eight seconds later")
	}
	stop()
	b.settings.WAEngine = "simulated"
	b.work(b.hands())
	b.until("the pool is full", 4*time.Minute, func() bool { return b.slices("available") == 3 })
	if detail := b.alert("pool.failing", "server:test"); detail != "" {
		t.Errorf("it works, and the alert is open: %s", detail)
	}
	for kind, ids := range b.onServer() {
		if len(ids) != 3 {
			t.Errorf("three slices have %s %v", kind, ids)
		}
	}
}

func TestAPoolSliceThatIsOldOrDeafIsReplaced(t *testing.T) {
	b := setup(t, func(s *config.Runner) { s.MaxSlices = 4 })
	hands, ctx := b.hands(), context.Background()
	b.work(hands)
	b.until("the first slice is warm", 3*time.Minute, func() bool { return b.slices("available") == 1 })
	for what, change := range map[string]string{
		"is old":           "UPDATE gateway.slices SET created_at = now() - interval '25 hours' WHERE id = $1",
		"has an old image": "UPDATE gateway.slices SET image = 'whatsapp-slice:of-yesterday' WHERE id = $1",
		"is deaf":          "UPDATE gateway.slices SET status_at = now() - interval '6 minutes', last_health_at = now() - interval '6 minutes', recycle_at = now() + interval '1 hour' WHERE id = $1",
	} {
		first := int64(b.count("SELECT id FROM gateway.slices WHERE status = 'available'"))
		if what == "is deaf" {
			seconds := 1
			if err := b.api.ContainerStop(ctx, fmt.Sprintf("%s-%d", b.settings.Fleet, first), container.StopOptions{Timeout: &seconds}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.db.Pool.Exec(ctx, change, first); err != nil {
			t.Fatal(err)
		}
		client := b.client()
		b.until("one that "+what+" is replaced", 3*time.Minute, func() bool {
			if _, err := client.Insert(ctx, jobs.FillPoolArgs{Server: "test"}, nil); err != nil {
				t.Fatal(err)
			}
			return b.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND status = 'destroyed'", first) == 1 && b.slices("available") == 1
		})
		for kind, ids := range b.onServer() {
			if len(ids) != 1 || ids[0] == first {
				t.Errorf("one that %s: %s of %v", what, kind, ids)
			}
		}
	}
}
