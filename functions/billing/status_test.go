package billing_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

func same(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%s: %q: %v", what, got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s\ngot  %s\nwant %s", what, got, want)
	}
}

func TestStatusSaysWhereAnAccountStands(t *testing.T) {
	b := setup(t)
	u := b.user()
	same(t, "registered", u.get("/billing/status").body, `{"enabled":true,"status":"unpaid","trialEndsAt":null,"paidUntil":null,"endsAt":null,
		"graceEndsAt":null,"deleteAfter":null,"retention":604800,"held":false,"confirm":null,"price":"9.00","launchPrice":"4.50","discounted":false,"currency":"$",
		"storage":{"includedBytes":2147483648,"usedBytes":0,"extraGB":0,"pricePerGB":"0.50"},"customer":false,"slice":"none"}`)
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	u.set(`subscription_status = 'past_due', trial_ends_at = $2, paid_until = $3, ends_at = $4, grace_ends_at = $5, delete_after = $6, held_at = $2,
		action_url = 'https://invoice.stripe.example/i', discounted = true, storage_extra = 3, stripe_customer = 'cus_1', waiting_since = $2`,
		at, at.Add(time.Hour), at.Add(2*time.Hour), at.Add(3*time.Hour), at.Add(4*time.Hour))
	if got := u.get("/billing/status").status.SliceStatus; got != "waiting" {
		t.Errorf("who waits has slice %q", got)
	}
	slice := b.slice("suspended", u.id)
	b.exec("UPDATE gateway.slices SET storage_bytes = 123 WHERE id = $1", slice)
	b.billing.Settings.LaunchPrice, b.billing.Settings.StoragePrice = "off", "off"
	const all = `{"enabled":true,"status":"past_due","trialEndsAt":"2026-12-01T12:00:00Z","paidUntil":"2026-12-01T13:00:00Z","endsAt":"2026-12-01T14:00:00Z",
		"graceEndsAt":"2026-12-01T15:00:00Z","deleteAfter":"2026-12-01T16:00:00Z","retention":604800,"held":true,"confirm":"https://invoice.stripe.example/i",
		"price":"9.00","launchPrice":null,"discounted":true,"currency":"$",
		"storage":{"includedBytes":2147483648,"usedBytes":123,"extraGB":3,"pricePerGB":null},"customer":true,"slice":"suspended"}`
	var got map[string]any
	raw := u.get("/billing/status").body
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trialEndsAt", "paidUntil", "endsAt", "graceEndsAt", "deleteAfter"} { // in whatever zone
		if at, err := time.Parse(time.RFC3339, got[name].(string)); err == nil {
			got[name] = at.UTC().Format(time.RFC3339)
		}
	}
	utc, _ := json.Marshal(got)
	same(t, "with all there is", string(utc), all)
}

func TestNobodyElseSeesOrChangesAnything(t *testing.T) {
	b := setup(t)
	for path, method := range map[string]string{
		"status": "GET", "refresh": "POST", "create-checkout": "POST", "cancel": "POST", "reactivate": "POST", "storage": "POST", "portal": "GET", "invoices": "GET",
	} {
		if got := b.do(method, "/billing/"+path, "{}"); got.code != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d %s", path, got.code, got.body)
		}
		if method == "POST" {
			if got := b.do(method, "/billing/"+path, "{}", "Cookie", b.user().cookie, "Sec-Fetch-Site", "cross-site"); !got.refused(http.StatusForbidden, "another site") {
				t.Errorf("%s from another site: %d %s", path, got.code, got.body)
			}
		}
		other := map[string]string{"GET": "POST", "POST": "GET"}[method]
		if got := b.do(other, "/billing/"+path, "{}"); got.code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d %s", other, path, got.code, got.body)
		}
	}
	if got := b.do("GET", "/billing/nothing", ""); got.code != http.StatusNotFound {
		t.Errorf("nothing: %d %s", got.code, got.body)
	}
	if len(b.stripe.calls) != 0 {
		t.Errorf("Stripe was asked: %v", b.stripe.calls)
	}
}

func TestWithoutStripeThereAreTrialsAlone(t *testing.T) {
	b := setup(t)
	u := b.trial(-time.Hour)
	u.set("stripe_customer = 'cus_1', stripe_subscription = 'sub_1'") // of before
	b.withoutStripe()
	for path, method := range map[string]string{"create-checkout": "POST", "cancel": "POST", "reactivate": "POST", "storage": "POST", "portal": "GET", "invoices": "GET"} {
		if got := b.do(method, "/billing/"+path, "{}", "Cookie", u.cookie); !got.refused(http.StatusConflict, "trials alone") {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	if got := b.do("POST", "/billing/webhook", "{}"); !got.refused(http.StatusConflict, "trials alone") {
		t.Errorf("webhook: %d %s", got.code, got.body)
	}
	if got := u.get("/billing/status"); got.code != http.StatusOK || got.status.Enabled || got.status.Customer || got.status.Status != "trial" {
		t.Errorf("status: %d %s", got.code, got.body)
	}
	// The trial is over, which is found out without Stripe.
	if got := u.post("/billing/refresh", `{"session":"cs_test_1"}`); got.code != http.StatusOK || got.status.Status != string(billing.PastDue) || got.status.GraceEndsAt == nil {
		t.Errorf("refresh: %d %s", got.code, got.body)
	}
}
