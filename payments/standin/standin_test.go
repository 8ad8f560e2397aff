package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76/webhook"
)

var start = time.Date(2026, time.January, 31, 9, 0, 0, 0, time.UTC)

// bundle is a stand-in with a customer, at a real port.
type bundle struct {
	*testing.T
	*Server
	address  string
	customer string
}

func newBundle(t *testing.T, options Options) *bundle {
	t.Helper()
	t.Parallel()
	if options.Clock == nil {
		options.Clock = func() time.Time { return start }
	}
	b := &bundle{T: t, Server: New(options)}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.address = server.URL
	b.post("/v1/products", "id=slice&name=Slice", nil)
	b.post("/v1/coupons", "id=launch&amount_off=450&currency=usd&duration=repeating&duration_in_months=2", nil)
	b.customer = b.post("/v1/customers", "email=u@example.com", nil)["id"].(string)
	return b
}

// call is one of the API's, as Stripe's library makes it.
func (b *bundle) call(method, path, form string, header http.Header) (int, object) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, b.address+path, strings.NewReader(form))
	if err != nil {
		b.Fatal(err)
	}
	request.Header = http.Header{
		"Authorization": {"Bearer sk_test_standin"}, "Stripe-Version": {version}, "Content-Type": {"application/x-www-form-urlencoded"},
	}
	for name, values := range header {
		request.Header[name] = values
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var found object
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		b.Fatal(err)
	}
	return answer.StatusCode, found
}

func (b *bundle) post(path, form string, header http.Header) object {
	b.Helper()
	status, found := b.call("POST", path, form, header)
	if status != http.StatusOK {
		b.Fatalf("POST %s %s: %d %v", path, form, status, found)
	}
	return found
}

func key(value string) http.Header { return http.Header{"Idempotency-Key": {value}} }

// checkout is a page at which the customer subscribes.
func (b *bundle) checkout() (session, page string) {
	b.Helper()
	price := b.post("/v1/prices", "product=slice&currency=usd&unit_amount=900&recurring[interval]=month", nil)["id"].(string)
	made := b.post("/v1/checkout/sessions", url.Values{
		"mode": {"subscription"}, "customer": {b.customer}, "client_reference_id": {"7"}, "success_url": {b.address + "/done?s={CHECKOUT_SESSION_ID}"},
		"cancel_url": {b.address + "/back"}, "expires_at": {fmt.Sprint(b.Now().Add(time.Hour).Unix())},
		"line_items[0][price]": {price}, "line_items[0][quantity]": {"1"}, "discounts[0][coupon]": {"launch"},
	}.Encode(), nil)
	return made["id"].(string), made["url"].(string)
}

func (b *bundle) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) types() (types []string) {
	for _, event := range b.Events() {
		types = append(types, event.Type)
	}
	return types
}

func TestIdempotencyKeys(t *testing.T) {
	b := newBundle(t, Options{})
	first := b.post("/v1/customers", "email=a@example.com", key("one"))
	if again := b.post("/v1/customers", "email=a@example.com", key("one")); again["id"] != first["id"] {
		t.Errorf("%v and %v", first, again)
	}
	if other := b.post("/v1/customers", "email=a@example.com", key("two")); other["id"] == first["id"] {
		t.Error("another key made nothing")
	}
	status, refused := b.call("POST", "/v1/customers", "email=b@example.com", key("one"))
	if kind := refused["error"].(object)["type"]; status != 400 || kind != "idempotency_error" {
		t.Errorf("%d %v", status, refused)
	}
	b.Fail(503, 1)
	if status, _ := b.call("POST", "/v1/customers", "email=c@example.com", key("three")); status != 503 {
		t.Errorf("answered %d", status)
	}
	b.post("/v1/customers", "email=c@example.com", key("three")) // a failure is not kept
	b.Advance(25 * time.Hour)
	if later := b.post("/v1/customers", "email=a@example.com", key("one")); later["id"] == first["id"] {
		t.Error("a key is kept for longer than a day")
	}
}

func TestRefusals(t *testing.T) {
	b := newBundle(t, Options{Key: "sk_test_standin"})
	for name, test := range map[string]struct {
		method, path, form string
		header             http.Header
		status             int
	}{
		"another key":      {"GET", "/v1/customers/" + b.customer, "", http.Header{"Authorization": {"Bearer sk_test_other"}}, 401},
		"another version":  {"GET", "/v1/customers/" + b.customer, "", http.Header{"Stripe-Version": {"2019-02-19"}}, 400},
		"nobody":           {"GET", "/v1/customers/cus_nobody", "", nil, 404},
		"another kind":     {"GET", "/v1/subscriptions/" + b.customer, "", nil, 404},
		"no such call":     {"GET", "/v1/charges", "", nil, 404},
		"no such property": {"GET", "/v1/customers/" + b.customer + "?expand[]=shoes", "", nil, 400},
		"too many":         {"GET", "/v1/invoices?limit=101", "", nil, 400},
		"a coupon and codes": {"POST", "/v1/checkout/sessions", "mode=subscription&success_url=x&customer=" + b.customer +
			"&discounts[0][coupon]=launch&allow_promotion_codes=true", nil, 400},
		"too short a time": {"POST", "/v1/checkout/sessions", fmt.Sprintf("mode=subscription&success_url=x&customer=%s&expires_at=%d",
			b.customer, start.Add(20*time.Minute).Unix()), nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := b.call(test.method, test.path, test.form, test.header); status != test.status || answer["error"] == nil {
				t.Errorf("answered %d %v", status, answer)
			}
		})
	}
}

// A life of two months, with what is told of it, in order.
func TestLife(t *testing.T) {
	b := newBundle(t, Options{})
	session, _ := b.checkout()
	b.ok(b.Pay(session))
	if err := b.Pay(session); err == nil {
		t.Error("it was paid twice")
	}
	told := len(b.types())
	b.Advance(29 * day) // 1 March: February has no 31st, the period ended on its 28th
	b.ok(b.SetCard(b.customer, CardDeclined))
	b.Advance(31 * day) // 31 March, 9:00: the third begins, its invoice is a draft
	b.Advance(15 * day) // of 14 for the retries
	got := b.types()[told:]
	if diff := cmp.Diff([]string{
		"invoice.created", "customer.subscription.updated", "invoice.finalized", "invoice.paid",
		"customer.subscription.updated", // the coupon has ended
		"invoice.created", "customer.subscription.updated",
		"invoice.finalized", "invoice.payment_failed", "customer.subscription.updated",
		"invoice.payment_failed", "customer.subscription.updated", // after 3 days
		"invoice.payment_failed", "customer.subscription.updated", // 5
		"invoice.payment_failed", "customer.subscription.updated", // 7
		"invoice.payment_failed", "customer.subscription.updated", // 14
		"customer.subscription.deleted",
	}, got); diff != "" {
		t.Error(diff)
	}
	last := b.subscriptions[b.Newest(b.customer)]
	if last.status != "canceled" || !last.endedAt.Equal(time.Date(2026, time.April, 14, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("it is %s since %s", last.status, last.endedAt)
	}
}

func TestMonths(t *testing.T) {
	for count, want := range []string{"31 Jan", "28 Feb", "31 Mar", "30 Apr", "31 May"} {
		if got := months(start, count).Format("2 Jan"); got != want {
			t.Errorf("%d months after 31 January it is %s, and not %s", count, got, want)
		}
	}
}

// What is sent is signed, is sent again until it is taken, and comes in order.
func TestDelivery(t *testing.T) {
	b := newBundle(t, Options{Clock: time.Now})
	type call struct{ body, signature string }
	calls := make(chan call)
	var refused atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if refused.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		calls <- call{string(body), r.Header.Get("Stripe-Signature")}
	}))
	defer receiver.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Deliver(ctx, receiver.URL, "whsec_test") }()
	session, _ := b.checkout()
	b.ok(b.Pay(session))
	for n, event := range b.Events() {
		got := <-calls
		if got.body != string(event.Body) {
			t.Errorf("the %d. call was %s, and not %s", n, got.body, event.Body)
		}
		if _, err := webhook.ConstructEvent([]byte(got.body), got.signature, "whsec_test"); err != nil {
			t.Errorf("Stripe's library: %v", err)
		}
	}
	stop()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
}

// page is what a browser sees, and where it has come to.
func (b *bundle) page(method, address string, form url.Values) (*goquery.Document, string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	document, err := goquery.NewDocumentFromReader(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	return document, answer.Request.URL.String()
}

func buttons(document *goquery.Document) []string {
	return document.Find("button, a.back").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
}

func TestCheckoutPage(t *testing.T) {
	b := newBundle(t, Options{})
	session, address := b.checkout()
	document, _ := b.page("GET", address, nil)
	if diff := cmp.Diff([]string{"Pay", "Card is declined", "Go back"}, buttons(document)); diff != "" {
		t.Error(diff)
	}
	text := document.Text()
	for _, words := range []string{"This is a stand-in for Stripe", "9.00 USD a month", "−4.50 USD a month", "u@example.com"} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not on the page:\n%s", words, text)
		}
	}
	if back, _ := document.Find("a.back").Attr("href"); back != b.address+"/back" {
		t.Errorf("back leads to %s", back)
	}
	document, _ = b.page("POST", address, url.Values{"do": {"decline"}})
	if alert := document.Find("[role=alert]").Text(); !strings.Contains(alert, "declined") || b.Newest(b.customer) != "" {
		t.Errorf("declined: %q", alert)
	}
	_, to := b.page("POST", address, url.Values{"do": {"pay"}})
	if to != b.address+"/done?s="+session || b.Newest(b.customer) == "" {
		t.Errorf("paid, and come to %s", to)
	}
	document, to = b.page("POST", address, url.Values{"do": {"pay"}})
	if to != address || slices.Contains(buttons(document), "Pay") {
		t.Errorf("once more, at %s: %v", to, buttons(document))
	}
}

func TestPortalAndInvoicePages(t *testing.T) {
	b := newBundle(t, Options{})
	session, _ := b.checkout()
	b.ok(b.Pay(session))
	portal := b.post("/v1/billing_portal/sessions", "customer="+b.customer+"&return_url="+b.address+"/back", nil)["url"].(string)
	sub := b.subscriptions[b.Newest(b.customer)]
	b.page("POST", portal, url.Values{"do": {"cancel"}})
	if !sub.atPeriodEnd {
		t.Error("it is not cancelled")
	}
	b.page("POST", portal, url.Values{"do": {"renew"}})
	if sub.atPeriodEnd {
		t.Error("it is still cancelled")
	}
	b.page("POST", portal, url.Values{"do": {"card"}, "card": {"requires_action"}})
	b.Advance(32 * day)
	document, _ := b.page("GET", portal, nil)
	open, _ := document.Find("td a").First().Attr("href")
	document, _ = b.page("GET", b.address+open, nil)
	if diff := cmp.Diff([]string{"Confirm the payment"}, buttons(document)); diff != "" {
		t.Fatal(diff)
	}
	b.page("POST", b.address+open, nil)
	if sub.status != "active" {
		t.Errorf("confirmed, and it is %s", sub.status)
	}
	if document, _ := b.page("GET", b.address+"/c/pay/cs_nobody", nil); !strings.Contains(document.Text(), "404") {
		t.Errorf("nobody's page: %s", document.Text())
	}
}

// Whoever is in another process drives it by calls.
func TestControls(t *testing.T) {
	b := newBundle(t, Options{})
	b.checkout()
	control := func(call string) object {
		t.Helper()
		answer, err := http.Post(b.address+"/stand-in/"+call, "", nil)
		b.ok(err)
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		b.ok(err)
		if answer.StatusCode != http.StatusOK {
			return object{"status": answer.StatusCode, "error": string(content)}
		}
		var found object
		b.ok(json.Unmarshal(content, &found))
		return found
	}
	who := "email=u@example.com"
	steps := []struct{ call, status string }{
		{"pay?" + who, "active"},
		{"card?card=declined&" + who, "active"},
		{fmt.Sprintf("advance?seconds=%d", int((29 * day).Seconds())), "past_due"},
		{"pay-invoice?" + who, "active"},
		{"card?customer=" + b.customer, "active"},
		{"cancel?" + who, "active"},
		{fmt.Sprintf("advance?seconds=%d", int((31 * day).Seconds())), "canceled"},
	}
	for _, step := range steps {
		if answer := control(step.call); answer["error"] != nil {
			t.Fatalf("%s: %v", step.call, answer)
		}
		if got := b.subscriptions[b.Newest(b.customer)].status; got != step.status {
			t.Fatalf("after %s it is %s", step.call, got)
		}
	}
	dispute := control("dispute?" + who)["id"].(string)
	control("decide?won=true&dispute=" + dispute)
	if b.disputes[dispute].status != "won" {
		t.Errorf("the dispute is %s", b.disputes[dispute].status)
	}
	if warning := control("warn?" + who)["id"].(string); !b.warnings[warning].actionable {
		t.Error("there is no warning")
	}
	control("refund?" + who)
	control("fail?status=503&calls=-1")
	if status, _ := b.call("GET", "/v1/customers/"+b.customer, "", nil); status != 503 {
		t.Errorf("told to fail, it answers %d", status)
	}
	control("fail?calls=0")
	control("delete?" + who)
	if _, found := b.call("GET", "/v1/customers/"+b.customer, "", nil); found["deleted"] != true {
		t.Errorf("deleted, and it is %v", found)
	}
	for _, wrong := range []string{"pay?email=nobody@example.com", "dance?" + who, "decide?dispute=dp_nobody"} {
		if answer := control(wrong); answer["status"] != 409 {
			t.Errorf("%s: %v", wrong, answer)
		}
	}
	answer, err := http.Get(b.address + "/stand-in/state")
	b.ok(err)
	defer answer.Body.Close()
	var state struct {
		Now       time.Time
		Events    []struct{ ID, Type string }
		Customers []struct {
			ID, Status string
			Deleted    bool
		}
	}
	b.ok(json.NewDecoder(answer.Body).Decode(&state))
	if len(state.Events) != len(b.types()) || !state.Now.Equal(start.Add(60*day)) || len(state.Customers) != 1 ||
		!state.Customers[0].Deleted || state.Customers[0].Status != "canceled" {
		t.Errorf("the state is %+v", state)
	}
}
