package billing_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"slicegate/jobs/billing"
	"slicegate/payments"
)

func TestASubscriptionIsCancelledAndTakenBack(t *testing.T) {
	b := setup(t)
	b.slice("available", 0)
	u := b.user().subscribed()
	got := u.post("/billing/cancel", "")
	if got.code != http.StatusOK || got.status.EndsAt == nil || got.status.Status != "active" || got.status.SliceStatus != "assigned" {
		t.Fatalf("cancelled: %d %s", got.code, got.body)
	}
	if again := u.post("/billing/cancel", ""); again.code != http.StatusOK || again.body != got.body {
		t.Errorf("cancelled twice: %d %s", again.code, again.body)
	}
	if got := u.post("/billing/reactivate", ""); got.code != http.StatusOK || got.status.EndsAt != nil || got.status.Status != "active" {
		t.Errorf("taken back: %d %s", got.code, got.body)
	}
	if got := u.post("/billing/reactivate", ""); got.code != http.StatusOK || got.status.EndsAt != nil {
		t.Errorf("taken back twice: %d %s", got.code, got.body)
	}
	if u.audit("user.cancel") != 2 || u.audit("user.reactivate") != 2 {
		t.Errorf("the audit has %d and %d lines", u.audit("user.cancel"), u.audit("user.reactivate"))
	}
}

func TestStorageIsBoughtAndGivenBack(t *testing.T) {
	b := setup(t)
	b.slice("available", 0)
	u := b.user().subscribed()
	for _, gigabytes := range []int32{5, 5, 0} {
		if got := u.post("/billing/storage", fmt.Sprintf(`{"gigabytes":%d}`, gigabytes)); got.code != http.StatusOK || got.status.Storage.ExtraGB != gigabytes {
			t.Errorf("%d: %d %s", gigabytes, got.code, got.body)
		}
	}
	if n := b.count("SELECT count(*) FROM gateway.audit WHERE action = 'user.storage' AND (detail->>'gigabytes')::int = 5"); n != 2 {
		t.Errorf("the audit has %d lines", n)
	}
	for body, says := range map[string]string{`{}`: "must be a number", `{"gigabytes":-1}`: "from 0", `{"gigabytes":1001}`: "to 1000", `{"gigabytes":"5"}`: "must be a int"} {
		if got := u.post("/billing/storage", body); !got.refused(http.StatusBadRequest, says) {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	b.stripe.fail("Storage", fmt.Errorf("change: %w", payments.ErrDeclined))
	if got := u.post("/billing/storage", `{"gigabytes":9}`); !got.refused(http.StatusConflict, "card was declined") || !u.is("storage_extra = 0") {
		t.Errorf("a card that is declined: %d %s", got.code, got.body)
	}
	b.stripe.fail("Storage", nil)
	u.set("subscription_status = 'past_due'")
	if got := u.post("/billing/storage", `{"gigabytes":9}`); !got.refused(http.StatusConflict, "Pay it first") {
		t.Errorf("with an open payment: %d %s", got.code, got.body)
	}
	b.billing.Settings.StoragePrice = "off"
	if got := u.post("/billing/storage", `{"gigabytes":9}`); !got.refused(http.StatusConflict, "not sold") {
		t.Errorf("where none is sold: %d %s", got.code, got.body)
	}
}

func TestWhatCannotBeChanged(t *testing.T) {
	b := setup(t)
	b.room(9)
	calls := map[string]string{"cancel": "", "reactivate": "", "storage": `{"gigabytes":1}`}
	refused := func(what string, u customer, code int, says string) {
		t.Helper()
		for path, body := range calls {
			if got := u.post("/billing/"+path, body); !got.refused(code, says) {
				t.Errorf("%s, %s: %d %s", what, path, got.code, got.body)
			}
		}
	}
	refused("who never paid", b.user(), http.StatusConflict, "no subscription")
	refused("whose trial is over", b.trial(-time.Hour), http.StatusConflict, "no subscription")
	gone := b.user()
	gone.set("subscription_status = 'cancelled', stripe_subscription = 'sub_gone'")
	refused("whose subscription has ended", gone, http.StatusConflict, "no subscription")
	if n := b.count("SELECT count(*) FROM gateway.audit WHERE action IN ('user.cancel', 'user.reactivate', 'user.storage')"); n != 0 {
		t.Errorf("the audit has %d lines of what was refused", n)
	}

	u := b.user().subscribed()
	for method, path := range map[string]string{"End": "cancel", "Storage": "storage"} {
		b.stripe.fail(method, fmt.Errorf("change: %w", billing.ErrUnreachable))
		if got := u.post("/billing/"+path, calls[path]); !got.refused(http.StatusServiceUnavailable, "cannot be reached") {
			t.Errorf("%s without Stripe: %d %s", path, got.code, got.body)
		}
		b.stripe.fail(method, nil)
	}
	// Done at Stripe, and its state not read: the same request does it again, and reads it.
	b.stripe.fail("Subscription", fmt.Errorf("read: %w", billing.ErrUnreachable))
	if got := u.post("/billing/cancel", ""); !got.refused(http.StatusServiceUnavailable, "cannot be reached") {
		t.Errorf("cancelled, and not read: %d %s", got.code, got.body)
	}
	b.stripe.fail("Subscription", nil)
	if got := u.post("/billing/cancel", ""); got.code != http.StatusOK || got.status.EndsAt == nil {
		t.Errorf("then once more: %d %s", got.code, got.body)
	}
	// Ended at Stripe, and the row does not know.
	ended := b.now.Add(-time.Hour)
	found := b.stripe.subscriptions[fmt.Sprintf("cus_%d", u.id)]
	found.Status, found.EndedAt = "canceled", &ended
	b.stripe.fail("End", fmt.Errorf("change: %w", billing.ErrGone))
	if got := u.post("/billing/reactivate", ""); !got.refused(http.StatusConflict, "no subscription") || !u.is("subscription_status = 'cancelled'") {
		t.Errorf("ended meanwhile: %d %s", got.code, got.body)
	}

	held := b.user().subscribed()
	held.set("held_at = now()")
	for _, path := range []string{"reactivate", "storage"} {
		if got := held.post("/billing/"+path, calls[path]); !got.refused(http.StatusConflict, "Write to support") {
			t.Errorf("a disputed payment, %s: %d %s", path, got.code, got.body)
		}
	}
	b.stripe.fail("End", nil)
	if got := held.post("/billing/cancel", ""); got.code != http.StatusOK {
		t.Errorf("who disputes a payment cannot leave: %d %s", got.code, got.body)
	}
}
