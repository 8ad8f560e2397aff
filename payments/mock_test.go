package payments

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slicegate/jobs/billing"
)

// stripeMock is Stripe's own server that holds every call against Stripe's OpenAPI.
const stripeMock = "github.com/stripe/stripe-mock@v0.203.0"

// mock is the one that all tests of the package use: it keeps nothing.
var mock struct {
	once    sync.Once
	err     error
	dir     string
	process *exec.Cmd
	ended   chan error // how the process ended, once it has
	client  *http.Client
}

func TestMain(m *testing.M) {
	code := m.Run()
	if mock.process != nil {
		_ = mock.process.Process.Kill()
		<-mock.ended
	}
	if mock.dir != "" {
		_ = os.RemoveAll(mock.dir)
	}
	os.Exit(code)
}

// strict is a client whose calls all go to stripe-mock.
func strict(t testing.TB) *http.Client {
	t.Helper()
	mock.once.Do(func() { mock.err = startMock() })
	if mock.err != nil {
		t.Fatal("stripe-mock: ", mock.err)
	}
	return mock.client
}

func startMock() (err error) {
	if mock.dir, err = os.MkdirTemp("", "stripe-mock"); err != nil {
		return err
	}
	install := exec.Command("go", "install", stripeMock)
	install.Env = append(os.Environ(), "GOBIN="+mock.dir, "GOFLAGS=")
	if said, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("install: %w: %s", err, said)
	}
	socket := filepath.Join(mock.dir, "http")
	mock.process = exec.Command(filepath.Join(mock.dir, "stripe-mock"), "-http-unix", socket, "-https-unix", filepath.Join(mock.dir, "https"))
	mock.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive a test that is killed
	var said bytes.Buffer
	mock.process.Stderr = &said
	if err := mock.process.Start(); err != nil {
		mock.process = nil
		return err
	}
	mock.ended = make(chan error, 1)
	go func() { mock.ended <- mock.process.Wait() }()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	mock.client = &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: callTime}
	deadline := time.After(time.Minute)
	for {
		connection, err := dial(context.Background(), "", "")
		if err == nil {
			return connection.Close()
		}
		select {
		case ended := <-mock.ended:
			mock.process = nil
			return fmt.Errorf("it ended at once: %w: %s", ended, said.String())
		case <-deadline:
			return errors.Join(errors.New("it does not listen"), err)
		case <-time.After(20 * time.Millisecond): // it has no other way to say that it listens
		}
	}
}

// checked sends each call to stripe-mock first, and is a failure of the test where that refuses it.
type checked struct {
	t    testing.TB
	mock *http.Client
	next http.RoundTripper
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	again := r.Clone(r.Context())
	again.URL.Scheme, again.URL.Host, again.RequestURI = "http", "stripe-mock", ""
	again.Body = io.NopCloser(bytes.NewReader(body))
	answer, err := c.mock.Do(again)
	if err != nil {
		c.t.Errorf("stripe-mock: %v", err)
		return nil, err
	}
	said, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Errorf("%s %s %s: Stripe's OpenAPI does not have this call: %d %s", r.Method, r.URL, body, answer.StatusCode, said)
	}
	return c.next.RoundTrip(r)
}

// TestStripesOwnAnswers has every method read what stripe-mock answers: samples that Stripe has written,
// as a real account renders them, and none of which is the stand-in's.
func TestStripesOwnAnswers(t *testing.T) {
	t.Parallel()
	with := settings()
	with.StripeURL = "http://stripe-mock"
	s := open(with, strict(t))
	ctx := t.Context()
	customer := must(s.Customer(ctx, 7, "u@example.com", "cus_1"))(t)
	session := must(s.Checkout(ctx, billing.Checkout{
		User: 7, Customer: customer, Until: time.Now().Add(time.Hour), StorageGB: 2, SuccessURL: "https://app.example.com/billing/done",
		CancelURL: "https://app.example.com/billing", Key: "one",
	}))(t)
	portal := must(s.Portal(ctx, customer, "https://app.example.com/billing"))(t)
	sub := must(s.Subscription(ctx, customer, ""))(t)
	if customer != "cus_1" || session.ID == "" || !strings.HasPrefix(portal, "https://") || sub == nil || sub.ID == "" || sub.Status != "active" {
		t.Errorf("read %q, %+v, %q, %+v", customer, session, portal, sub)
	}
	if _, _, err := s.CheckoutCustomer(ctx, "cs_test_1"); err != nil {
		t.Error(err)
	}
	for _, invoice := range must(s.Invoices(ctx, customer))(t) {
		if invoice.ID == "" || invoice.At.IsZero() || invoice.Currency != "usd" {
			t.Errorf("read %+v", invoice)
		}
	}
	for _, id := range []string{"dp_1", "issfr_1"} {
		if found := must(s.Dispute(ctx, id))(t); found.ID != id || found.Status == "" || found.At.IsZero() {
			t.Errorf("read %+v", found)
		}
	}
	owned := 0
	for found, err := range s.Subscriptions(ctx) {
		if err != nil || found.Customer == "" || found.Subscription.ID == "" {
			t.Fatalf("read %+v, %v", found, err)
		}
		if owned++; owned > 100 {
			t.Fatal("the list has no end")
		}
	}
	for doing, err := range map[string]error{
		"cancel":  s.End(ctx, "sub_1", true),
		"keep":    s.End(ctx, "sub_1", false),
		"storage": s.Storage(ctx, "sub_1", 3),
		"forget":  s.Forget(ctx, customer),
		"set up":  s.SetUp(ctx, Setup{Webhook: webhookURL, AppURL: "https://app.example.com", Out: io.Discard}),
	} {
		if err != nil {
			t.Errorf("%s: %v", doing, err)
		}
	}
	if owned == 0 {
		t.Error("no subscription was read")
	}
}
