package jobs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertest"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// leaver is a counter whose customers can be deleted.
type leaver struct {
	*counter
	forgotten []string
	fails     error
}

func (l *leaver) Forget(_ context.Context, customer string) error {
	if l.fails != nil {
		return l.fails
	}
	l.forgotten = append(l.forgotten, customer)
	l.has[customer] = nil
	return nil
}

func (w *till) terminate(worker *TerminateAccount) error {
	w.t.Helper()
	return worker.Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[TerminateAccountArgs]{Args: TerminateAccountArgs{User: w.user}})
}

func (w *till) orders(do func(tx pgx.Tx, user store.User) error) error {
	return pgx.BeginFunc(context.Background(), w.db.Pool, func(tx pgx.Tx) error {
		user, err := store.New(tx).LockedAccount(context.Background(), w.user)
		if err != nil {
			return err
		}
		return do(tx, user)
	})
}

func TestAnAccountThatIsTerminatedLeavesStripeFirst(t *testing.T) {
	w := newTill(t)
	stripe := &leaver{counter: w.stripe, fails: billing.ErrUnreachable}
	w.settler.Stripe = stripe
	worker := &TerminateAccount{Settler: w.settler}
	slice := w.free()
	w.pays(nil)
	w.settle()
	w.is("active assigned")
	if err := w.terminate(worker); err != nil || len(stripe.forgotten) != 0 {
		t.Fatalf("one that nobody ends: %v, %v", err, stripe.forgotten)
	}

	end := func(tx pgx.Tx, user store.User) error {
		return Terminate(context.Background(), tx, w.client, user, "admin:1", w.now)
	}
	if err := w.orders(end); err != nil {
		t.Fatal(err)
	}
	w.is("active suspended")
	if err := w.orders(end); !errors.Is(err, ErrRefused) {
		t.Errorf("ended again: %v", err)
	}
	// Stripe cannot be reached: nothing is destroyed, and nothing is given back meanwhile.
	if err := w.terminate(worker); !errors.Is(err, billing.ErrUnreachable) {
		t.Fatal(err)
	}
	w.settle()
	w.is("active suspended")
	w.exec("DELETE FROM river.river_job WHERE kind = 'terminate_account'") // lost
	w.now = w.now.Add(6 * time.Minute)
	w.tend()
	if n := w.jobs("terminate_account"); n != 1 {
		t.Errorf("%d jobs after one was lost", n)
	}

	stripe.fails = nil
	for range 2 { // the second time there is nothing to be done
		if err := w.terminate(worker); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(stripe.forgotten, " "); got != "cus_1" {
		t.Errorf("forgotten are %s", got)
	}
	if n := w.value("SELECT count(*) FROM gateway.audit WHERE actor = 'admin:1' AND action = 'account.end' AND detail->>'from' = 'active'"); n != 1 {
		t.Errorf("%d lines in the audit", n)
	}
	w.settle()
	w.is("cancelled destroying")
	w.exec("UPDATE gateway.slices SET status = 'destroyed', user_id = NULL, port = NULL WHERE id = $1", slice)
	w.exec("UPDATE river.river_job SET state = 'completed', finalized_at = now() WHERE kind = 'terminate_account'")
	if err := (&ForgetAccount{Pool: w.db.Pool, Clock: w.settler.Clock}).Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[ForgetAccountArgs]{Args: ForgetAccountArgs{User: w.user}}); err != nil {
		t.Fatal(err)
	}
	if n := w.value("SELECT count(*) FROM gateway.users"); n != 0 {
		t.Error("the account is there still")
	}
	if n := w.value("SELECT count(*) FROM river.river_job WHERE kind = 'terminate_account' AND finalized_at IS NOT NULL"); n != 0 {
		t.Error("its job is there still")
	}
}

func TestACustomerWithoutStripeIsNotLeftToPay(t *testing.T) {
	w := newTill(t)
	w.exec("UPDATE gateway.users SET terminate_at = $2, terminate_by = 'admin:1' WHERE id = $1", w.user, w.now)
	w.settler.Stripe = nil
	worker := &TerminateAccount{Settler: w.settler}
	if err := w.terminate(worker); err == nil || !strings.Contains(err.Error(), "STRIPE_KEY") {
		t.Errorf("%v", err)
	}
	w.is("unpaid")
	w.exec("UPDATE gateway.users SET stripe_customer = NULL")
	if err := w.terminate(worker); err != nil {
		t.Fatal(err)
	}
	w.is("cancelled")
}

func TestAnAccountThatIsBeingEndedIsGivenNothing(t *testing.T) {
	w := newTill(t)
	w.free()
	w.exec("UPDATE gateway.users SET terminate_at = $2, terminate_by = 'admin:1' WHERE id = $1", w.user, w.now)
	w.pays(nil)
	w.settle()
	w.is("unpaid")
	for name, do := range map[string]func(tx pgx.Tx, user store.User) error{
		"extend": func(tx pgx.Tx, user store.User) error {
			return Extend(context.Background(), tx, w.client, user, 5, "admin:1", w.now)
		},
		"make admin": func(tx pgx.Tx, user store.User) error {
			_, err := MakeAdmin(context.Background(), tx, user, "admin:1", w.now)
			return err
		},
	} {
		if err := w.orders(do); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatASubscriptionCostsIsNoted(t *testing.T) {
	w := newTill(t)
	w.free()
	costs := func(price, discount int64) {
		w.pays(func(s *billing.Subscription) {
			s.Monthly = billing.Monthly{Price: price, Discount: discount, Currency: "usd"}
		})
		w.settle()
	}
	notes := func() string {
		return w.text("SELECT coalesce(string_agg((detail->>'from') || '>' || (detail->>'to') || ' ' || (detail->>'currency'), ', ' ORDER BY id), '') FROM gateway.audit WHERE action = 'user.price'")
	}
	costs(450, 450)
	costs(450, 450)
	costs(900, 0)
	if got := notes(); got != "0>450 usd, 450>900 usd" {
		t.Errorf("the audit says %s", got)
	}
	if got := w.text("SELECT monthly_price || ' ' || monthly_discount || ' ' || monthly_storage || ' ' || currency FROM gateway.users"); got != "900 0 0 usd" {
		t.Errorf("the row says %s", got)
	}
	// What no event has told is found by the comparison.
	w.pays(func(s *billing.Subscription) { s.Monthly = billing.Monthly{Price: 1200, Currency: "usd"} })
	worker := &CompareSubscriptions{Settler: w.settler}
	if err := worker.Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[CompareSubscriptionsArgs]{}); err != nil {
		t.Fatal(err)
	}
	if got := notes(); got != "0>450 usd, 450>900 usd, 900>1200 usd" {
		t.Errorf("the audit says %s", got)
	}
	w.pays(func(s *billing.Subscription) {
		s.Status, s.EndedAt, s.Monthly = "canceled", &w.now, billing.Monthly{Price: 1200, Currency: "usd"}
	})
	w.settle()
	if n := w.value("SELECT count(*) FROM gateway.users WHERE monthly_price IS NULL AND currency IS NULL"); n != 1 {
		t.Error("one that is cancelled costs something still")
	}
}

func TestAnAlertThatBecomesCriticalIsAcknowledgedNoMore(t *testing.T) {
	w := newTill(t)
	ctx, queries := context.Background(), store.New(w.db.Pool)
	says := func(severity, detail string) {
		t.Helper()
		if err := openAlert(ctx, queries, Alert{Kind: alertStripe, Subject: subjectStripe, Severity: severity, Detail: detail}, w.now); err != nil {
			t.Fatal(err)
		}
	}
	acknowledge := func() {
		w.exec("UPDATE gateway.alerts SET acknowledged_at = $1, acknowledged_by = 'admin:1'", w.now)
	}
	taken := func() bool {
		t.Helper()
		if w.value("SELECT count(*) FROM gateway.alerts WHERE (acknowledged_at IS NULL) <> (acknowledged_by IS NULL)") != 0 {
			t.Error("somebody acknowledged it at no time, or nobody at some time")
		}
		return w.value("SELECT count(*) FROM gateway.alerts WHERE acknowledged_at IS NOT NULL") == 1
	}
	says("warning", "It is slow.")
	acknowledge()
	if says("warning", "It is slower."); !taken() {
		t.Error("other words take the acknowledgement away")
	}
	if says("critical", "It is gone."); taken() {
		t.Error("it is acknowledged still")
	}
	acknowledge()
	if says("critical", "It is gone for good."); !taken() {
		t.Error("one that was critical is acknowledged no more")
	}
	w.exec("UPDATE gateway.alerts SET severity = 'warning'")
	for severity, stays := range map[string]bool{"warning": true, "critical": false} { // as the judge of a server says it anew
		acknowledge()
		queries.RestateAlert(ctx, []store.RestateAlertParams{{ID: w.value("SELECT id FROM gateway.alerts"), Severity: severity, Detail: "It is so."}}).Exec(func(_ int, err error) {
			if err != nil {
				t.Error(err)
			}
		})
		if taken() != stays {
			t.Errorf("restated as %s it is acknowledged: %v", severity, taken())
		}
		w.exec("UPDATE gateway.alerts SET severity = 'warning'")
	}
	w.exec("UPDATE gateway.alerts SET severity = 'critical'")
	acknowledge()
	// One that comes back before anybody was told of its end is the same.
	if err := closeAlert(ctx, queries, alertStripe, subjectStripe, w.now); err != nil {
		t.Fatal(err)
	}
	if says("warning", "It is slow."); !taken() {
		t.Error("it flaps, and is acknowledged no more")
	}
	if err := closeAlert(ctx, queries, alertStripe, subjectStripe, w.now); err != nil {
		t.Fatal(err)
	}
	if says("critical", "It is gone."); taken() {
		t.Error("it came back critical, and is acknowledged still")
	}
}
