package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/docker/dockertest"
	"slicegate/store"
	"slicegate/store/storetest"
)

// customer is somebody with a slice that holds something of theirs.
type customer struct {
	*bundle
	slice  int64
	client *river.Client[pgx.Tx]
}

// newCustomer registers somebody with a runner that is stopped again once they are served.
func newCustomer(t *testing.T) customer { return newCustomerOf(t, nil) }

func newCustomerOf(t *testing.T, change func(*config.Runner)) customer {
	t.Helper()
	b := setup(t, change)
	ctx := context.Background()
	client := b.client()
	stop := b.work(b.hands())
	b.until("the first slice is warm", 3*time.Minute, func() bool { return b.slices("available") == 1 })
	a := &auth.Auth{Pool: b.db.Pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), SessionLife: time.Hour, TrialDays: 14, Clock: time.Now}
	if _, _, _, err := a.Register(ctx, "customer@example.com", "hash"); err != nil {
		t.Fatal(err)
	}
	// Given at once, or by a job if something else had its hands on the slice at that moment.
	b.until("they have a slice, and the pool is full again", 3*time.Minute, func() bool {
		return b.slices("assigned") == 1 && b.slices("available") == 1
	})
	stop()
	c := customer{bundle: b, client: client}
	c.slice = int64(b.count("SELECT id FROM gateway.slices WHERE status = 'assigned'"))
	if err := os.WriteFile(c.file(), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.Slices(t).Exec(ctx, fmt.Sprintf("INSERT INTO slice_%d.contacts (id, name) VALUES ('1@c.us', 'theirs')", c.slice)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c customer) file() string {
	return filepath.Join(c.settings.DataRoot, "slices", fmt.Sprint(c.slice), "session", "theirs")
}

// keeps checks that what is theirs is there.
func (c customer) keeps() {
	c.t.Helper()
	if content, err := os.ReadFile(c.file()); err != nil || string(content) != "theirs" {
		c.t.Errorf("their file: %q, %v", content, err)
	}
	var name string
	if err := storetest.Slices(c.t).QueryRow(context.Background(), fmt.Sprintf("SELECT name FROM slice_%d.contacts", c.slice)).Scan(&name); err != nil || name != "theirs" {
		c.t.Errorf("their row: %q, %v", name, err)
	}
}

func (c customer) give(order jobs.Order) error {
	return pgx.BeginFunc(context.Background(), c.db.Pool, func(tx pgx.Tx) error {
		return jobs.Give(context.Background(), tx, c.client, order, c.slice, "operator", time.Now())
	})
}

func (c customer) must(order jobs.Order) {
	c.t.Helper()
	if err := c.give(order); err != nil {
		c.t.Fatal(err)
	}
}

func (c customer) row() store.Slice {
	c.t.Helper()
	row, err := c.queries.SliceByID(context.Background(), c.slice)
	if err != nil {
		c.t.Fatal(err)
	}
	return row
}

// holds tells whether an order has been carried out, seen from outside.
func (c customer) holds(hands jobs.Hands, order jobs.Order, given time.Time) bool {
	ctx, row := context.Background(), c.row()
	running, up, err := hands.Containers.Find(ctx, c.slice)
	if err != nil {
		return false
	}
	answering := up && answers(hands, running)
	switch order {
	case jobs.OrderSuspend:
		return row.Status == "suspended" && !up
	case jobs.OrderResume:
		return row.Status == "assigned" && answering
	case jobs.OrderRecycle:
		return row.Status == "assigned" && answering && running.StartedAt.After(given) && row.RecycleAt == nil
	default:
		return row.Status == "destroyed"
	}
}

// isGone checks that nothing of the slice is left.
func (c customer) isGone() {
	c.t.Helper()
	for kind, ids := range c.onServer() {
		if slices.Contains(ids, c.slice) {
			c.t.Errorf("the destroyed slice has a %s", kind)
		}
	}
	if row := c.row(); row.Port != nil || row.UserID != nil || row.WaPhone != nil {
		c.t.Errorf("the row of the destroyed slice: %+v", row)
	}
}

func TestTheLifeOfASlice(t *testing.T) {
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage = dockertest.Image(t) })
	hands := c.hands()
	c.work(hands)
	for _, order := range []jobs.Order{jobs.OrderSuspend, jobs.OrderResume, jobs.OrderRecycle, jobs.OrderSuspend, jobs.OrderResume, jobs.OrderDestroy} {
		given := time.Now()
		c.must(order)
		if order != jobs.OrderRecycle { // which is another restart
			c.must(order)
		}
		c.until(string(order), 3*time.Minute, func() bool { return c.holds(hands, order, given) })
		if order == jobs.OrderDestroy {
			break
		}
		c.keeps()
		if row := c.row(); row.UserID == nil {
			t.Errorf("%s took the slice from its user", order)
		}
	}
	c.isGone()
	for action, want := range map[string]int{"slice.suspend": 2, "slice.resume": 2, "slice.recycle": 1, "slice.destroy": 1, "slice.destroyed": 1} {
		if got := c.count("SELECT count(*) FROM gateway.audit WHERE action = $1 AND subject = $2", action, fmt.Sprintf("slice:%d", c.slice)); got != want {
			t.Errorf("the audit has %s %d times, want %d", action, got, want)
		}
	}
}

func TestOrdersThatASliceDoesNotTake(t *testing.T) {
	c := newCustomer(t)
	if err := c.give("explode"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("what is no order: %v", err)
	}
	c.must(jobs.OrderDestroy)
	for _, order := range []jobs.Order{jobs.OrderSuspend, jobs.OrderResume, jobs.OrderRecycle} {
		if err := c.give(order); !errors.Is(err, jobs.ErrRefused) || !strings.Contains(err.Error(), "is destroying") {
			t.Errorf("%s: %v", order, err)
		}
	}
	c.slice += 1000
	if err := c.give(jobs.OrderDestroy); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("a slice that is not there: %v", err)
	}
}

func TestASuspensionEndsTheWishForARestart(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	var slice int64
	if err := db.Pool.QueryRow(ctx, `WITH u AS (INSERT INTO gateway.users (email, password_hash) VALUES ('c@example.com', 'hash') RETURNING id)
		INSERT INTO gateway.slices (server, image, port, status, user_id) SELECT $1, 'image', 5001, 'assigned', id FROM u RETURNING id`, db.Server(t)).Scan(&slice); err != nil {
		t.Fatal(err)
	}
	for _, order := range []jobs.Order{jobs.OrderRecycle, jobs.OrderSuspend, jobs.OrderResume} {
		if err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
			return jobs.Give(ctx, tx, client, order, slice, "operator", time.Now())
		}); err != nil {
			t.Fatal(err)
		}
		row, err := store.New(db.Pool).SliceByID(ctx, slice)
		if err != nil || (row.RecycleAt != nil) != (order == jobs.OrderRecycle) {
			t.Errorf("after %s a restart is asked for at %v, %v", order, row.RecycleAt, err)
		}
	}
}

// A runner that is killed while it carries out an order, and another one that goes on.
func TestOrdersKilledAnywhere(t *testing.T) {
	for _, kill := range []struct {
		order jobs.Order
		point string
	}{
		{jobs.OrderSuspend, "before docker /stop"},
		{jobs.OrderSuspend, "after docker /stop"},
		{jobs.OrderSuspend, "after docker DELETE /containers"},
		{jobs.OrderRecycle, "after docker /stop"},
		{jobs.OrderRecycle, "after docker DELETE /containers"},
		{jobs.OrderRecycle, "after docker POST /containers/create"},
		{jobs.OrderRecycle, "before sql name: FinishRecycle"},
		{jobs.OrderDestroy, "after docker DELETE /containers"},
		{jobs.OrderDestroy, "after sql DROP SCHEMA"},
		{jobs.OrderDestroy, "after sql DROP ROLE"},
		{jobs.OrderDestroy, "before removal"},
		{jobs.OrderDestroy, "after removal"},
		{jobs.OrderDestroy, "before sql name: FinishDestroy"},
		{jobs.OrderDestroy, "after sql name: FinishDestroy"},
	} {
		t.Run(string(kill.order)+" "+kill.point, func(t *testing.T) {
			c := newCustomer(t)
			given := time.Now()
			c.must(kill.order)
			c.killedAt(kill.point)
			hands := c.hands()
			c.secondRunner(func() {
				// What had been done before the kill still is to be found done by the job that goes on.
				c.until(string(kill.order), 3*time.Minute, func() bool {
					return c.count("SELECT count(*) FROM river.river_job WHERE kind IN ('stop', 'recycle', 'destroy') AND finalized_at IS NULL") == 0 &&
						c.holds(hands, kill.order, given)
				})
			})
			if kill.order == jobs.OrderDestroy {
				c.isGone()
			} else {
				c.keeps()
			}
		})
	}
}

func TestTheWordsOfAnOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ words, order, complaint string }{
		{"list", "", ""},
		{"suspend 3", "suspend", ""},
		{"destroy 3 -yes", "destroy", ""},
		{"destroy 3", "", "runner slice destroy 3 -yes"},
		{"destroy 3 -no", "", "-yes"},
		{"resume", "", "runner slice"},
		{"resume x", "", "no number of a slice"},
		{"resume -3", "", "no number of a slice"},
		{"resume 3 -yes", "", "runner slice"},
		{"explode 3", "", "runner slice"},
		{"move 3", "move", ""},
		{"move 3 4", "", "runner slice"},
	} {
		order, _, err := parseSlice(strings.Fields(test.words))
		if string(order) != test.order || (err == nil) != (test.complaint == "") || err != nil && !strings.Contains(err.Error(), test.complaint) {
			t.Errorf("%s: %q, %v", test.words, order, err)
		}
	}
}

func TestTheListOfSlices(t *testing.T) {
	c := newCustomer(t)
	var out bytes.Buffer
	if err := listSlices(context.Background(), c.db.Pool, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "customer@example.com") || !strings.Contains(lines[2], "available") {
		t.Errorf("the list:\n%s", out.String())
	}
}
