package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertest"

	"slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// customers is an account at Stripe that remembers what it was asked for.
type customers struct {
	billing.Stripe
	has     *billing.Subscription
	asked   []string
	fails   error
	between func()
}

func (c *customers) Forget(_ context.Context, customer string) error {
	c.asked = append(c.asked, "forget "+customer)
	if c.between != nil {
		c.between()
	}
	return c.fails
}

func (c *customers) Subscription(_ context.Context, customer, known string) (*billing.Subscription, error) {
	c.asked = append(c.asked, "look "+customer+" "+known)
	return c.has, c.fails
}

func (c *customers) End(_ context.Context, subscription string, end bool) error {
	c.asked = append(c.asked, fmt.Sprintf("end %s %v", subscription, end))
	return nil
}

// forgetting is a database with one account whose time is over.
type forgetting struct {
	t      *testing.T
	db     storetest.Database
	worker *ForgetAccount
	stripe *customers
	now    time.Time
	user   int64
}

func newForgetting(t *testing.T) *forgetting {
	t.Helper()
	t.Parallel()
	f := &forgetting{t: t, db: storetest.New(t), stripe: &customers{}, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	f.worker = &ForgetAccount{Pool: f.db.Pool, Stripe: f.stripe, Clock: func() time.Time { return f.now }}
	f.user = f.value(`INSERT INTO gateway.users (email, password_hash, subscription_status, stripe_customer, stripe_subscription, created_at, cancelled_at, delete_after)
		VALUES ('ann@example.com', '', 'cancelled', 'cus_1', 'sub_1', $1, $1, $2) RETURNING id`, f.now.AddDate(0, -1, 0), f.now)
	return f
}

func (f *forgetting) value(sql string, args ...any) (n int64) {
	f.t.Helper()
	if err := f.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (f *forgetting) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

func (f *forgetting) work() error {
	f.t.Helper()
	client, err := river.NewClient(riverpgxv5.New(f.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		f.t.Fatal(err)
	}
	return f.worker.Work(rivertest.WorkContext(context.Background(), client), &river.Job[ForgetAccountArgs]{Args: ForgetAccountArgs{User: f.user}})
}

func (f *forgetting) is(forgotten bool) {
	f.t.Helper()
	if is := f.value("SELECT count(*) FROM gateway.users WHERE id = $1", f.user) == 0; is != forgotten {
		f.t.Errorf("forgotten: %v, want %v", is, forgotten)
	}
	if lines := f.value("SELECT count(*) FROM gateway.audit WHERE action = 'account.forgotten' AND subject = $1", fmt.Sprintf("user:%d", f.user)); (lines == 1) != forgotten {
		f.t.Errorf("%d lines in the audit", lines)
	}
}

func TestWhoIsForgotten(t *testing.T) {
	for _, test := range []struct {
		name      string
		given     string // changes the account
		forgotten bool
	}{
		{"whose time is over", "", true},
		{"whose time is not over", "UPDATE gateway.users SET delete_after = delete_after + '1 second'", false},
		{"who came back", "UPDATE gateway.users SET subscription_status = 'active', cancelled_at = NULL, delete_after = NULL", false},
		{"who has paid, and whose row says when it would have ended", "UPDATE gateway.users SET subscription_status = 'active'", false},
		{"an admin", "UPDATE gateway.users SET is_admin = true", false},
		{"who has a slice", "INSERT INTO gateway.slices (server, image, port, status, user_id) SELECT 'test', 'none', 5001, 'suspended', id FROM gateway.users", false},
		{"whose slice is being destroyed", "INSERT INTO gateway.slices (server, image, port, status, user_id) SELECT 'test', 'none', 5001, 'destroying', id FROM gateway.users", false},
		{"who never paid, for a month", "UPDATE gateway.users SET subscription_status = 'unpaid', delete_after = NULL", true},
		{"who has not paid yet", "UPDATE gateway.users SET subscription_status = 'unpaid', delete_after = NULL, created_at = created_at + '2 days'", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newForgetting(t)
			f.db.Server(t)
			if test.given != "" {
				f.exec(test.given)
			}
			due, err := store.New(f.db.Pool).AccountsToForget(context.Background(), store.AccountsToForgetParams{Now: f.now, UnpaidSince: f.now.Add(-UnpaidKept)})
			if err != nil || slices.Contains(due, f.user) != test.forgotten {
				t.Errorf("due are %v, %v", due, err)
			}
			for range 2 { // once more changes nothing
				if err := f.work(); err != nil {
					t.Fatal(err)
				}
				f.is(test.forgotten)
			}
			if !test.forgotten && len(f.stripe.asked) > 0 {
				t.Errorf("Stripe was asked: %v", f.stripe.asked)
			}
		})
	}
}

func TestWhatBecomesOfTheCustomerAtStripe(t *testing.T) {
	ended, ends := time.Now(), time.Now()
	for _, test := range []struct {
		name   string
		forget bool
		has    *billing.Subscription
		fails  error
		asked  []string
		fine   bool
	}{
		{"it is deleted where that is configured", true, nil, nil, []string{"forget cus_1"}, true},
		{"a Stripe that is down is asked again", true, nil, billing.ErrUnreachable, []string{"forget cus_1"}, false},
		{"it stays, and has nothing", false, nil, nil, []string{"look cus_1 sub_1"}, true},
		{"it stays, and was deleted there", false, nil, billing.ErrGone, []string{"look cus_1 sub_1"}, true},
		{"its subscription has ended", false, &billing.Subscription{ID: "sub_1", EndedAt: &ended}, nil, []string{"look cus_1 sub_1"}, true},
		{"its subscription is to end", false, &billing.Subscription{ID: "sub_1", EndsAt: &ends}, nil, []string{"look cus_1 sub_1"}, true},
		{"its subscription would go on", false, &billing.Subscription{ID: "sub_2"}, nil, []string{"look cus_1 sub_1", "end sub_2 true"}, true},
		{"Stripe cannot be asked", false, nil, billing.ErrUnreachable, []string{"look cus_1 sub_1"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newForgetting(t)
			f.worker.Customer, f.stripe.has, f.stripe.fails = test.forget, test.has, test.fails
			if err := f.work(); (err == nil) != test.fine || err != nil && !errors.Is(err, test.fails) {
				t.Errorf("it ends with %v", err)
			}
			if !slices.Equal(f.stripe.asked, test.asked) {
				t.Errorf("asked %q, want %q", f.stripe.asked, test.asked)
			}
			f.is(test.fine)
		})
	}
	t.Run("there is no Stripe", func(t *testing.T) {
		f := newForgetting(t)
		f.worker.Stripe = nil
		if err := f.work(); err != nil {
			t.Fatal(err)
		}
		f.is(true)
	})
}

// Who pays while they are being forgotten either comes first, or finds no account.
func TestNobodyComesBackWhileTheyAreForgotten(t *testing.T) {
	f := newForgetting(t)
	f.worker.Customer = true
	came := make(chan error, 1)
	f.stripe.between = func() {
		tx, err := f.db.Pool.Begin(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		if _, err = tx.Exec(context.Background(), "SET LOCAL lock_timeout = '50ms'"); err == nil {
			_, err = tx.Exec(context.Background(), "UPDATE gateway.users SET subscription_status = 'active' WHERE id = $1", f.user)
		}
		came <- errors.Join(err, tx.Rollback(context.Background()))
	}
	if err := f.work(); err != nil {
		t.Fatal(err)
	}
	if err := <-came; err == nil {
		t.Error("the row was not held while Stripe was asked")
	}
	f.is(true)
}

func TestOthersAreNotForgottenWithSomebody(t *testing.T) {
	f := newForgetting(t)
	server := f.db.Server(t)
	f.worker.Customer = true
	other := f.value("INSERT INTO gateway.users (email, password_hash, stripe_customer) VALUES ('bob@example.com', '', 'cus_2') RETURNING id")
	theirs := f.value("INSERT INTO gateway.slices (server, image, status) VALUES ($1, 'none', 'destroyed') RETURNING id", server)
	others := f.value("INSERT INTO gateway.slices (server, image, port, status, user_id) VALUES ($1, 'none', 5001, 'assigned', $2) RETURNING id", server, other)
	of := map[int64]int64{theirs: f.user, others: other}
	for slice, user := range of {
		subject := subjectSlice(slice)
		if err := store.New(f.db.Pool).RecordSlice(context.Background(), "user:1", "slice.assign", slice, map[string]any{"user": user}); err != nil {
			t.Fatal(err)
		}
		f.exec("INSERT INTO gateway.emails (user_id, kind, sent_at) VALUES ($1, 'place_free', now())", user)
		f.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, user_id) VALUES ('slice.down', $1, 'warning', '', $2)", subject, user)
		f.exec("INSERT INTO gateway.conditions (kind, subject, server, since) VALUES ('slice.down', $1, $2, now())", subject, server)
		f.exec("INSERT INTO gateway.reclaims (slice_id, at, kind, asked_bytes, given_bytes, took_us, rss_before, rss_after, swap_after, refaults_before, pressure_before_us, pressure_after_us, reason) VALUES ($1, now(), 'step', 1, 1, 1, 1, 1, 1, 1, 1, 1, '')", slice)
		f.exec("INSERT INTO gateway.stripe_events (id, type, object, customer, created_at, received_at) SELECT 'evt_' || $1::bigint, 'x', 'sub', stripe_customer, now(), now() FROM gateway.users WHERE id = $1", user)
		f.exec("INSERT INTO river.river_job (kind, state, args, max_attempts, finalized_at) VALUES ('stop', 'completed', jsonb_build_object('slice', $1::bigint), 1, now()), ('settle_account', 'completed', jsonb_build_object('user', $2::bigint), 1, now())", slice, user)
	}
	export := f.value("INSERT INTO gateway.exports (user_id, slice_id, server, status, created_at, expires_at) VALUES ($1, $2, $3, 'ready', now(), now()) RETURNING id", f.user, theirs, server)
	// Nobody's, and whoever's: with no customer there is nothing to compare them by.
	f.exec("INSERT INTO gateway.stripe_events (id, type, object, created_at, received_at) VALUES ('evt_none', 'x', 'price_1', now(), now())")
	if err := f.work(); err != nil {
		t.Fatal(err)
	}
	f.is(true)
	for what, want := range map[string]int64{
		"gateway.emails": 1, "gateway.alerts": 1, "gateway.conditions": 1, "gateway.reclaims": 1, "gateway.stripe_events": 2, "gateway.users": 1, "gateway.slices": 2,
		"river.river_job WHERE kind IN ('stop', 'settle_account')": 2,
	} {
		if got := f.value("SELECT count(*) FROM " + what); got != want {
			t.Errorf("%s: %d rows, want %d", what, got, want)
		}
	}
	if n := f.value("SELECT count(*) FROM gateway.exports e WHERE e.id = $1 AND e.user_id IS NULL AND EXISTS (SELECT FROM river.river_job WHERE kind = 'tend_exports' AND args->>'server' = e.server)", export); n != 1 {
		t.Error("nobody deletes the files of their exports")
	}
}
