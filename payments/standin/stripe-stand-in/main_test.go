package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76/webhook"
)

func TestServe(t *testing.T) {
	told := make(chan error)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), "whsec_test")
		told <- err
	}))
	defer receiver.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- serve(ctx, listener, receiver.URL, "whsec_test") }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener.Addr().String()+"/v1/customers",
		strings.NewReader(url.Values{"email": {"u@example.com"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{
		"Authorization": {"Bearer sk_test_standin"}, "Stripe-Version": {"2023-10-16"}, "Content-Type": {"application/x-www-form-urlencoded"},
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("it answered %s", answer.Status)
	}
	if err := <-told; err != nil {
		t.Error("Stripe's library: ", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("sk_test_SECRET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"every interface":     {"-listen", "0.0.0.0:0"},
		"a webhook, no file":  {"-listen", "127.0.0.1:0", "-webhook", "http://127.0.0.1:1/billing/webhook"},
		"a file of a key":     {"-listen", "127.0.0.1:0", "-webhook", "http://127.0.0.1:1/billing/webhook", "-secret-file", secret},
		"what it has not got": {"-real"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), args); err == nil || strings.Contains(err.Error(), "SECRET") {
				t.Error(err)
			}
		})
	}
}
