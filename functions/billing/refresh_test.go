package billing_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

func TestTheReturnFromCheckoutWaitsForNoWebhook(t *testing.T) {
	b := setup(t)
	slice := b.slice("available", 0)
	u := b.user()
	u.checkout()
	session := fmt.Sprintf(`{"session":%q}`, b.stripe.pay())
	u.set("stripe_customer = NULL") // a backup from before Checkout
	got := u.post("/billing/refresh", session)
	if got.code != http.StatusOK || got.status.Status != "active" || got.status.SliceStatus != "assigned" || got.status.PaidUntil == nil || !got.status.Discounted || !got.status.Customer {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if n := b.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND user_id = $2", slice, u.id); n != 1 || !u.is("place_until IS NULL AND waiting_since IS NULL") {
		t.Errorf("the slice is not theirs, or their place is kept yet")
	}
	b.now = b.now.Add(time.Second)
	if again := u.post("/billing/refresh", session); again.code != http.StatusOK || again.body != got.body {
		t.Errorf("once more: %d %s, before %s", again.code, again.body, got.body)
	}
}

func TestAPaymentOfSomebodyElseIsRefused(t *testing.T) {
	b := setup(t)
	b.room(5)
	payer, other := b.user(), b.user()
	payer.checkout()
	session := b.stripe.pay()
	if got := other.post("/billing/refresh", fmt.Sprintf(`{"session":%q}`, session)); !got.refused(http.StatusForbidden, "another account") {
		t.Errorf("%d %s", got.code, got.body)
	}
	if !other.is("subscription_status = 'unpaid' AND stripe_customer IS NULL") || !payer.is("subscription_status = 'unpaid'") {
		t.Error("it changed something")
	}
	for body, says := range map[string]struct {
		code int
		says string
	}{
		`{"session":"cs_test_999"}`:       {http.StatusNotFound, "does not know"},
		`{"session":"../v1/customers"}`:   {http.StatusBadRequest, "begin with cs_"},
		`{"session":"cs_1/../customers"}`: {http.StatusBadRequest, "begin with cs_"},
		`{"session":7}`:                   {http.StatusBadRequest, "must be a string"},
	} {
		b.now = b.now.Add(time.Second)
		if got := other.post("/billing/refresh", body); !got.refused(says.code, says.says) {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if n := b.stripe.count("CheckoutCustomer"); n != 2 {
		t.Errorf("Stripe was asked %d times for a session, want 2: what cannot be one is not asked for", n)
	}
	b.now = b.now.Add(time.Second)
	if got := other.post("/billing/refresh", "{}"); got.code != http.StatusOK || got.status.Status != "unpaid" {
		t.Errorf("without a session: %d %s", got.code, got.body)
	}
}

func TestStripeIsAskedOnceASecond(t *testing.T) {
	b := setup(t)
	b.room(5)
	u := b.user().subscribed()
	b.now = b.now.Add(time.Second)
	before := b.stripe.count("Subscription")
	var everyone sync.WaitGroup
	for range 20 {
		everyone.Go(func() {
			if got := u.post("/billing/refresh", "{}"); got.code != http.StatusOK || got.status.Status != "active" {
				t.Errorf("%d %s", got.code, got.body)
			}
		})
	}
	everyone.Wait()
	if n := b.stripe.count("Subscription") - before; n != 1 {
		t.Errorf("twenty refreshes at once asked Stripe %d times", n)
	}
	b.now = b.now.Add(time.Second)
	u.post("/billing/refresh", "{}")
	if n := b.stripe.count("Subscription") - before; n != 2 {
		t.Errorf("a second later it was asked %d times in all", n)
	}
}

func TestARefreshWithoutStripesAnswerLosesNothing(t *testing.T) {
	b := setup(t)
	b.room(5)
	u := b.user()
	u.checkout()
	session := fmt.Sprintf(`{"session":%q}`, b.stripe.pay())
	for _, method := range []string{"CheckoutCustomer", "Subscription"} {
		b.stripe.fail(method, fmt.Errorf("ask: %w", billing.ErrUnreachable))
		got := u.post("/billing/refresh", session)
		if !got.refused(http.StatusServiceUnavailable, "Nothing is lost") || got.header.Get("Retry-After") != "10" || !u.is("subscription_status = 'unpaid' AND stripe_customer IS NOT NULL") {
			t.Errorf("%s fails: %d %v %s", method, got.code, got.header, got.body)
		}
		b.stripe.fail(method, nil)
		b.now = b.now.Add(time.Second)
	}
	if got := u.post("/billing/refresh", session); got.code != http.StatusOK || got.status.Status != "active" {
		t.Errorf("when it is back: %d %s", got.code, got.body)
	}
}
