package jobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertest"

	"slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// counter is an account at Stripe that has what the test says.
type counter struct {
	billing.Stripe
	has      map[string]*billing.Subscription // by customer
	strange  []billing.Owned                  // that are no account's
	disputes map[string]billing.Dispute
	down     error
	asked    func() // while it is asked, after it has looked
	asks     int
}

func (c *counter) Subscription(ctx context.Context, customer, known string) (*billing.Subscription, error) {
	c.asks++
	if c.down != nil {
		return nil, c.down
	}
	var found *billing.Subscription
	if sub := c.has[customer]; sub != nil {
		is := *sub
		found = &is
	}
	if c.asked != nil {
		c.asked()
	}
	return found, ctx.Err()
}

func (c *counter) Dispute(_ context.Context, id string) (billing.Dispute, error) {
	if dispute, there := c.disputes[id]; there {
		return dispute, nil
	}
	return billing.Dispute{}, billing.ErrGone
}

func (c *counter) Subscriptions(context.Context) iter.Seq2[billing.Owned, error] {
	return func(yield func(billing.Owned, error) bool) {
		for customer, sub := range c.has {
			if sub != nil && sub.Status != "canceled" && !yield(billing.Owned{Customer: customer, Subscription: *sub}, nil) {
				return
			}
		}
		for _, one := range c.strange {
			if !yield(one, nil) {
				return
			}
		}
		if c.down != nil {
			yield(billing.Owned{}, c.down)
		}
	}
}

// till is where one account is settled.
type till struct {
	t       testing.TB
	db      storetest.Database
	server  string
	client  *river.Client[pgx.Tx]
	stripe  *counter
	settler *Settler
	now     time.Time
	user    int64
	ports   int
}

func newTill(t testing.TB) *till {
	db := storetest.New(t)
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	w := &till{t: t, db: db, server: db.Server(t), client: client, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), ports: 20000}
	w.stripe = &counter{has: map[string]*billing.Subscription{}, disputes: map[string]billing.Dispute{}}
	w.settler = &Settler{
		Pool: db.Pool, Stripe: w.stripe, Terms: billing.Terms{Grace: 7 * 24 * time.Hour, Retention: 7 * 24 * time.Hour},
		Clock: func() time.Time { return w.now },
	}
	w.user = w.value("INSERT INTO gateway.users (email, password_hash, subscription_status, stripe_customer) VALUES ('ann@example.com', '', 'unpaid', 'cus_1') RETURNING id")
	return w
}

func (w *till) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(context.Background(), statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *till) value(statement string, args ...any) (n int64) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(context.Background(), statement, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
	return n
}

func (w *till) text(statement string, args ...any) (text string) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(context.Background(), statement, args...).Scan(&text); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
	return text
}

// free makes a slice that is ready for somebody.
func (w *till) free() int64 {
	w.t.Helper()
	w.ports++
	return w.value("INSERT INTO gateway.slices (server, port, image, status, last_health_at) VALUES ($1, $2, 'image', 'available', $3) RETURNING id", w.server, w.ports, w.now)
}

func (w *till) pays(change func(*billing.Subscription)) {
	sub := &billing.Subscription{ID: "sub_1", Status: "active", PaidUntil: w.now.Add(30 * 24 * time.Hour)}
	if change != nil {
		change(sub)
	}
	w.stripe.has["cus_1"] = sub
}

func (w *till) settle() {
	w.t.Helper()
	if err := w.settler.Settle(context.Background(), w.client, w.user); err != nil {
		w.t.Fatal(err)
	}
}

// stands is where the account and its slice are: "active assigned".
func (w *till) stands() string {
	w.t.Helper()
	return w.text(`SELECT u.subscription_status || CASE WHEN u.waiting_since IS NOT NULL THEN ' waits' ELSE '' END || coalesce(' ' || s.status, '')
		FROM gateway.users u LEFT JOIN gateway.slices s ON s.user_id = u.id WHERE u.id = $1`, w.user)
}

func (w *till) is(want string) {
	w.t.Helper()
	if got := w.stands(); got != want {
		w.t.Fatalf("on day %v: %q, want %q", w.now.Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)).Hours()/24, got, want)
	}
}

// owed are the kinds of mails that are owed, in their order.
func (w *till) owed() string {
	w.t.Helper()
	return w.text("SELECT coalesce(string_agg(kind, ' ' ORDER BY id), '') FROM gateway.emails")
}

func (w *till) jobs(kind string) int64 {
	w.t.Helper()
	return w.value("SELECT count(*) FROM river.river_job WHERE kind = $1", kind)
}

const aDay = 24 * time.Hour

func TestWhoHasPaidGetsASlice(t *testing.T) {
	w := newTill(t)
	slice := w.free()
	w.settle()
	w.is("unpaid")
	w.pays(nil)
	w.settle()
	w.is("active assigned")
	if got := w.value("SELECT id FROM gateway.slices WHERE user_id = $1", w.user); got != slice {
		t.Errorf("slice %d, not the one that was ready", got)
	}
	if n := w.jobs("fill_pool"); n != 1 {
		t.Errorf("the pool is refilled %d times", n)
	}
	w.settle()
	w.is("active assigned")
	if n := w.jobs("stop") + w.jobs("start") + w.jobs("destroy"); n != 0 {
		t.Errorf("%d orders", n)
	}
}

func TestWhoHasPaidWaitsWhereNoneIsReady(t *testing.T) {
	w := newTill(t)
	w.pays(nil)
	w.settle()
	w.is("active waits")
	since := w.text("SELECT waiting_since::text FROM gateway.users WHERE id = $1", w.user)
	w.now = w.now.Add(10 * time.Minute)
	w.settle()
	if again := w.text("SELECT waiting_since::text FROM gateway.users WHERE id = $1", w.user); again != since {
		t.Error("their wait begins anew")
	}
	w.tend()
	if n := w.value("SELECT count(*) FROM gateway.alerts WHERE kind = 'billing.no_slice' AND closed_at IS NULL"); n != 1 {
		t.Errorf("%d alerts about a charge without a slice", n)
	}
	w.free()
	if _, err := w.match(); err != nil {
		t.Fatal(err)
	}
	w.is("active assigned")
	w.tend()
	if n := w.value("SELECT count(*) FROM gateway.alerts WHERE kind = 'billing.no_slice' AND closed_at IS NULL"); n != 0 {
		t.Error("the alert stays")
	}
	// Who no longer pays waits no more.
	w.exec("UPDATE gateway.slices SET user_id = NULL, status = 'destroyed', port = NULL")
	w.settle()
	w.is("active waits")
	w.pays(func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", &w.now })
	w.settle()
	w.is("cancelled")
}

func (w *till) match() (matched []store.Slice, err error) {
	err = pgx.BeginFunc(context.Background(), w.db.Pool, func(tx pgx.Tx) error {
		matched, err = store.Match(context.Background(), tx, "test", w.now)
		return err
	})
	return matched, err
}

func (w *till) tend() {
	w.t.Helper()
	worker := &TendAccounts{Settler: w.settler}
	if err := worker.Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[TendAccountsArgs]{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestFortyDaysOfAnAccount(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	began := w.now
	day := func(n float64) { w.now = began.Add(time.Duration(n * float64(aDay))); w.settle() }
	due := began.Add(30 * aDay)
	for _, step := range []struct {
		day          float64
		says         func(*billing.Subscription)
		stands, owed string
	}{
		{5, nil, "active assigned", ""},
		{30, func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due }, "past_due assigned", "payment_failed"},
		{33, func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due }, "past_due assigned", "payment_failed payment_failed"},
		{36, func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due }, "past_due assigned", "payment_failed payment_failed payment_failed"},
		{37, func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due }, "past_due suspended", "payment_failed payment_failed payment_failed paused"},
		{38, nil, "active assigned", "payment_failed payment_failed payment_failed paused resumed"},
	} {
		w.pays(step.says)
		day(step.day)
		day(step.day)
		w.is(step.stands)
		if got := w.owed(); got != step.owed {
			t.Fatalf("on day %v: mails %q, want %q", step.day, got, step.owed)
		}
	}
	if stops, starts := w.jobs("stop"), w.jobs("start"); stops != 1 || starts != 1 {
		t.Errorf("it was stopped %d times and started %d times", stops, starts)
	}
	w.exec("DELETE FROM gateway.emails")
	ended := began.Add(40 * aDay)
	w.pays(func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", &ended })
	day(40)
	w.is("cancelled suspended")
	day(46)
	day(46.5)
	w.is("cancelled suspended")
	if got := w.owed(); got != "ended deleted_soon" {
		t.Errorf("mails %q", got)
	}
	day(47)
	w.is("cancelled destroying")
	day(47.01)
	if w.jobs("destroy") != 1 || w.jobs("forget_account") != 0 {
		t.Error("it is not destroyed first")
	}
	w.exec("UPDATE gateway.slices SET user_id = NULL, status = 'destroyed', port = NULL")
	day(47.02)
	if n := w.jobs("forget_account"); n != 1 {
		t.Errorf("it is forgotten %d times", n)
	}
}

func TestTheWayBackInTime(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	ended := w.now
	w.pays(func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", &ended })
	w.settle()
	w.is("cancelled suspended")
	w.now = w.now.Add(6*aDay + 23*time.Hour)
	w.pays(func(s *billing.Subscription) { s.ID = "sub_2" })
	w.settle()
	w.is("active assigned")
	if w.jobs("destroy") != 0 {
		t.Error("it was destroyed")
	}
}

func TestAnOperatorsSuspensionStands(t *testing.T) {
	w := newTill(t)
	slice := w.free()
	w.pays(nil)
	w.settle()
	give := func(order Order) {
		t.Helper()
		err := pgx.BeginFunc(context.Background(), w.db.Pool, func(tx pgx.Tx) error {
			return Give(context.Background(), tx, w.client, order, slice, "operator", w.now)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	give(OrderSuspend)
	w.settle()
	w.is("active suspended")
	give(OrderResume)
	w.is("active assigned")
	// Nor is it undone by a payment that comes after both have suspended it.
	due := w.now.Add(-8 * aDay)
	w.pays(func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due })
	w.settle()
	w.is("past_due suspended")
	give(OrderSuspend)
	w.pays(nil)
	w.settle()
	w.is("active suspended")
}

func TestWhatWasAskedFirstIsNotWrittenLast(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	ended := w.now
	w.pays(func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", &ended })
	w.stripe.asked = func() { // while one has this answer in hand, another gets the next, and writes it
		w.stripe.asked = nil
		w.pays(nil)
		w.settle()
	}
	w.settle()
	w.is("active assigned")
}

func TestAStripeThatIsDownChangesNothing(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	w.stripe.down = billing.ErrUnreachable
	w.now = w.now.Add(60 * aDay)
	if err := w.settler.Settle(context.Background(), w.client, w.user); !errors.Is(err, billing.ErrUnreachable) {
		t.Fatalf("%v", err)
	}
	w.is("active assigned")
}

func TestWithoutStripeThereAreTrials(t *testing.T) {
	w := newTill(t)
	w.settler.Stripe = nil
	slice := w.free()
	w.exec("UPDATE gateway.users SET subscription_status = 'trial', stripe_customer = NULL, trial_ends_at = $1, waiting_since = $2", w.now.Add(14*aDay), w.now)
	if _, err := w.match(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		days   int
		stands string
	}{{13, "trial assigned"}, {14, "past_due assigned"}, {20, "past_due assigned"}, {21, "cancelled suspended"}, {28, "cancelled destroying"}} {
		w.now = time.Date(2026, 3, 1+step.days, 12, 0, 0, 0, time.UTC)
		w.settle()
		w.is(step.stands)
	}
	// A trial whose slice an operator has destroyed does not get another one.
	w.exec("UPDATE gateway.slices SET user_id = NULL, status = 'destroyed', port = NULL WHERE id = $1", slice)
	w.exec("UPDATE gateway.users SET trial_ends_at = $1", w.now.Add(aDay))
	w.free()
	w.settle()
	w.is("trial")
}

func TestAnAdminPaysNothing(t *testing.T) {
	w := newTill(t)
	w.exec("UPDATE gateway.users SET is_admin = true, subscription_status = 'trial', trial_ends_at = $1", w.now.Add(-90*aDay))
	w.settle()
	w.is("trial")
}

func TestBoughtStorageIsTold(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	w.pays(func(s *billing.Subscription) { s.StorageGB = 5 })
	w.settle()
	w.settle()
	if n := w.jobs("set_quota"); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	if n := w.value("SELECT storage_extra FROM gateway.users WHERE id = $1", w.user); n != 5 {
		t.Errorf("%d GB", n)
	}
}

// event writes down what Stripe tells, and handles it.
func (w *till) event(id, kind, object, customer string) {
	w.t.Helper()
	w.exec(`INSERT INTO gateway.stripe_events (id, type, object, customer, created_at, received_at) VALUES ($1, $2, $3, nullif($4, ''), $5, $5) ON CONFLICT DO NOTHING`, id, kind, object, customer, w.now)
	if err := w.tryHandle(context.Background(), id); err != nil {
		w.t.Fatal(err)
	}
}

func (w *till) tryHandle(ctx context.Context, id string) error {
	worker := &HandleStripeEvent{Settler: w.settler}
	return worker.Work(rivertest.WorkContext(ctx, w.client), &river.Job[HandleStripeEventArgs]{Args: HandleStripeEventArgs{Event: id}})
}

func TestAnEventIsAskedAboutAndNotBelieved(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.event("evt_1", "customer.subscription.deleted", "sub_1", "cus_1")
	w.is("active assigned")
	asks := w.stripe.asks
	w.event("evt_1", "customer.subscription.deleted", "sub_1", "cus_1")
	if w.stripe.asks != asks {
		t.Error("an event that was handled is handled again")
	}
	w.event("evt_2", "customer.created", "cus_9", "cus_9")
	w.event("evt_3", "product.created", "prod_1", "")
	if n := w.value("SELECT count(*) FROM gateway.stripe_events WHERE handled_at IS NULL"); n != 0 {
		t.Errorf("%d events about nobody are left", n)
	}
	w.stripe.down = billing.ErrUnreachable
	w.exec(`INSERT INTO gateway.stripe_events (id, type, object, customer, created_at, received_at) VALUES ('evt_4', 'invoice.paid', 'in_1', 'cus_1', $1, $1)`, w.now)
	if err := w.tryHandle(context.Background(), "evt_4"); !errors.Is(err, billing.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	w.now = w.now.Add(20 * time.Minute)
	w.tend()
	if w.jobs("handle_stripe_event") != 1 {
		t.Error("an event whose job is lost gets no other")
	}
	if n := w.value("SELECT count(*) FROM gateway.alerts WHERE kind = 'stripe.unreachable' AND closed_at IS NULL"); n != 1 {
		t.Errorf("%d alerts", n)
	}
}

func TestADisputeStopsASliceUntilItIsOver(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	dispute := billing.Dispute{ID: "dp_1", Kind: "dispute", Customer: "cus_1", Status: "needs_response", Open: true, At: w.now}
	w.stripe.disputes["dp_1"] = dispute
	w.event("evt_1", "charge.dispute.created", "dp_1", "")
	w.is("active suspended")
	if n := w.value("SELECT count(*) FROM gateway.alerts WHERE kind = 'billing.disputed' AND closed_at IS NULL"); n != 1 {
		t.Errorf("%d alerts", n)
	}
	w.now = w.now.Add(time.Minute)
	w.notify()
	if got := w.text("SELECT coalesce(string_agg(detail::text, ' '), '') FROM gateway.emails WHERE user_id IS NULL AND kind = 'alert'"); !strings.Contains(got, "billing.disputed") {
		t.Errorf("the admin is told %q", got)
	}
	dispute.Status, dispute.Open = "won", false
	w.stripe.disputes["dp_1"] = dispute
	w.event("evt_2", "charge.dispute.closed", "dp_1", "")
	w.is("active assigned")
	// What an operator has looked at does not stop it again, whatever is told of it.
	w.stripe.disputes["issfr_1"] = billing.Dispute{ID: "issfr_1", Kind: "fraud_warning", Customer: "cus_1", Status: "actionable", Open: true, At: w.now}
	w.event("evt_3", "radar.early_fraud_warning.created", "issfr_1", "")
	w.is("active suspended")
	w.exec("UPDATE gateway.disputes SET closed_by = 'operator' WHERE id = 'issfr_1'")
	w.event("evt_4", "radar.early_fraud_warning.updated", "issfr_1", "")
	w.is("active assigned")
	if n := w.value("SELECT count(*) FROM gateway.alerts WHERE kind = 'billing.disputed' AND closed_at IS NULL"); n != 0 {
		t.Error("the alert stays")
	}
}

func (w *till) notify() {
	w.t.Helper()
	worker := &Notify{Pool: w.db.Pool, Thresholds: thresholds, Admins: []string{"admin@example.com"}, Clock: w.settler.Clock}
	if err := worker.Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[NotifyArgs]{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestEveryMinuteWhatIsDueIsSettled(t *testing.T) {
	w := newTill(t)
	w.exec("UPDATE gateway.users SET settle_at = $1", w.now.Add(time.Second))
	w.tend()
	if n := w.jobs("settle_account"); n != 0 {
		t.Fatalf("%d jobs before it is due", n)
	}
	w.now = w.now.Add(time.Minute)
	w.tend()
	w.tend()
	if n := w.jobs("settle_account"); n != 1 {
		t.Fatalf("%d jobs", n)
	}
	w.exec("DELETE FROM river.river_job")
	w.now = w.now.Add(settleLost)
	w.tend()
	if n := w.jobs("settle_account"); n != 1 {
		t.Error("a job that was lost is not ordered again")
	}
}

func (w *till) compare() {
	w.t.Helper()
	worker := &CompareSubscriptions{Settler: w.settler}
	if err := worker.Work(rivertest.WorkContext(context.Background(), w.client), &river.Job[CompareSubscriptionsArgs]{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestAtNightWhatNoEventHasToldIsFound(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.compare()
	w.is("active assigned")
	asks := w.stripe.asks
	w.compare()
	if w.stripe.asks != asks {
		t.Error("what is alike is asked about again")
	}
	ends := w.now.Add(aDay)
	w.pays(func(s *billing.Subscription) { s.EndsAt = &ends })
	w.compare()
	if n := w.value("SELECT count(*) FROM gateway.users WHERE ends_at IS NOT NULL"); n != 1 {
		t.Error("it is not seen that it ends")
	}
	w.pays(func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", &w.now })
	w.compare()
	w.is("cancelled suspended")
	w.stripe.strange = []billing.Owned{{Customer: "cus_gone", User: 4711}, {Customer: "cus_of_another_product"}}
	w.compare()
	open := func() string {
		return w.text("SELECT coalesce(string_agg(subject, ' '), '') FROM gateway.alerts WHERE kind = 'billing.mismatch' AND closed_at IS NULL")
	}
	if got := open(); got != "customer:cus_gone" {
		t.Errorf("alerts about %q", got)
	}
	w.stripe.strange = []billing.Owned{{Customer: "cus_1", User: w.user}, {Customer: "cus_1", User: w.user}}
	w.compare()
	if got := open(); got != "customer:cus_1" {
		t.Errorf("alerts about %q", got)
	}
}

// Whatever ends a runner that settles, and however often, each mail is owed once and each order given once.
func TestSettlingCanBeCutOffAnywhere(t *testing.T) {
	w := newTill(t)
	w.free()
	w.pays(nil)
	w.settle()
	random := rand.New(rand.NewPCG(7, 7))
	due := w.now
	w.now = w.now.Add(8 * aDay)
	w.pays(func(s *billing.Subscription) { s.Status, s.FailedAt = "past_due", &due })
	for range 200 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(6000))*time.Microsecond)
		_ = w.settler.Settle(ctx, w.client, w.user)
		cancel()
	}
	w.settle()
	w.is("past_due suspended")
	if got := w.owed(); got != "paused" {
		t.Errorf("mails %q", got)
	}
	if n := w.value("SELECT count(*) FROM gateway.audit WHERE action = 'slice.suspend'"); n != 1 {
		t.Errorf("it was suspended %d times", n)
	}
	if n := w.jobs("send_email"); n != 1 {
		t.Errorf("%d mails are sent", n)
	}
	if text := fmt.Sprint(w.text("SELECT string_agg(args::text, ' ') FROM river.river_job")); strings.Contains(text, "ann@") || strings.Contains(text, "cus_") {
		t.Errorf("jobs say more than numbers: %s", text)
	}
}
