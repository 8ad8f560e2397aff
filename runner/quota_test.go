package main

import (
	"context"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
)

func TestBoughtStorageIsTheSlicesWhileItRunsAndWhenItStarts(t *testing.T) {
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage = dockertest.Image(t) })
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	c.until("it runs", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })
	quota := func() int64 {
		running, up, err := hands.Containers.Find(ctx, c.slice)
		if err != nil || !up {
			return 0
		}
		status, err := hands.Containers.Status(ctx, running)
		if err != nil || status.Storage == nil {
			return 0
		}
		return status.Storage.QuotaBytes
	}
	buys := func(gigabytes int) { // an account that nothing settles: Stripe would have sold nothing
		t.Helper()
		if _, err := c.db.Pool.Exec(ctx, "UPDATE gateway.users SET storage_extra = $1, is_admin = true", gigabytes); err != nil {
			t.Fatal(err)
		}
	}
	tell := func() {
		t.Helper()
		if _, err := c.client.Insert(ctx, jobs.SetQuotaArgs{Server: c.settings.Server, Slice: c.slice, Asked: time.Now()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	base := int64(c.settings.MediaQuota)
	c.until("it begins with what every slice has", 3*time.Minute, func() bool { return quota() == base })
	before, _, err := hands.Containers.Look(ctx, c.slice)
	if err != nil {
		t.Fatal(err)
	}
	buys(3)
	tell()
	c.until("it is told", 3*time.Minute, func() bool { return quota() == base+3<<30 })
	c.reconciled("nothing restarts it for that", func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE kind = 'reconcile' AND state = 'completed' AND finalized_at > now() - interval '5 seconds'") > 0
	})
	if after, _, err := hands.Containers.Look(ctx, c.slice); err != nil || after.PID != before.PID || !after.StartedAt.Equal(before.StartedAt) {
		t.Errorf("it was another container: %+v, then %+v, %v", before, after, err)
	}

	// What is bought while it rests it has from its start, and not what it was told before.
	c.must(jobs.OrderSuspend)
	c.until("it is stopped", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderSuspend, time.Time{}) })
	buys(1)
	tell()
	c.until("there is nobody to be told", 3*time.Minute, func() bool {
		return c.count("SELECT count(*) FILTER (WHERE state = 'completed') - 10 * count(*) FILTER (WHERE state <> 'completed') FROM river.river_job WHERE kind = 'set_quota'") >= 2
	})
	c.must(jobs.OrderResume)
	c.until("it runs again", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })
	c.until("it has it", 3*time.Minute, func() bool { return quota() == base+1<<30 })

	// A slice whose quota is another, and which is in use, is found and told: its user had bought before they had it.
	buys(5)
	c.asks("GET", "/api/status", nil)
	c.until("it is found", 3*time.Minute, func() bool {
		if _, err := c.client.Insert(ctx, jobs.SampleArgs{Server: c.settings.Server}, nil); err != nil {
			t.Fatal(err)
		}
		return quota() == base+5<<30
	})
}
