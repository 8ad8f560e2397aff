package billing_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"slicegate/config"
	"slicegate/payments"
)

// event is what Stripe sends, signed by a secret at a time.
type event struct {
	body      string
	signature string
}

func signed(body, secret string, at time.Time) event {
	made := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: at})
	return event{string(made.Payload), made.Header}
}

func (b *bundle) tell(e event, header ...string) reply {
	b.t.Helper()
	return b.do("POST", "/billing/webhook", e.body, append([]string{"Stripe-Signature", e.signature}, header...)...)
}

const (
	oldSecret, newSecret = "whsec_old", "whsec_new"
	invoice              = `{"id":"evt_%d","object":"event","api_version":"2023-10-16","created":1790000000,"livemode":false,"type":"invoice.paid",
		"data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}}`
)

// listening is one whose Stripe is the account of a test key.
func listening(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.billing.ReadEvent = payments.Open(config.Billing{StripeKey: "sk_test_123", StripeURL: "https://stripe.invalid", WebhookSecrets: []string{oldSecret, newSecret}}).Event
	return b
}

func (b *bundle) events() int { return b.count("SELECT count(*) FROM gateway.stripe_events") }
func (b *bundle) looks() int {
	return b.count("SELECT count(*) FROM river.river_job WHERE kind = 'handle_stripe_event'")
}

func TestAnEventIsWrittenDownAndLookedAtOnce(t *testing.T) {
	b := listening(t)
	told := fmt.Sprintf(invoice, 1)
	for i, secret := range []string{oldSecret, newSecret, newSecret} { // both secrets hold while they are changed
		if got := b.tell(signed(told, secret, b.now)); got.code != http.StatusOK {
			t.Errorf("number %d: %d %s", i+1, got.code, got.body)
		}
	}
	if n := b.count(`SELECT count(*) FROM gateway.stripe_events WHERE id = 'evt_1' AND type = 'invoice.paid' AND object = 'in_1' AND customer = 'cus_1'
		AND user_id IS NULL AND created_at = to_timestamp(1790000000) AND received_at = $1 AND handled_at IS NULL`, b.now); n != 1 || b.events() != 1 {
		t.Errorf("%d of %d rows say what was told", n, b.events())
	}
	if n := b.count(`SELECT count(*) FROM river.river_job WHERE kind = 'handle_stripe_event' AND args = '{"event":"evt_1"}'`); n != 1 || b.looks() != 1 {
		t.Errorf("%d of %d jobs look at it", n, b.looks())
	}
	// Handled long ago, and told again three days late.
	b.exec("UPDATE gateway.stripe_events SET handled_at = now()")
	b.exec("DELETE FROM river.river_job")
	b.now = b.now.Add(72 * time.Hour)
	if got := b.tell(signed(told, newSecret, b.now)); got.code != http.StatusOK || b.looks() != 0 || b.events() != 1 {
		t.Errorf("told again: %d %s, %d jobs", got.code, got.body, b.looks())
	}
}

func TestManyOfOneEventAtOnceAreOne(t *testing.T) {
	b := listening(t)
	var everyone sync.WaitGroup
	for range 20 {
		everyone.Go(func() {
			if got := b.tell(signed(fmt.Sprintf(invoice, 1), newSecret, b.now)); got.code != http.StatusOK {
				t.Errorf("%d %s", got.code, got.body)
			}
		})
	}
	everyone.Wait()
	if b.events() != 1 || b.looks() != 1 {
		t.Errorf("%d rows, %d jobs", b.events(), b.looks())
	}
}

func TestEventsOfAllKindsAreTaken(t *testing.T) {
	b := listening(t)
	const session = `{"id":"evt_s","object":"event","api_version":"2023-10-16","created":1790000000,"livemode":false,"type":"checkout.session.completed",
		"data":{"object":{"id":"cs_test_1","object":"checkout.session","customer":{"id":"cus_1"},"client_reference_id":"42"}}}`
	const unknown = `{"id":"evt_u","object":"event","api_version":"2031-01-01","created":1790000000,"livemode":false,"type":"moon.rose","data":{"object":{"id":"moon_1\u0000"}}}`
	for _, body := range []string{session, unknown} {
		if got := b.tell(signed(body, newSecret, b.now)); got.code != http.StatusOK {
			t.Errorf("%d %s", got.code, got.body)
		}
	}
	if n := b.count("SELECT count(*) FROM gateway.stripe_events WHERE id = 'evt_s' AND object = 'cs_test_1' AND customer = 'cus_1' AND user_id = 42"); n != 1 {
		t.Error("whose Checkout session it was is not in the row")
	}
	if n := b.count("SELECT count(*) FROM gateway.stripe_events WHERE id = 'evt_u' AND object = 'moon_1' AND customer IS NULL"); n != 1 || b.looks() != 2 {
		t.Errorf("%d rows of what nobody knows, %d jobs", n, b.looks())
	}
}

func TestWhatStripeDidNotTellIsRefused(t *testing.T) {
	b := listening(t)
	whole := signed(fmt.Sprintf(invoice, 1), newSecret, b.now)
	// Spaces in JSON mean nothing, and are signed: this is exactly as large as may be.
	room := 64<<10 - len(fmt.Sprintf(invoice, 2))
	largest := fmt.Sprintf(invoice, 2) + strings.Repeat(" ", room)
	for _, test := range []struct {
		what  string
		event event
		code  int
		says  string
	}{
		{"another secret", signed(whole.body, "whsec_other", b.now), 400, "signature"},
		{"no signature", event{whole.body, ""}, 400, "signature"},
		{"no time", event{whole.body, "v1=abc"}, 400, "signature"},
		{"another body", event{whole.body + " ", whole.signature}, 400, "signature"},
		{"too old", signed(whole.body, newSecret, b.now.Add(-301*time.Second)), 400, "older than"},
		{"live mode", signed(strings.Replace(whole.body, `"livemode":false`, `"livemode":true`, 1), newSecret, b.now), 400, "live mode"},
		{"another account", signed(strings.Replace(whole.body, `"object":"event"`, `"object":"event","account":"acct_1"`, 1), newSecret, b.now), 400, "acct_1"},
		{"no event", signed(`{"object":"list"}`, newSecret, b.now), 400, "form"},
		{"no JSON", signed(`hello`, newSecret, b.now), 400, "form"},
		{"too large", signed(largest+" ", newSecret, b.now), 413, "65536"},
	} {
		if got := b.tell(test.event); !got.refused(test.code, test.says) || strings.Contains(got.body, "whsec") {
			t.Errorf("%s: %d %s", test.what, got.code, got.body)
		}
	}
	if b.events() != 0 || b.looks() != 0 {
		t.Fatalf("%d rows, %d jobs", b.events(), b.looks())
	}
	for what, event := range map[string]event{
		"the largest":       signed(largest, newSecret, b.now),
		"one just in time":  signed(fmt.Sprintf(invoice, 3), newSecret, b.now.Add(-299*time.Second)),
		"one among unknown": {whole.body, whole.signature + ",v0=abc,v1=00"},
	} {
		if got := b.tell(event); got.code != http.StatusOK {
			t.Errorf("%s: %d %s", what, got.code, got.body)
		}
	}
	if got := b.tell(signed(fmt.Sprintf(invoice, 9), newSecret, b.now), "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"); got.code != http.StatusOK {
		t.Errorf("its origin is asked for: %d %s", got.code, got.body)
	}
	if b.events() != 4 {
		t.Errorf("%d rows, want 4", b.events())
	}
}

// An event and its job are there both, or neither: Stripe tells again what was not taken.
func TestAnEventThatCannotBeTakenIsToldAgain(t *testing.T) {
	b := listening(t)
	e := signed(fmt.Sprintf(invoice, 1), newSecret, b.now)
	b.exec(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cut off'; END $$`)
	b.exec("CREATE TRIGGER refuse BEFORE INSERT ON river.river_job FOR EACH ROW EXECUTE FUNCTION public.refuse()")
	if got := b.tell(e); got.code != http.StatusInternalServerError || b.events() != 0 {
		t.Errorf("without its job: %d %s, %d rows", got.code, got.body, b.events())
	}
	b.exec("DROP TRIGGER refuse ON river.river_job")
	if got := b.tell(e); got.code != http.StatusOK || b.events() != 1 || b.looks() != 1 {
		t.Errorf("told again: %d %s, %d rows, %d jobs", got.code, got.body, b.events(), b.looks())
	}
	b.db.Pool.Close()
	if got := b.tell(signed(fmt.Sprintf(invoice, 2), newSecret, b.now)); got.code < 500 {
		t.Errorf("without Postgres: %d %s", got.code, got.body)
	}
}

// The log is everybody's: this test is not beside others.
func TestRefusedEventsAreLoggedOnceAndWithoutSecrets(t *testing.T) {
	var lines bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	account := payments.Open(config.Billing{StripeKey: "sk_test_123", StripeURL: "https://stripe.invalid", WebhookSecrets: []string{newSecret}})
	b := alone(t)
	b.billing.ReadEvent = account.Event
	live := strings.Replace(fmt.Sprintf(invoice, 1), `"livemode":false`, `"livemode":true`, 1)
	for range 3 {
		b.tell(signed(live, newSecret, b.now))
		b.tell(signed(live, "whsec_other", b.now))
	}
	if n := strings.Count(lines.String(), "level=WARN"); n != 2 || strings.Contains(lines.String(), "whsec") || strings.Contains(lines.String(), "sk_test") {
		t.Errorf("%d warnings, want one for each reason:\n%s", n, lines.String())
	}
}
