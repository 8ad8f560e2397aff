package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// tell sends an event to the webhook of functions that run.
func tell(t *testing.T, socket, secret, id string) (status int, body string) {
	t.Helper()
	event := fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2023-10-16","created":1790000000,"livemode":false,"type":"invoice.paid","data":{"object":{"id":"in_1"}}}`, id)
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(event), Secret: secret, Timestamp: time.Now()})
	request, err := http.NewRequest("POST", "http://function/billing/webhook", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Stripe-Signature", signed.Header)
	response, err := over(socket).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func TestBillingHasTheAccountAtStripeThatTheSettingsName(t *testing.T) {
	socket := filepath.Join(environment(t), "billing.sock")
	stop := serve(t, "billing")
	ask(t, socket, "/billing/status")
	if status, body := tell(t, socket, "whsec_one", "evt_1"); status != http.StatusConflict {
		t.Errorf("without Stripe an event is answered %d %s", status, body)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}

	socket = filepath.Join(environment(t), "billing.sock")
	t.Setenv("STRIPE_KEY", "sk_test_123")
	t.Setenv("STRIPE_WEBHOOK_SECRETS", "whsec_one,whsec_two")
	stop = serve(t, "billing")
	ask(t, socket, "/billing/status")
	for _, secret := range []string{"whsec_one", "whsec_two"} {
		if status, body := tell(t, socket, secret, "evt_"+secret); status != http.StatusOK {
			t.Errorf("signed with %s: %d %s", secret, status, body)
		}
	}
	if status, body := tell(t, socket, "whsec_three", "evt_3"); status != http.StatusBadRequest {
		t.Errorf("signed with another: %d %s", status, body)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}
