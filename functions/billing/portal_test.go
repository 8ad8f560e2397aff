package billing_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

func TestThePortalAndTheInvoicesAreTheCustomersOwn(t *testing.T) {
	b := setup(t)
	b.room(9)
	stranger := b.user()
	if got := stranger.get("/billing/portal"); !got.refused(http.StatusConflict, "Subscribe first") {
		t.Errorf("portal of who never paid: %d %s", got.code, got.body)
	}
	if got := stranger.get("/billing/invoices"); got.code != http.StatusOK {
		t.Errorf("invoices of who never paid: %d %s", got.code, got.body)
	} else {
		same(t, "invoices of who never paid", got.body, `{"invoices":[]}`)
	}
	if b.stripe.count("Portal")+b.stripe.count("Invoices") != 0 {
		t.Error("Stripe was asked")
	}
	u := b.user().subscribed()
	customer := fmt.Sprintf("cus_%d", u.id)
	got := u.get("/billing/portal")
	if want := "https://billing.stripe.example/" + customer + "?return=https://app.example.com/billing"; got.code != http.StatusSeeOther || got.header.Get("Location") != want || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("portal: %d %v", got.code, got.header)
	}
	b.stripe.invoices[customer] = []billing.Invoice{
		{ID: "in_2", Number: "A-2", At: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Amount: 450, Currency: "usd", Status: "open", URL: "https://invoice.stripe.example/2"},
		{ID: "in_1", Number: "A-1", At: time.Date(2026, 10, 27, 12, 0, 0, 0, time.UTC), Amount: 900, Currency: "jpy", Status: "paid", URL: "https://invoice.stripe.example/1"},
	}
	same(t, "invoices", u.get("/billing/invoices").body, `{"invoices":[
		{"id":"in_2","number":"A-2","at":"2026-11-27T12:00:00Z","amount":"4.50","currency":"usd","status":"open","url":"https://invoice.stripe.example/2"},
		{"id":"in_1","number":"A-1","at":"2026-10-27T12:00:00Z","amount":"900","currency":"jpy","status":"paid","url":"https://invoice.stripe.example/1"}]}`)
	for path, method := range map[string]string{"portal": "Portal", "invoices": "Invoices"} {
		b.stripe.fail(method, fmt.Errorf("ask: %w", billing.ErrUnreachable))
		if got := u.get("/billing/" + path); !got.refused(http.StatusServiceUnavailable, "cannot be reached") || got.header.Get("Retry-After") == "" {
			t.Errorf("%s without Stripe: %d %s", path, got.code, got.body)
		}
		b.stripe.fail(method, fmt.Errorf("ask: %w", billing.ErrGone))
		if got := u.get("/billing/" + path); !got.refused(http.StatusConflict, "no payments of this account") {
			t.Errorf("%s of a customer who is gone: %d %s", path, got.code, got.body)
		}
	}
}

func TestWhoFollowsTheLinkToThePortalReadsNoJSON(t *testing.T) {
	b := setup(t)
	b.room(9)
	for name, test := range map[string]struct {
		user customer
		err  error
		want string
	}{
		"who never paid":             {b.user(), nil, "none"},
		"a customer who is gone":     {b.user().subscribed(), fmt.Errorf("ask: %w", billing.ErrGone), "none"},
		"while Stripe is away":       {b.user().subscribed(), fmt.Errorf("ask: %w", billing.ErrUnreachable), "later"},
		"when nobody knows what was": {b.user().subscribed(), errors.New("what?"), "later"},
	} {
		b.stripe.fail("Portal", test.err)
		got := b.do("GET", "/billing/portal", "", "Cookie", test.user.cookie, "Sec-Fetch-Dest", "document")
		if want := "https://app.example.com/billing?portal=" + test.want; got.code != http.StatusSeeOther || got.header.Get("Location") != want || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, got.code, got.header)
		}
	}
}
