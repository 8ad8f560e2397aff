package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/jobs/billing"
)

func TestTheWordsOfAnAccountsOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ words, what, complaint string }{
		{"show Ann@Example.com", "show", ""},
		{"show", "", "runner account"},
		{"show ann@example.com -yes", "", "runner account"},
		{"extend ann@example.com -days 7", "extend", ""},
		{"extend ann@example.com", "", "-days 7"},
		{"extend ann@example.com -days -7", "", "-days 7"},
		{"extend ann@example.com -days 7000", "", "-days 7"},
		{"extend ann@example.com -days x", "", "runner account"},
		{"release ann@example.com", "release", ""},
		{"release ann@example.com now", "", "runner account"},
		{"forget ann@example.com -yes", "forget", ""},
		{"forget ann@example.com", "", "runner account forget ann@example.com -yes"},
		{"forget ann@example.com -days 3 -yes", "", "-yes"},
		{"explode ann@example.com", "", "runner account"},
	} {
		order, err := parseAccount(strings.Fields(test.words))
		if (err == nil) != (test.complaint == "") || err != nil && !strings.Contains(err.Error(), test.complaint) {
			t.Errorf("%s: %v", test.words, err)
		}
		if err == nil && (order.what != test.what || order.email != "ann@example.com") {
			t.Errorf("%s: %+v", test.words, order)
		}
	}
}

// customersGone is a Stripe that is told to forget customers.
type customersGone struct {
	billing.Stripe
	forgotten []string
	fails     error
}

func (c *customersGone) Forget(_ context.Context, customer string) error {
	c.forgotten = append(c.forgotten, customer)
	return c.fails
}

// desk is an operator's, before a runner that follows what they order.
type desk struct {
	customer
	commands accounts
	out      *bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	c := newCustomerOf(t, func(s *config.Runner) {
		s.Billing = config.Billing{Grace: 7 * 24 * time.Hour, Retention: 7 * 24 * time.Hour}
	})
	d := &desk{customer: c, out: &bytes.Buffer{}}
	d.commands = accounts{pool: c.db.Pool, client: c.client, terms: billing.Terms{Grace: c.settings.Billing.Grace, Retention: c.settings.Billing.Retention}, clock: time.Now, to: d.out}
	return d
}

func (d *desk) order(words string) error {
	d.t.Helper()
	d.out.Reset()
	order, err := parseAccount(strings.Fields(words))
	if err != nil {
		d.t.Fatal(err)
	}
	return d.commands.do(context.Background(), order)
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		d.t.Fatal(err)
	}
}

func TestAnOperatorGivesAnAccountMoreTime(t *testing.T) {
	d := newDesk(t)
	hands := d.hands()
	d.work(hands)
	// Its trial and its grace are over: the slice is stopped, as nothing is paid.
	d.exec("UPDATE gateway.users SET trial_ends_at = now() - interval '8 days', settle_at = now()")
	if _, err := d.client.Insert(context.Background(), jobs.SettleAccountArgs{User: d.user(), Asked: time.Now()}, nil); err != nil {
		t.Fatal(err)
	}
	d.until("it is stopped", 3*time.Minute, func() bool { return d.holds(hands, jobs.OrderSuspend, time.Time{}) })
	if err := d.order("extend customer@example.com -days 5"); err != nil {
		t.Fatal(err)
	}
	d.until("it runs again", 3*time.Minute, func() bool { return d.holds(hands, jobs.OrderResume, time.Time{}) })
	if n := d.count("SELECT count(*) FROM gateway.users WHERE subscription_status = 'trial' AND trial_ends_at BETWEEN now() + interval '4 days 23 hours' AND now() + interval '5 days'"); n != 1 {
		t.Error("its trial does not end in five days")
	}
	if err := d.order("extend customer@example.com -days 5"); err != nil {
		t.Fatal(err)
	}
	if n := d.count("SELECT count(*) FROM gateway.users WHERE trial_ends_at > now() + interval '9 days 23 hours'"); n != 1 {
		t.Error("five days more are not ten")
	}
	if n := d.count("SELECT count(*) FROM gateway.audit WHERE actor = 'operator' AND action = 'account.extend' AND detail->>'days' = '5'"); n != 2 {
		t.Errorf("%d lines in the audit, want 2", n)
	}
	d.exec("UPDATE gateway.users SET stripe_subscription = 'sub_1'")
	if err := d.order("extend customer@example.com -days 5"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("of a subscription: %v", err)
	}
	if err := d.order("extend nobody@example.com -days 5"); err == nil || !strings.Contains(err.Error(), "no account") {
		t.Errorf("of nobody: %v", err)
	}
}

func TestAnOperatorLooksAtADisputeAndReleasesTheAccount(t *testing.T) {
	d := newDesk(t)
	hands := d.hands()
	d.work(hands)
	if err := d.order("release customer@example.com"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("nothing is disputed: %v", err)
	}
	d.exec("INSERT INTO gateway.disputes (id, user_id, kind, status, open, opened_at) VALUES ('dp_1', $1, 'dispute', 'needs_response', true, now()), ('dp_0', $1, 'dispute', 'won', false, now())", d.user())
	if _, err := d.client.Insert(context.Background(), jobs.SettleAccountArgs{User: d.user(), Asked: time.Now()}, nil); err != nil {
		t.Fatal(err)
	}
	d.until("it is held", 3*time.Minute, func() bool { return d.holds(hands, jobs.OrderSuspend, time.Time{}) })
	if err := d.order("show Customer@example.com"); err != nil || !strings.Contains(d.out.String(), "held since") || !strings.Contains(d.out.String(), "dp_1, needs_response") {
		t.Errorf("shown: %v\n%s", err, d.out)
	}
	if err := d.order("release customer@example.com"); err != nil {
		t.Fatal(err)
	}
	d.until("it runs again", 3*time.Minute, func() bool { return d.holds(hands, jobs.OrderResume, time.Time{}) })
	if n := d.count("SELECT count(*) FROM gateway.disputes WHERE closed_by = 'operator' AND id = 'dp_1'"); n != 1 {
		t.Error("nothing says who looked at it")
	}
	if n := d.count("SELECT count(*) FROM gateway.disputes WHERE closed_by IS NOT NULL"); n != 1 {
		t.Error("a dispute that is over was looked at")
	}
	if err := d.order("show customer@example.com"); err != nil || strings.Contains(d.out.String(), "held since") {
		t.Errorf("shown: %v\n%s", err, d.out)
	}
	for _, shown := range []string{"customer@example.com", "trial", fmt.Sprintf("%d, assigned on test", d.slice), "released by operator", "account.release by operator"} {
		if !strings.Contains(d.out.String(), shown) {
			t.Errorf("%q is not shown:\n%s", shown, d.out)
		}
	}
}

func TestWhoAsksToBeForgottenIs(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.exec("UPDATE gateway.users SET stripe_customer = 'cus_1', stripe_subscription = 'sub_1', subscription_status = 'active', paid_until = now() + interval '20 days'")
	d.exec("INSERT INTO gateway.stripe_events (id, type, object, customer, created_at, received_at) VALUES ('evt_1', 'x', 'sub_1', 'cus_1', now(), now())")
	export := d.mustExport()
	admin := func() (id int64) {
		if err := d.db.Pool.QueryRow(ctx, "INSERT INTO gateway.users (email, password_hash, is_admin) VALUES ('admin@example.com', '', true) RETURNING id").Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}()

	if err := d.order("forget customer@example.com -yes"); err == nil || !strings.Contains(err.Error(), "STRIPE_KEY") {
		t.Errorf("without a key to Stripe: %v", err)
	}
	stripe := &customersGone{fails: billing.ErrUnreachable}
	d.commands.stripe = stripe
	if err := d.order("forget customer@example.com -yes"); !errors.Is(err, billing.ErrUnreachable) {
		t.Errorf("with a Stripe that is down: %v", err)
	}
	if n := d.count("SELECT count(*) FROM gateway.users WHERE subscription_status = 'active' AND stripe_customer = 'cus_1'"); n != 1 {
		t.Error("who still pays was ended")
	}
	if err := d.order("forget admin@example.com -yes"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("an admin: %v", err)
	}
	hands := d.hands()
	d.work(hands)
	d.until("the export is ready", 3*time.Minute, d.exportIs(export, "ready"))
	stripe.fails = nil
	if err := d.order("forget customer@example.com -yes"); err != nil {
		t.Fatal(err)
	}
	if len(stripe.forgotten) != 2 || stripe.forgotten[1] != "cus_1" {
		t.Errorf("Stripe forgot %v", stripe.forgotten)
	}
	d.until("nothing is left", 5*time.Minute, func() bool {
		if _, err := d.client.Insert(ctx, jobs.TendAccountsArgs{}, nil); err != nil {
			t.Fatal(err)
		}
		return d.count("SELECT count(*) FROM gateway.users WHERE id <> $1", admin) == 0 && len(d.files()) == 0 && d.row().Status == "destroyed"
	})
	d.isGone()
	if n := d.count("SELECT count(*) FROM gateway.stripe_events"); n != 0 {
		t.Errorf("%d events are kept", n)
	}
	if err := d.order("show customer@example.com"); err == nil {
		t.Error("the account is still shown")
	}
}
