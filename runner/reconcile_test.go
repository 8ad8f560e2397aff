package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
)

// reconciled has the runner compare until the condition holds, as it does every 15 s by itself.
func (c customer) reconciled(what string, condition func() bool) {
	c.t.Helper()
	c.until(what, 3*time.Minute, func() bool {
		if condition() {
			return true
		}
		if _, err := c.client.Insert(context.Background(), jobs.ReconcileArgs{Server: c.settings.Server}, nil); err != nil {
			c.t.Fatal(err)
		}
		return false
	})
}

func (c customer) container() string { return fmt.Sprintf("%s-%d", c.settings.Fleet, c.slice) }

func (c customer) audited(action string) int {
	c.t.Helper()
	return c.count("SELECT count(*) FROM gateway.audit WHERE action = $1 AND subject = $2", action, fmt.Sprintf("slice:%d", c.slice))
}

func TestACrashedSliceIsStartedAgainEachTimeAfterALongerPause(t *testing.T) {
	c := newCustomer(t)
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	for crash := 1; crash <= 3; crash++ {
		c.settled()
		before := time.Now()
		if err := c.api.ContainerKill(ctx, c.container(), "KILL"); err != nil {
			t.Fatal(err)
		}
		c.reconciled("the crash is counted", func() bool { return c.audited("slice.crash") == crash })
		row := c.row()
		if row.Crashes != int32(crash) || row.StartAt == nil || row.StartAt.Before(before.Add(time.Second<<(crash-1))) {
			t.Errorf("crash %d: counted %d, started again at %v, ended after %v", crash, row.Crashes, row.StartAt, before)
		}
		c.reconciled("it is up again", func() bool {
			running, up, err := hands.Containers.Find(ctx, c.slice)
			return err == nil && up && answers(hands, running)
		})
		if running, _, err := hands.Containers.Find(ctx, c.slice); err != nil || running.StartedAt.Before(*row.StartAt) {
			t.Errorf("crash %d: started at %v, before %v: %v", crash, running.StartedAt, row.StartAt, err)
		}
		c.keeps()
	}
	if got := c.audited("slice.crash"); got != 3 {
		t.Errorf("three crashes were counted as %d", got)
	}
}

func TestWhatSomebodyDidToContainersIsPutRight(t *testing.T) {
	c := newCustomer(t)
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	up := func(slice int64) bool {
		_, up, err := hands.Containers.Find(ctx, slice)
		return err == nil && up
	}
	if err := c.api.ContainerRemove(ctx, c.container(), container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	c.reconciled("a removed one is there again", func() bool { return up(c.slice) })
	c.keeps()

	// A suspended one that runs, as if its job had been lost.
	if _, err := c.db.Pool.Exec(ctx, "UPDATE gateway.slices SET status = 'suspended' WHERE id = $1", c.slice); err != nil {
		t.Fatal(err)
	}
	c.reconciled("a suspended one is stopped", func() bool { return !up(c.slice) })
	c.keeps()

	// Containers that nobody knows, and one of a slice of another server.
	spec := jobs.Spec{Slice: c.slice + 500, Image: c.settings.SliceImage, Port: dockertest.Port()}
	var err error
	if spec.Directory, spec.Owner, err = hands.Directories.Ensure(ctx, spec.Slice); err != nil {
		t.Fatal(err)
	}
	if _, err := hands.Containers.Run(ctx, spec); err != nil {
		t.Fatal(err)
	}
	if _, err := c.db.Pool.Exec(ctx, "INSERT INTO gateway.servers (name) VALUES ('other')"); err != nil {
		t.Fatal(err)
	}
	other := int64(c.count("SELECT id FROM gateway.slices WHERE status = 'available'"))
	if _, err := c.db.Pool.Exec(ctx, "UPDATE gateway.slices SET server = 'other' WHERE id = $1", other); err != nil {
		t.Fatal(err)
	}
	c.reconciled("the unknown one is gone", func() bool {
		_, err := c.api.ContainerInspect(ctx, fmt.Sprintf("%s-%d", c.settings.Fleet, spec.Slice))
		return err != nil
	})
	if !up(other) {
		t.Error("that of another server's slice was taken away")
	}
}
