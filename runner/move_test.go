package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/host"
)

func (c customer) move() (to int64, err error) {
	err = pgx.BeginFunc(context.Background(), c.db.Pool, func(tx pgx.Tx) error {
		to, err = jobs.GiveMove(context.Background(), tx, c.client, c.slice, "operator")
		return err
	})
	return to, err
}

// moved checks that everything of theirs is the new slice's, and nothing is left of the old.
func (c customer) moved(to int64, user int64) {
	c.t.Helper()
	c.isGone()
	c.slice = to
	if row := c.row(); row.UserID == nil || *row.UserID != user || row.MovedFrom != nil {
		c.t.Errorf("the new slice: %+v", row)
	}
	c.keeps()
	_, owner, err := host.Directories{Root: c.settings.DataRoot}.Ensure(context.Background(), to)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := filepath.WalkDir(filepath.Join(c.settings.DataRoot, "slices", fmt.Sprint(to)), func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && int(info.Sys().(*syscall.Stat_t).Uid) != owner {
			c.t.Errorf("%s is not the new slice's own", path)
		}
		return err
	}); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Error(err)
	}
}

func TestAUserIsMovedWithTheirData(t *testing.T) {
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage = dockertest.Image(t) })
	user, hands := *c.row().UserID, c.hands()
	to, err := c.move()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.move(); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("it is moved twice: %v", err)
	}
	for _, order := range []jobs.Order{jobs.OrderSuspend, jobs.OrderResume, jobs.OrderDestroy} {
		if err := c.give(order); !errors.Is(err, jobs.ErrRefused) || !strings.Contains(err.Error(), "being moved") {
			t.Errorf("%s of a slice that is being moved: %v", order, err)
		}
	}
	c.work(hands)
	c.until("the new one answers and the old one is gone", 3*time.Minute, func() bool {
		n := customer{bundle: c.bundle, slice: to, client: c.client}
		return c.row().Status == "destroyed" && n.holds(hands, jobs.OrderResume, time.Time{})
	})
	c.moved(to, user)
	c.until("the pool is full again", 3*time.Minute, func() bool { return c.slices("available") == 1 })
}

func TestASuspendedUserIsMovedAndStaysSuspended(t *testing.T) {
	c := newCustomer(t)
	user, hands := *c.row().UserID, c.hands()
	c.must(jobs.OrderSuspend)
	to, err := c.move()
	if err != nil {
		t.Fatal(err)
	}
	c.work(hands)
	c.until("the old one is gone", 3*time.Minute, func() bool { return c.row().Status == "destroyed" })
	c.moved(to, user)
	n := customer{bundle: c.bundle, slice: to, client: c.client}
	if !n.holds(hands, jobs.OrderSuspend, time.Time{}) {
		t.Errorf("who was suspended runs after the move: %+v", n.row())
	}
}

func TestAMoveKilledAnywhere(t *testing.T) {
	for _, point := range []string{
		"after docker DELETE /containers", "before sql DROP SCHEMA", "after sql ALTER SCHEMA", "after sql REASSIGN OWNED",
		"before moving", "after moving", "before sql name: LeaveForMove", "after sql name: ArriveFromMove",
	} {
		t.Run(point, func(t *testing.T) {
			c := newCustomer(t)
			user := *c.row().UserID
			to, err := c.move()
			if err != nil {
				t.Fatal(err)
			}
			c.killedAt(point)
			hands := c.hands()
			c.secondRunner(func() {
				c.until("the new one answers and the old one is gone", 3*time.Minute, func() bool {
					n := customer{bundle: c.bundle, slice: to, client: c.client}
					return c.row().Status == "destroyed" && n.holds(hands, jobs.OrderResume, time.Time{})
				})
			})
			c.moved(to, user)
		})
	}
}
