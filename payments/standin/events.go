package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// Event is one that the stand-in has to tell.
type Event struct {
	ID   string
	Type string
	Body []byte // as it is sent
}

// Signed is the header Stripe-Signature of an event that is sent at a time.
func (e Event) Signed(secret string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: e.Body, Secret: secret, Timestamp: at}).Header
}

// Events are all that were told so far, the oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	return slices.Clone(s.events)
}

// tell notes an event about an object as it is now.
func (s *Server) tell(kind, about string) {
	m := s.make("evt")
	body, err := json.Marshal(with(m.base("event"), object{
		"type": kind, "api_version": version, "pending_webhooks": 1, "request": object{"id": nil, "idempotency_key": nil},
		"data": object{"object": s.render(about)},
	}))
	if err != nil {
		panic(err) // what it renders are maps of its own
	}
	s.events = append(s.events, Event{ID: m.id, Type: kind, Body: body})
	close(s.told)
	s.told = make(chan struct{})
}

// Deliver sends the events to a webhook until the context ends, each until it is taken, in order.
// Signatures have the machine's time: that is what whoever gets them compares with.
func (s *Server) Deliver(ctx context.Context, to, secret string) error {
	for sent := 0; ; {
		s.mu.Lock()
		s.catchUp()
		told, events := s.told, s.events[sent:]
		s.mu.Unlock()
		for _, event := range events {
			for s.deliver(ctx, event, to, secret) != nil {
				if !wait(ctx, time.Second, nil) {
					return ctx.Err()
				}
			}
			sent++
		}
		if len(events) == 0 && !wait(ctx, time.Second, told) { // a second: the clock may have brought one
			return ctx.Err()
		}
	}
}

func (s *Server) deliver(ctx context.Context, event Event, to, secret string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(event.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Stripe-Signature", event.Signed(secret, time.Now()))
	answer, err := s.options.Client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s", to, answer.Status)
	}
	return nil
}

// wait is false when the context has ended.
func wait(ctx context.Context, at time.Duration, or <-chan struct{}) bool {
	timer := time.NewTimer(at)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-or:
	}
	return true
}
