package nginx_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const (
	webhookSecret = "whsec_test"
	portalURL     = "https://billing.stripe.example/p/session/abc"
)

// stripe is as much of Stripe's API as a portal takes.
func (b *bundle) stripe() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/billing_portal/configurations"):
			fmt.Fprint(w, `{"object":"list","data":[]}`)
		case r.URL.Path == "/v1/billing_portal/sessions":
			fmt.Fprintf(w, `{"id":"bps_1","object":"billing_portal.session","url":%q}`, portalURL)
		default:
			http.NotFound(w, r)
		}
	}))
	b.t.Cleanup(server.Close)
	return server.URL
}

func TestBillingsPagesAndItsFunctionShareAnAddress(t *testing.T) {
	b := setup(t)
	ann := b.user("ann@example.com")
	for _, path := range []string{"/billing", "/billing?again=1", "/billing/done", "/billing/done?session_id=cs_test_1"} {
		got := b.get(path, ann)
		if got.StatusCode != 200 || got.body != "the app" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'self'") || got.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %q %v", path, got.StatusCode, got.body, got.Header)
		}
	}
	if got := b.get("/billing/status", ann); got.StatusCode != 200 || !strings.Contains(got.body, `"status":"trial"`) || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("status: %d %s", got.StatusCode, got.body)
	}
	for _, path := range []string{"/billing/", "/billing/done/", "/billing/other"} {
		if got := b.get(path, ann); got.StatusCode != 404 || !strings.Contains(got.problem(), "nothing at this address") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
	if got := b.do("POST", "/billing/cancel", "", "Cookie", ann, "Sec-Fetch-Site", "cross-site"); got.StatusCode != 403 {
		t.Errorf("from another site: %d %s", got.StatusCode, got.body)
	}
	if got := b.do("POST", "/billing/cancel", "", "Cookie", ann, "Origin", "http://"+b.app); got.StatusCode != 409 {
		t.Errorf("from the app: %d %s", got.StatusCode, got.body)
	}
	if got := b.do("POST", "/billing/refresh", strings.Repeat(" ", 17<<10), "Cookie", ann, "Content-Type", "application/json"); got.StatusCode != 413 {
		t.Errorf("a large body: %d", got.StatusCode)
	}
	if _, err := b.db.Pool.Exec(context.Background(), "UPDATE gateway.users SET stripe_customer = 'cus_1'"); err != nil {
		t.Fatal(err)
	}
	if got := b.get("/billing/portal", ann); got.StatusCode != 303 || got.Header.Get("Location") != portalURL {
		t.Errorf("portal: %d %v %s", got.StatusCode, got.Header, got.body)
	}
	b.app = "localhost"
	if got := b.get("/billing/status", ann); got.StatusCode != 404 {
		t.Errorf("the site serves the app's functions: %d", got.StatusCode)
	}
}

func TestStripesEventsPassUnchangedUpToTheirLimit(t *testing.T) {
	b := setup(t)
	tell := func(id string, size int) response {
		t.Helper()
		event := fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2023-10-16","created":1790000000,"livemode":false,"type":"invoice.paid","data":{"object":{"id":"in_1"}}}`, id)
		event += strings.Repeat(" ", max(0, size-len(event)))
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(event), Secret: webhookSecret, Timestamp: time.Now()})
		return b.send(b.request("POST", "/billing/webhook", bytes.NewReader([]byte(event)), "Stripe-Signature", signed.Header, "Content-Type", "application/json; charset=utf-8"))
	}
	for i := range 60 { // many at once from one address
		if got := tell(fmt.Sprintf("evt_%d", i), 0); got.StatusCode != 200 {
			t.Fatalf("number %d: %d %s", i+1, got.StatusCode, got.body)
		}
	}
	if got := tell("evt_large", 64<<10); got.StatusCode != 200 {
		t.Errorf("64 KB: %d %s", got.StatusCode, got.body)
	}
	if got := tell("evt_larger", 64<<10+1); got.StatusCode != 413 {
		t.Errorf("64 KB and a byte: %d %s", got.StatusCode, got.body)
	}
	if got := b.do("POST", "/billing/webhook", "{}"); got.StatusCode != 400 {
		t.Errorf("not signed: %d %s", got.StatusCode, got.body)
	}
	var taken int
	if err := b.db.Pool.QueryRow(context.Background(), "SELECT count(*) FROM gateway.stripe_events").Scan(&taken); err != nil || taken != 61 {
		t.Errorf("%d events were taken, %v", taken, err)
	}
}
