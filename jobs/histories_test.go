package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertest"

	"slicegate/config"
	"slicegate/jobs/billing"
	"slicegate/payments"
	"slicegate/payments/standin"
)

// TestWhateverOrderEventsComeIn lives through two months of an account at Stripe's stand-in, three times:
// the same things happen there each time, and what is told of them comes late, twice and in any order.
// In the end the account is the same. HISTORIES is how many of them there are.
func TestWhateverOrderEventsComeIn(t *testing.T) {
	histories := 24
	if text := os.Getenv("HISTORIES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("HISTORIES must be a number, not %q", text)
		}
		histories = n
	}
	const lanes = 4
	for lane := range lanes {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			w := newTill(t)
			ends := map[string]int{}
			for seed := lane; seed < histories; seed += lanes {
				want := w.live(uint64(seed), 0)
				ends[want.Stands]++
				for order := range uint64(2) {
					if got := w.live(uint64(seed), order+1); got != want {
						t.Fatalf("history %d comes to\n%+v, and in another order of events to\n%+v", seed, want, got)
					}
				}
			}
			t.Log("they come to", ends)
		})
	}
}

// ending is what an account has come to.
type ending struct{ Stands, Row string }

// history is one account at the stand-in, to which the same things happen for a seed; only what is told of
// them depends on the order.
type history struct {
	*till
	stripe   *payments.Stripe
	standIn  *standin.Server
	began    time.Time
	happens  *rand.Rand
	delivers *rand.Rand
	customer string
	told     int // of the stand-in's events
	pending  []delivery

	dispute string
	prompt  bool // what is told from now on comes at once
}

type delivery struct {
	at    time.Time
	event payments.Event
}

// live lives through one history.
func (w *till) live(seed, order uint64) ending {
	w.t.Helper()
	h := &history{
		till: w, began: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		happens: rand.New(rand.NewPCG(seed, 11)), delivers: rand.New(rand.NewPCG(seed, 100+order)),
	}
	w.now = h.began
	for _, table := range []string{"emails", "stripe_events", "disputes", "alerts", "slices"} {
		w.exec("DELETE FROM gateway." + table)
	}
	w.exec("DELETE FROM river.river_job")
	h.standIn = standin.New(standin.Options{Clock: func() time.Time { return h.began }})
	server := httptest.NewServer(h.standIn)
	defer server.Close()
	h.stripe = payments.Open(config.Billing{
		StripeKey: "sk_test_history", StripeURL: server.URL, WebhookSecrets: []string{"whsec_history"},
		Price: "9.00", LaunchPrice: "4.50", StoragePrice: "0.50", CurrencyCode: "usd",
	})
	w.settler.Stripe = h.stripe
	h.ok(h.stripe.SetUp(context.Background(), payments.Setup{Out: discard{}}))
	customer, err := h.stripe.Customer(context.Background(), w.user, "ann@example.com", "")
	h.ok(err)
	h.customer = customer
	w.exec(`UPDATE gateway.users SET stripe_customer = $2, subscription_status = 'unpaid', stripe_subscription = NULL, paid_until = NULL, ends_at = NULL,
		discounted = false, storage_extra = 0, action_url = NULL, stripe_read_at = NULL, grace_ends_at = NULL, cancelled_at = NULL, delete_after = NULL,
		held_at = NULL, settle_at = NULL, waiting_since = NULL, place_until = NULL WHERE id = $1`, w.user, customer)

	h.subscribe()
	for range 12 {
		h.pass(time.Duration(h.happens.IntN(10*24)) * time.Hour)
		h.happen()
	}
	h.prompt = true
	h.pass(4 * 24 * time.Hour) // all of it has been told, also what happens meanwhile
	stands, held := w.stands(), w.value("SELECT count(*) FROM gateway.users WHERE id = $1 AND held_at IS NOT NULL", w.user) > 0
	if runs := stands == "active assigned" || stands == "past_due assigned"; held && runs || !held && stands == "active suspended" {
		w.t.Fatalf("history %d comes to %q, and its payments are in doubt: %v", seed, stands, held)
	}
	return ending{stands, w.text(`SELECT json_build_array(paid_until, ends_at, discounted, storage_extra, action_url IS NULL, grace_ends_at,
		cancelled_at, delete_after, held_at)::text FROM gateway.users WHERE id = $1`, w.user)}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (h *history) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// happen does something at Stripe that may happen where the account stands.
func (h *history) happen() {
	h.t.Helper()
	ctx, id := context.Background(), h.standIn.Newest(h.customer)
	sub, err := h.stripe.Subscription(ctx, h.customer, id)
	h.ok(err)
	if sub.Status == "canceled" {
		// In the last hours of the retention the account may be gone, or not yet.
		if h.now.Before(sub.EndedAt.Add(6 * aDay)) {
			h.subscribe()
		}
		return
	}
	switch h.happens.IntN(12) {
	case 0, 1:
		h.ok(h.standIn.SetCard(h.customer, standin.CardDeclined))
	case 2:
		h.ok(h.standIn.SetCard(h.customer, standin.CardAsks))
	case 3, 4:
		h.ok(h.standIn.SetCard(h.customer, standin.CardPays))
		if sub.FailedAt != nil {
			h.ok(h.standIn.PayInvoice(h.standIn.Invoice(h.customer)))
		}
	case 5:
		h.ok(h.stripe.End(ctx, id, true))
	case 6:
		h.ok(h.stripe.End(ctx, id, false))
	case 7:
		h.ok(h.standIn.Change(id, standin.Change{Now: true}))
	case 8:
		_ = h.stripe.Storage(ctx, id, h.happens.IntN(4)) // a card that is declined buys none
	case 9, 10, 11:
		if h.dispute != "" {
			h.ok(h.standIn.Decide(h.dispute, h.happens.IntN(4) > 0))
			h.dispute = ""
		} else if h.happens.IntN(3) > 0 {
			return
		} else if sub.FailedAt == nil {
			h.dispute, err = h.standIn.Dispute(h.standIn.Invoice(h.customer))
			h.ok(err)
		}
	}
}

func (h *history) subscribe() {
	h.t.Helper()
	h.ok(h.standIn.SetCard(h.customer, standin.CardPays))
	session, err := h.stripe.Checkout(context.Background(), billing.Checkout{
		User: h.user, Customer: h.customer, Until: h.now.Add(time.Hour), SuccessURL: "https://app.example.com/done", CancelURL: "https://app.example.com",
		Key: fmt.Sprint("checkout ", h.now.Unix()),
	})
	h.ok(err)
	h.ok(h.standIn.Pay(session.ID))
}

// pass lets time go by: at the stand-in, for what is told of it, and for the minute's look, which comes
// late now and then.
func (h *history) pass(d time.Duration) {
	h.t.Helper()
	for end := h.now.Add(d); h.now.Before(end); {
		step := min(time.Duration(1+h.delivers.IntN(24))*time.Hour, end.Sub(h.now))
		h.standIn.Advance(step)
		h.now = h.now.Add(step)
		h.listen()
		h.deliver()
		h.work()
	}
}

// listen takes what the stand-in tells, to be delivered within three days, and sometimes twice.
func (h *history) listen() {
	h.t.Helper()
	events := h.standIn.Events()
	for _, told := range events[h.told:] {
		event, err := h.stripe.Event(told.Body, told.Signed("whsec_history", h.now), h.now)
		h.ok(err)
		for range 1 + h.delivers.IntN(2) {
			at := h.now.Add(time.Duration(h.delivers.IntN(72)) * time.Hour)
			if h.prompt {
				at = h.now
			}
			h.pending = append(h.pending, delivery{at, event})
		}
	}
	h.told = len(events)
}

func (h *history) deliver() {
	h.t.Helper()
	h.delivers.Shuffle(len(h.pending), func(i, j int) { h.pending[i], h.pending[j] = h.pending[j], h.pending[i] })
	var later []delivery
	for _, one := range h.pending {
		if one.at.After(h.now) {
			later = append(later, one)
			continue
		}
		h.exec(`INSERT INTO gateway.stripe_events (id, type, object, customer, user_id, created_at, received_at)
			VALUES ($1, $2, $3, nullif($4, ''), nullif($5, 0), $6, $7) ON CONFLICT DO NOTHING`,
			one.event.ID, one.event.Type, one.event.Object, one.event.Customer, one.event.User, one.event.Created, h.now)
		h.ok(h.tryHandle(context.Background(), one.event.ID))
	}
	h.pending = later
}

// work does what the runner does meanwhile: the minute's look, and the orders.
func (h *history) work() {
	h.t.Helper()
	h.exec("UPDATE gateway.slices SET status = 'destroyed', user_id = NULL, port = NULL WHERE status = 'destroying'")
	if h.value("SELECT count(*) FROM gateway.slices WHERE status = 'available'") == 0 {
		h.free()
	}
	h.exec("UPDATE gateway.slices SET last_health_at = $1 WHERE status = 'available'", h.now)
	if _, err := h.match(); err != nil {
		h.t.Fatal(err)
	}
	if h.value("SELECT count(*) FROM gateway.users WHERE id = $1 AND settle_at <= $2", h.user, h.now) > 0 {
		worker := &SettleAccount{Settler: h.settler}
		h.ok(worker.Work(rivertest.WorkContext(context.Background(), h.client), &river.Job[SettleAccountArgs]{Args: SettleAccountArgs{User: h.user}}))
	}
}
