package payments

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

func TestStripeIsDown(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	for _, status := range []int{429, 500, 502, 503} {
		b.standIn.Fail(status, -1)
		if _, err := b.Subscription(t.Context(), customer, ""); !errors.Is(err, billing.ErrUnreachable) || errors.Is(err, billing.ErrGone) {
			t.Errorf("%d: %v", status, err)
		}
		if _, err := b.Customer(t.Context(), 9, "u@example.com", ""); !errors.Is(err, billing.ErrUnreachable) {
			t.Errorf("%d: %v", status, err)
		}
	}
	b.standIn.Fail(503, retries) // it comes back
	b.has(customer)
}

func TestNoConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	with := settings()
	with.StripeURL = "http://" + listener.Addr().String()
	_ = listener.Close()
	if _, err := Open(with).Subscription(t.Context(), "cus_1", ""); !errors.Is(err, billing.ErrUnreachable) {
		t.Error(err)
	}
}

func TestAnswerThatIsNotStripes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<html>a proxy that knows sk_test_standin</html>"))
	}))
	defer server.Close()
	with := settings()
	with.StripeURL = server.URL
	_, err := Open(with).Subscription(t.Context(), "cus_1", "")
	if !errors.Is(err, billing.ErrUnreachable) || strings.Contains(err.Error(), "standin") {
		t.Error(err)
	}
}

// A call that nobody waits for any more ends, and says so.
func TestCancelledCall(t *testing.T) {
	hanging := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(hanging)
		<-r.Context().Done()
	}))
	defer server.Close()
	with := settings()
	with.StripeURL = server.URL
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-hanging; cancel() }()
	if _, err := Open(with).Subscription(ctx, "cus_1", ""); !errors.Is(err, context.Canceled) || !errors.Is(err, billing.ErrUnreachable) {
		t.Error(err)
	}
}

// Every call has its time.
func TestCallsHaveADeadline(t *testing.T) {
	var left time.Duration
	with := settings()
	stripe := open(with, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		deadline, _ := r.Context().Deadline()
		left = time.Until(deadline)
		return nil, errors.New("no network in this test")
	})})
	_, _ = stripe.Subscription(t.Context(), "cus_1", "")
	if left <= 0 || left > callTime {
		t.Errorf("it had %s", left)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNoKeyInErrors(t *testing.T) {
	b := newBundle(t)
	with := settings()
	with.StripeKey = "rk_test_SECRET51abc"
	_, err := b.with(with).Subscription(t.Context(), "cus_1", "")
	if err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "STRIPE_KEY") {
		t.Error(err)
	}
	if errors.Is(err, billing.ErrGone) || errors.Is(err, billing.ErrUnreachable) {
		t.Errorf("a wrong key is told as: %v", err)
	}
	for _, text := range []string{"sk_live_abc123", "Invalid API Key provided: rk_test_***abc", "whsec_ABCdef"} {
		if cleaned := clean(text); strings.Contains(cleaned, "abc") || strings.Contains(cleaned, "ABC") {
			t.Error(cleaned)
		}
	}
}
