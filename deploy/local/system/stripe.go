package system

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"slicegate/config"
	"slicegate/payments"
	"slicegate/payments/standin"
)

// standIn is the stand-in of Stripe beside a system that has no key of its own: no money moves.
type standIn struct {
	URL    string
	server *http.Server
	stop   context.CancelFunc
	done   chan struct{}
}

// standInKey is taken by nobody but the stand-in.
const standInKey = "sk_test_standin"

// startStripe starts the stand-in, has it set up as Stripe is, and gives functions and runner its settings.
func (s *System) startStripe(ctx context.Context, line func(string)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secret := "whsec_" + rand.Text()
	started := &standIn{URL: "http://" + listener.Addr().String(), done: make(chan struct{})}
	// The app's name is known to browsers alone.
	through := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.address())
	}}}
	server := standin.New(standin.Options{Key: standInKey, URL: started.URL, Client: through})
	started.server = &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	delivering, stop := context.WithCancel(context.WithoutCancel(ctx))
	started.stop = stop
	go func() { _ = started.server.Serve(listener) }()
	go func() {
		defer close(started.done)
		// What cannot be delivered yet, because nothing answers, is delivered later, as Stripe does.
		_ = server.Deliver(delivering, s.AppURL+"/billing/webhook", secret)
	}()
	s.stripe = started
	for name, value := range map[string]string{"STRIPE_URL": started.URL, "STRIPE_KEY": standInKey, "STRIPE_WEBHOOK_SECRETS": secret} {
		s.settings[name] = value
	}
	settings, err := config.LoadBilling(s.settings.with(nil))
	if err != nil {
		return err
	}
	var said strings.Builder
	if err := payments.Open(settings).SetUp(ctx, payments.Setup{Out: &said}); err != nil {
		return fmt.Errorf("%w\n%s", err, said.String())
	}
	for text := range strings.Lines(said.String()) {
		line(strings.TrimSpace(text))
	}
	return nil
}

func (s *standIn) end() error {
	s.stop()
	<-s.done
	if err := s.server.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
