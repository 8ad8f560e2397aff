package billing_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/payments"
	"slicegate/payments/standin"
)

// The whole way over Stripe's own library, and a Stripe that holds keys, times and prices against each other.
func TestFromCheckoutToTheInvoice(t *testing.T) {
	b := setup(t)
	there := standin.New(standin.Options{Key: "sk_test_123", Clock: func() time.Time { return b.now }})
	server := httptest.NewServer(there)
	t.Cleanup(server.Close)
	b.billing.Settings = config.Billing{
		StripeKey: "sk_test_123", StripeURL: server.URL, WebhookSecrets: []string{newSecret},
		Price: "9.00", LaunchPrice: "4.50", StoragePrice: "0.50", CurrencyCode: "usd", Currency: "$",
		Grace: 7 * 24 * time.Hour, Retention: 7 * 24 * time.Hour,
	}
	account := payments.Open(b.billing.Settings)
	if err := account.SetUp(t.Context(), payments.Setup{Webhook: "https://app.example.com/billing/webhook", AppURL: "https://app.example.com", Out: &bytes.Buffer{}}); err != nil {
		t.Fatal(err)
	}
	b.billing.Stripe, b.billing.Settler.(*jobs.Settler).Stripe = account, account
	slice := b.slice("available", 0)
	u := b.user()

	there.Fail(http.StatusInternalServerError, -1)
	if got := u.checkout(); !got.refused(http.StatusServiceUnavailable, "cannot be reached") {
		t.Errorf("a Stripe that fails: %d %s", got.code, got.body)
	}
	there.Fail(0, 0)
	first := u.post("/billing/create-checkout", `{"storageGB":2}`)
	b.now = b.now.Add(10 * time.Minute)
	second := u.post("/billing/create-checkout", `{"storageGB":2}`)
	if first.code != http.StatusCreated || second.url != first.url {
		t.Fatalf("%d %s\n%d %s", first.code, first.body, second.code, second.body)
	}
	var customer string
	b.value(&customer, "SELECT stripe_customer FROM gateway.users WHERE id = $1", u.id)
	b.exec("UPDATE gateway.slices SET last_health_at = $2 WHERE id = $1", slice, b.now)
	session := there.Session(customer)
	if err := there.Pay(session); err != nil {
		t.Fatal(err)
	}
	got := u.post("/billing/refresh", fmt.Sprintf(`{"session":%q}`, session))
	if got.code != http.StatusOK || got.status.Status != "active" || got.status.SliceStatus != "assigned" || got.status.Storage.ExtraGB != 2 || !got.status.Discounted {
		t.Fatalf("return: %d %s", got.code, got.body)
	}
	if got := u.checkout(); !got.refused(http.StatusConflict, "subscribed already") {
		t.Errorf("once more: %d %s", got.code, got.body)
	}
	if got := u.post("/billing/storage", `{"gigabytes":3}`); got.code != http.StatusOK || got.status.Storage.ExtraGB != 3 {
		t.Errorf("storage: %d %s", got.code, got.body)
	}
	if got := u.post("/billing/cancel", ""); got.code != http.StatusOK || got.status.EndsAt == nil {
		t.Errorf("cancel: %d %s", got.code, got.body)
	}
	if got := u.post("/billing/reactivate", ""); got.code != http.StatusOK || got.status.EndsAt != nil {
		t.Errorf("reactivate: %d %s", got.code, got.body)
	}
	if got := u.get("/billing/portal"); got.code != http.StatusSeeOther || got.header.Get("Location") == "" {
		t.Errorf("portal: %d %s", got.code, got.body)
	}
	if got := u.get("/billing/invoices"); got.code != http.StatusOK || !bytes.Contains([]byte(got.body), []byte(`"amount":"5.50","currency":"usd","status":"paid"`)) {
		t.Errorf("invoices: %d %s", got.code, got.body)
	}
	if got := b.user().post("/billing/refresh", fmt.Sprintf(`{"session":%q}`, session)); !got.refused(http.StatusForbidden, "another account") {
		t.Errorf("another user: %d %s", got.code, got.body)
	}
}
