package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/jobs"
)

// compared has the runner hold its data against the rows until the condition holds.
func (c customer) compared(what string, condition func() bool) {
	c.t.Helper()
	c.until(what, 3*time.Minute, func() bool {
		if condition() {
			return true
		}
		if _, err := c.client.Insert(context.Background(), jobs.ReconcileDataArgs{Server: c.settings.Server}, nil); err != nil {
			c.t.Fatal(err)
		}
		return false
	})
}

func TestWhatIsLeftOfADestroyedSliceIsDeletedAndWhatIsNobodysIsToldOf(t *testing.T) {
	c := newCustomer(t)
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	c.must(jobs.OrderDestroy)
	c.until("it is destroyed", 3*time.Minute, func() bool { return c.row().Status == "destroyed" })
	nobodys := c.slice + 700
	for _, slice := range []int64{c.slice, nobodys} {
		if _, err := hands.Schemas.Ensure(ctx, slice); err != nil {
			t.Fatal(err)
		}
		if _, _, err := hands.Directories.Ensure(ctx, slice); err != nil {
			t.Fatal(err)
		}
	}
	c.compared("what is left of it is deleted", func() bool { return c.audited("slice.leftover") > 0 })
	c.isGone()
	for _, subject := range []string{fmt.Sprintf("schema:slice_%d", nobodys), fmt.Sprintf("directory:test/%d", nobodys)} {
		c.compared("somebody is told of "+subject, func() bool { return c.alert("leftover", subject) != "" })
	}
	if found := c.onServer(); !slices.Contains(found["schema"], nobodys) || !slices.Contains(found["directory"], nobodys) {
		t.Errorf("what may be a person's data was deleted: %v", found)
	}
	if err := hands.Schemas.Drop(ctx, nobodys); err != nil {
		t.Fatal(err)
	}
	c.compared("the alert closes when it is gone", func() bool { return c.alert("leftover", fmt.Sprintf("schema:slice_%d", nobodys)) == "" })
	if c.alert("leftover", fmt.Sprintf("directory:test/%d", nobodys)) == "" {
		t.Error("the alert of what is still there is closed")
	}
}

func TestASliceWhoseDataIsGoneIsNotStartedWithout(t *testing.T) {
	c := newCustomer(t)
	hands, ctx := c.hands(), context.Background()
	c.work(hands)
	there := filepath.Join(c.settings.DataRoot, "slices", fmt.Sprint(c.slice))
	aside := filepath.Join(c.settings.DataRoot, "aside")
	c.must(jobs.OrderSuspend)
	c.until("it is stopped", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderSuspend, time.Time{}) })
	if err := os.Rename(there, aside); err != nil {
		t.Fatal(err)
	}
	c.must(jobs.OrderResume)
	c.compared("somebody is told", func() bool {
		return strings.Contains(c.alert("slice.missing", fmt.Sprintf("slice:%d", c.slice)), "directories of slice")
	})
	c.until("the start was refused", 3*time.Minute, func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE kind = 'start' AND state = 'cancelled' AND errors[1]->>'error' LIKE '%directories is gone%'") > 0
	})
	if _, err := os.Stat(there); err == nil {
		t.Error("empty directories stand where the user's were")
	}
	if err := os.Rename(aside, there); err != nil {
		t.Fatal(err)
	}
	c.reconciled("it starts with them", func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })
	c.compared("the alert is closed", func() bool { return c.alert("slice.missing", fmt.Sprintf("slice:%d", c.slice)) == "" })
	c.keeps()
	if _, err := c.client.Insert(ctx, jobs.MeasureArgs{Server: c.settings.Server}, nil); err != nil {
		t.Fatal(err)
	}
	c.until("it is measured while it runs", 3*time.Minute, func() bool { return c.row().MemoryBytes > 10<<20 && c.row().StorageBytes > 4096 })
}
