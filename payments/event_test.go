package payments

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76/webhook"

	"slicegate/config"
)

// told is an event, signed with one of the settings' secrets.
func told(change func(map[string]any)) (body []byte, signature string) {
	event := map[string]any{
		"id": "evt_1", "object": "event", "type": "invoice.paid", "created": start.Unix(), "livemode": false, "api_version": "2023-10-16",
		"data": map[string]any{"object": map[string]any{"id": "in_1", "object": "invoice", "customer": "cus_1"}},
	}
	if change != nil {
		change(event)
	}
	body, _ = json.Marshal(event)
	return body, sign(body, "whsec_old", start)
}

func sign(body []byte, secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header
}

func about(object map[string]any) func(map[string]any) {
	return func(event map[string]any) { event["data"] = map[string]any{"object": object} }
}

func TestEvents(t *testing.T) {
	for name, test := range map[string]struct {
		change func(map[string]any)
		want   func(*Event)
	}{
		"an invoice": {nil, func(*Event) {}},
		"a customer": {about(map[string]any{"id": "cus_2", "object": "customer", "deleted": true}), func(e *Event) { e.Object, e.Customer = "cus_2", "cus_2" }},
		"a session": {
			about(map[string]any{"id": "cs_1", "object": "checkout.session", "customer": "cus_1", "client_reference_id": "7"}),
			func(e *Event) { e.Object, e.User = "cs_1", 7 },
		},
		"somebody else's session": {
			about(map[string]any{"id": "cs_1", "object": "checkout.session", "customer": nil, "client_reference_id": "order-7"}),
			func(e *Event) { e.Object, e.Customer = "cs_1", "" },
		},
		"a dispute":        {about(map[string]any{"id": "dp_1", "object": "dispute", "charge": "ch_1"}), func(e *Event) { e.Object, e.Customer = "dp_1", "" }},
		"a whole customer": {about(map[string]any{"id": "in_1", "object": "invoice", "customer": map[string]any{"id": "cus_1"}}), func(*Event) {}},
		"one without an id": {
			func(event map[string]any) {
				event["type"] = "balance.available"
				about(map[string]any{"object": "balance"})(event)
			},
			func(e *Event) { e.Type, e.Object, e.Customer = "balance.available", "", "" },
		},
		"a type of another year": {func(event map[string]any) { event["type"] = "slice.eaten" }, func(e *Event) { e.Type = "slice.eaten" }},
		"another API version":    {func(event map[string]any) { event["api_version"] = "2031-01-01.pine" }, func(e *Event) { e.Version = "2031-01-01.pine" }},
	} {
		t.Run(name, func(t *testing.T) {
			want := Event{ID: "evt_1", Type: "invoice.paid", Object: "in_1", Customer: "cus_1", Created: time.Unix(start.Unix(), 0), Version: "2023-10-16"}
			test.want(&want)
			body, signature := told(test.change)
			got, err := Open(settings()).Event(body, signature, start)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

func TestRefusedEvents(t *testing.T) {
	good, signature := told(nil)
	thin, thinSignature := told(func(event map[string]any) { event["object"] = "v2.core.event" })
	live, liveSignature := told(func(event map[string]any) { event["livemode"] = true })
	connected, connectedSignature := told(func(event map[string]any) { event["account"] = "acct_1" })
	for name, test := range map[string]struct {
		body      []byte
		signature string
		now       time.Time
		want      error
	}{
		"not signed":              {good, "", start, ErrSignature},
		"signed by others":        {good, sign(good, "whsec_other", start), start, ErrSignature},
		"changed on its way":      {append([]byte(" "), good...), signature, start, ErrSignature},
		"too late":                {good, signature, start.Add(301 * time.Second), ErrSignature},
		"signed for another time": {good, strings.Replace(signature, "t=", "t=9", 1), start, ErrSignature},
		"a header without a time": {good, strings.TrimPrefix(signature, "t="), start, ErrSignature},
		"not JSON":                {[]byte("{"), sign([]byte("{"), "whsec_old", start), start, ErrVersion},
		"a thin event":            {thin, thinSignature, start, ErrVersion},
		"of live mode":            {live, liveSignature, start, ErrElsewhere},
		"of a connected account":  {connected, connectedSignature, start, ErrElsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(settings()).Event(test.body, test.signature, test.now)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			for _, secret := range []string{"whsec_new", "whsec_old"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("it tells a secret: %v", err)
				}
			}
		})
	}
}

func TestEventSecretsAndModes(t *testing.T) {
	body, _ := told(nil)
	for _, secret := range []string{"whsec_new", "whsec_old"} {
		if _, err := Open(settings()).Event(body, sign(body, secret, start), start.Add(300*time.Second)); err != nil {
			t.Errorf("%s: %v", secret, err)
		}
	}
	if _, err := Open(config.Billing{StripeKey: "sk_test_1"}).Event(body, sign(body, "", start), start); !errors.Is(err, ErrSignature) {
		t.Errorf("without a secret: %v", err)
	}
	for key, live := range map[string]bool{"sk_test_1": false, "rk_test_1": false, "sk_live_1": true, "rk_live_1": true} {
		with := settings()
		with.StripeKey = key
		body, signature := told(func(event map[string]any) { event["livemode"] = live })
		if _, err := Open(with).Event(body, signature, start); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		body, signature = told(func(event map[string]any) { event["livemode"] = !live })
		if _, err := Open(with).Event(body, signature, start); !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s takes an event of the other mode: %v", key, err)
		}
	}
}
