package billing_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

func TestCheckoutKeepsAPlaceAndMakesOnePageForADoubleClick(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	first := u.post("/billing/create-checkout", `{"storageGB":4}`)
	if first.code != http.StatusCreated || first.url == "" || len(b.stripe.made) != 1 {
		t.Fatalf("%d %s", first.code, first.body)
	}
	customer := fmt.Sprintf("cus_%d", u.id)
	until := b.now.Add(31 * time.Minute).Truncate(time.Second)
	made := b.stripe.made[0]
	made.Key = ""
	if want := (billing.Checkout{
		User: u.id, Customer: customer, Until: until, StorageGB: 4,
		SuccessURL: "https://app.example.com/billing/done?session_id={CHECKOUT_SESSION_ID}", CancelURL: "https://app.example.com/billing",
	}); made != want {
		t.Errorf("asked for %+v, want %+v", made, want)
	}
	if !u.is("stripe_customer = $2 AND place_until = $3", customer, until.Add(2*time.Minute)) || u.audit("user.checkout") != 1 {
		t.Errorf("the row has no place or no customer, or the audit %d lines", u.audit("user.checkout"))
	}
	for _, later := range []time.Duration{0, time.Minute, 20 * time.Minute} {
		b.now = b.now.Add(later)
		if got := u.post("/billing/create-checkout", `{"storageGB":4}`); got.code != http.StatusCreated || got.url != first.url {
			t.Errorf("%s later: %d %s, want %s", later, got.code, got.body, first.url)
		}
	}
	if !u.is("place_until = $2", until.Add(2*time.Minute)) || len(b.stripe.made) != 1 || len(b.stripe.customers) != 1 || u.audit("user.checkout") != 1 {
		t.Errorf("%d pages for %d customers", len(b.stripe.made), len(b.stripe.customers))
	}
	// It takes payments for a moment yet: too short for whoever comes now.
	b.now = b.now.Add(6 * time.Minute)
	if got := u.post("/billing/create-checkout", `{"storageGB":4}`); got.code != http.StatusCreated || got.url == first.url {
		t.Errorf("when it is about to end: %d %s", got.code, got.body)
	}
	b.now = b.now.Add(2 * time.Hour)
	if got := u.checkout(); got.code != http.StatusCreated || len(b.stripe.made) != 3 || b.stripe.made[2].StorageGB != 0 {
		t.Errorf("hours later, without storage: %d %s", got.code, got.body)
	}
}

func TestManyClicksAtOnceMakeOnePage(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	var urls sync.Map
	var everyone sync.WaitGroup
	for range 10 {
		everyone.Go(func() {
			got := u.checkout()
			if got.code != http.StatusCreated {
				t.Errorf("%d %s", got.code, got.body)
			}
			urls.Store(got.url, true)
		})
	}
	everyone.Wait()
	different := 0
	urls.Range(func(any, any) bool { different++; return true })
	if different != 1 || len(b.stripe.made) != 1 || u.audit("user.checkout") != 1 {
		t.Errorf("%d pages were given, %d made, %d lines in the audit", different, len(b.stripe.made), u.audit("user.checkout"))
	}
}

func TestTwentyAtOnceForTheLastThreePlaces(t *testing.T) {
	b := setup(t)
	b.room(2)
	b.slice("available", 0)
	waiting := b.trial(24 * time.Hour)
	waiting.set("waiting_since = $2", b.now)
	b.room(3) // one of the four is for who waits
	var users []customer
	for range 20 {
		users = append(users, b.user())
	}
	var given, full atomic.Int32
	var everyone sync.WaitGroup
	for _, u := range users {
		everyone.Go(func() {
			switch got := u.checkout(); {
			case got.code == http.StatusCreated:
				given.Add(1)
			case got.refused(http.StatusConflict, "waiting list"):
				full.Add(1)
			default:
				t.Errorf("%d %s", got.code, got.body)
			}
		})
	}
	everyone.Wait()
	if given.Load() != 3 || full.Load() != 17 {
		t.Errorf("%d were given a place, %d were not", given.Load(), full.Load())
	}
	if n := b.count("SELECT count(*) FROM gateway.users WHERE wait_listed AND waiting_since IS NULL AND place_until IS NULL AND stripe_customer IS NULL"); n != 17 {
		t.Errorf("%d are on the list, unknown to Stripe", n)
	}
	if n := b.count("SELECT count(*) FROM gateway.users WHERE place_until IS NOT NULL AND NOT wait_listed"); n != 3 {
		t.Errorf("%d places are kept", n)
	}
	// Those of whoever does not pay are free again.
	b.now = b.now.Add(34 * time.Minute)
	var last customer
	for _, u := range users {
		if u.is("place_until IS NULL") {
			last = u
		}
	}
	if got := last.checkout(); got.code != http.StatusCreated || last.is("wait_listed") {
		t.Errorf("when their time is over: %d %s", got.code, got.body)
	}
}

func TestWhoHasASliceOrWaitsInFrontFindsAPlace(t *testing.T) {
	b := setup(t)
	b.room(0)
	owner := b.trial(time.Hour)
	b.slice("assigned", owner.id)
	if got := owner.checkout(); got.code != http.StatusCreated {
		t.Errorf("who has a slice, on a full server: %d %s", got.code, got.body)
	}
	if got := b.user().checkout(); !got.refused(http.StatusConflict, "no place free") {
		t.Errorf("who has none: %d %s", got.code, got.body)
	}
	b.room(1)
	first, second := b.trial(time.Hour), b.trial(time.Hour)
	first.set("waiting_since = $2", b.now)
	second.set("waiting_since = $2", b.now.Add(time.Second))
	if got := second.checkout(); !got.refused(http.StatusConflict, "no place free") || !second.is("wait_listed AND waiting_since IS NOT NULL") {
		t.Errorf("the second of those who wait: %d %s", got.code, got.body)
	}
	if got := first.checkout(); got.code != http.StatusCreated {
		t.Errorf("the first of those who wait: %d %s", got.code, got.body)
	}
}

func TestNobodyPaysTwiceOrForNothing(t *testing.T) {
	b := setup(t)
	b.room(10)
	for _, test := range []struct {
		what, row string
		slice     string
		says      string
	}{
		{"paid", "subscription_status = 'active', stripe_subscription = 'sub_1'", "assigned", "subscribed already"},
		{"cancelled to the end", "subscription_status = 'active', stripe_subscription = 'sub_1', ends_at = now() + interval '1 day'", "assigned", "cancellation back"},
		{"disputed", "held_at = now()", "suspended", "Write to support"},
		{"being deleted", "subscription_status = 'cancelled'", "destroying", "about to be deleted"},
		{"deleted before the page ends", "subscription_status = 'cancelled', delete_after = now() + interval '32 minutes'", "suspended", "about to be deleted"},
	} {
		u := b.user()
		u.set(test.row)
		slice := b.slice(test.slice, u.id)
		if got := u.checkout(); !got.refused(http.StatusConflict, test.says) || !u.is("place_until IS NULL") {
			t.Errorf("%s: %d %s", test.what, got.code, got.body)
		}
		b.exec("UPDATE gateway.slices SET status = 'destroyed', user_id = NULL, port = NULL WHERE id = $1", slice)
		u.set("stripe_subscription = NULL")
	}
	if b.stripe.count("Checkout")+b.stripe.count("Customer") != 0 {
		t.Error("Stripe was asked")
	}
	u := b.user()
	u.set("subscription_status = 'cancelled', delete_after = now() + interval '1 day'")
	b.slice("suspended", u.id)
	if got := u.checkout(); got.code != http.StatusCreated {
		t.Errorf("who comes back in time: %d %s", got.code, got.body)
	}
}

func TestStripeKnowsOfASubscriptionBeforeTheRowDoes(t *testing.T) {
	b := setup(t)
	b.slice("available", 0)
	u := b.user()
	first := u.checkout()
	b.stripe.pay() // and the webhook is late
	if got := u.checkout(); !got.refused(http.StatusConflict, "subscribed already") || first.code != http.StatusCreated {
		t.Errorf("%d %s", got.code, got.body)
	}
	if !u.is("subscription_status = 'active'") || b.count("SELECT count(*) FROM gateway.slices WHERE user_id = $1 AND status = 'assigned'", u.id) != 1 {
		t.Error("it was seen that they have paid, and nothing came of it")
	}
	for status, says := range map[string]string{"past_due": "a payment is open", "unpaid": "a payment is open", "incomplete": "a payment is open", "trialing": "subscribed already", "paused": "subscribed already"} {
		u.set("subscription_status = 'past_due'")
		b.stripe.subscriptions[fmt.Sprintf("cus_%d", u.id)].Status = status
		if got := u.checkout(); !got.refused(http.StatusConflict, says) {
			t.Errorf("%s at Stripe: %d %s", status, got.code, got.body)
		}
	}
	ended := b.now.Add(-time.Hour)
	u.set("subscription_status = 'cancelled', delete_after = NULL")
	*b.stripe.subscriptions[fmt.Sprintf("cus_%d", u.id)] = billing.Subscription{ID: "sub_old", Status: "canceled", EndedAt: &ended}
	if got := u.checkout(); got.code != http.StatusCreated || got.url == first.url {
		t.Errorf("after the end of the first: %d %s", got.code, got.body)
	}
}

func TestACheckoutThatWasCutOffIsTakenUpAgain(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	for _, method := range []string{"Customer", "Subscription", "Checkout", "Customer", "Checkout"} {
		b.stripe.fail(method, fmt.Errorf("%s: %w", method, billing.ErrUnreachable))
		got := u.checkout()
		if !got.refused(http.StatusServiceUnavailable, "cannot be reached") || got.header.Get("Retry-After") != "10" {
			t.Errorf("%s fails: %d %v %s", method, got.code, got.header, got.body)
		}
		if other := b.user().checkout(); !other.refused(http.StatusConflict, "no place free") {
			t.Errorf("%s fails, and the place is given to another: %d %s", method, other.code, other.body)
		}
		b.stripe.fail(method, nil)
	}
	if got := u.checkout(); got.code != http.StatusCreated || len(b.stripe.made) != 1 {
		t.Errorf("when Stripe is back: %d %s", got.code, got.body)
	}
	// Killed between the place and the page, and begun again when it is too late for that page: Stripe makes
	// none that ends in twenty minutes.
	until := b.now.Add(31 * time.Minute).Truncate(time.Second)
	killed := b.user()
	b.room(2)
	killed.set("place_until = $2", until.Add(2*time.Minute))
	b.now = b.now.Add(11 * time.Minute)
	if got := killed.checkout(); got.code != http.StatusCreated || len(b.stripe.made) != 2 || !b.stripe.made[1].Until.After(until) {
		t.Errorf("later: %d %s", got.code, got.body)
	}
	if !killed.is("place_until = $2", b.stripe.made[1].Until.Add(2*time.Minute)) {
		t.Error("the place is not kept for as long as the page")
	}
	b.stripe.fail("Checkout", errors.New("Stripe has no price"))
	if got := u.checkout(); got.code != http.StatusInternalServerError {
		t.Errorf("a Stripe that is not set up: %d %s", got.code, got.body)
	}
}

func TestACustomerThatWasDeletedIsMadeAnew(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	u.checkout()
	old := fmt.Sprintf("cus_%d", u.id)
	b.stripe.deleted[old] = true
	if got := u.checkout(); got.code != http.StatusCreated || !u.is("stripe_customer = $2", old+"_again") || b.stripe.made[1].Customer != old+"_again" {
		t.Errorf("%d %s, %+v", got.code, got.body, b.stripe.made)
	}
}

func TestNoTransactionIsOpenWhileStripeIsAsked(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	open := -1
	b.stripe.during = func() {
		open = b.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'")
	}
	if got := u.checkout(); got.code != http.StatusCreated || open != 0 {
		t.Errorf("%d %s, %d transactions", got.code, got.body, open)
	}
}

func TestWishesForStorage(t *testing.T) {
	b := setup(t)
	b.room(1)
	u := b.user()
	for body, says := range map[string]string{`{"storageGB":-1}`: "from 0 to 1000", `{"storageGB":1001}`: "from 0 to 1000", `{"storageGB":1.5}`: "must be a int", `{"gb":1}`: "Unknown field"} {
		if got := u.post("/billing/create-checkout", body); !got.refused(http.StatusBadRequest, says) {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	b.billing.Settings.StoragePrice = "off"
	if got := u.post("/billing/create-checkout", `{"storageGB":1}`); !got.refused(http.StatusConflict, "not sold") {
		t.Errorf("where none is sold: %d %s", got.code, got.body)
	}
	if got := u.checkout(); got.code != http.StatusCreated {
		t.Errorf("without: %d %s", got.code, got.body)
	}
}
