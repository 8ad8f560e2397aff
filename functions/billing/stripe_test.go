package billing_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"slicegate/jobs/billing"
)

// stripe is an account at Stripe as far as this function sees it: keys make things once, pages end no sooner
// than in 30 minutes, and what was cancelled is cancelled.
type stripe struct {
	mu            sync.Mutex
	now           func() time.Time
	fails         map[string]error // by method
	calls         map[string]int   // by method
	customers     map[string]int64
	deleted       map[string]bool
	pages         map[string]page // by key
	made          []billing.Checkout
	subscriptions map[string]*billing.Subscription // by customer
	invoices      map[string][]billing.Invoice
	during        func() // runs while Checkout is asked
}

type page struct {
	session billing.CheckoutSession
	wanted  billing.Checkout
	err     error // what it was answered with, for good
}

func newStripe(now func() time.Time) *stripe {
	return &stripe{
		now: now, fails: map[string]error{}, calls: map[string]int{}, customers: map[string]int64{}, deleted: map[string]bool{},
		pages: map[string]page{}, subscriptions: map[string]*billing.Subscription{}, invoices: map[string][]billing.Invoice{},
	}
}

// asked locks it and counts a call.
func (s *stripe) asked(method string) (unlock func(), err error) {
	s.mu.Lock()
	s.calls[method]++
	return s.mu.Unlock, s.fails[method]
}

func (s *stripe) Customer(_ context.Context, user int64, _, known string) (string, error) {
	unlock, err := s.asked("Customer")
	defer unlock()
	if err != nil || known != "" && !s.deleted[known] {
		return known, err
	}
	id := fmt.Sprintf("cus_%d%s", user, map[bool]string{true: "_again"}[known != ""])
	s.customers[id] = user
	return id, nil
}

func (s *stripe) Subscription(_ context.Context, customer, _ string) (*billing.Subscription, error) {
	unlock, err := s.asked("Subscription")
	defer unlock()
	if found := s.subscriptions[customer]; found != nil && err == nil {
		now := *found
		return &now, nil
	}
	return nil, err
}

func (s *stripe) Checkout(_ context.Context, wanted billing.Checkout) (billing.CheckoutSession, error) {
	unlock, err := s.asked("Checkout")
	defer unlock()
	if s.during != nil {
		s.during()
	}
	before, known := s.pages[wanted.Key]
	switch {
	case err != nil:
		s.pages[wanted.Key] = page{wanted: wanted, err: err}
		return billing.CheckoutSession{}, err
	case known && before.err != nil:
		return billing.CheckoutSession{}, before.err
	case known && before.wanted != wanted:
		return billing.CheckoutSession{}, errors.New("Stripe answered 400 keys for idempotent requests can only be used with the same parameters")
	case known:
		return before.session, nil
	case wanted.Until.Sub(s.now()) < 30*time.Minute || wanted.Until.Sub(s.now()) > 24*time.Hour:
		return billing.CheckoutSession{}, errors.New("Stripe answered 400 the expires_at timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation")
	}
	id := fmt.Sprintf("cs_test_%d", len(s.pages)+1)
	s.pages[wanted.Key] = page{session: billing.CheckoutSession{ID: id, URL: "https://checkout.stripe.example/" + id}, wanted: wanted}
	s.made = append(s.made, wanted)
	return s.pages[wanted.Key].session, nil
}

func (s *stripe) CheckoutCustomer(_ context.Context, session string) (string, int64, error) {
	unlock, err := s.asked("CheckoutCustomer")
	defer unlock()
	for _, page := range s.pages {
		if page.session.ID == session && err == nil {
			return page.wanted.Customer, page.wanted.User, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("find a Checkout session: %w", billing.ErrGone)
	}
	return "", 0, err
}

func (s *stripe) Portal(_ context.Context, customer, returnURL string) (string, error) {
	unlock, err := s.asked("Portal")
	defer unlock()
	return "https://billing.stripe.example/" + customer + "?return=" + returnURL, err
}

func (s *stripe) End(_ context.Context, subscription string, end bool) error {
	unlock, err := s.asked("End")
	defer unlock()
	return s.change(subscription, err, func(found *billing.Subscription) {
		found.EndsAt = nil
		if end {
			found.EndsAt = &found.PaidUntil
		}
	})
}

func (s *stripe) Storage(_ context.Context, subscription string, gigabytes int) error {
	unlock, err := s.asked("Storage")
	defer unlock()
	return s.change(subscription, err, func(found *billing.Subscription) { found.StorageGB = gigabytes })
}

func (s *stripe) change(subscription string, err error, how func(*billing.Subscription)) error {
	if err != nil {
		return err
	}
	for _, found := range s.subscriptions {
		if found.ID == subscription {
			how(found)
			return nil
		}
	}
	return billing.ErrGone
}

func (s *stripe) Invoices(_ context.Context, customer string) ([]billing.Invoice, error) {
	unlock, err := s.asked("Invoices")
	defer unlock()
	return s.invoices[customer], err
}

func (s *stripe) Dispute(context.Context, string) (billing.Dispute, error) {
	return billing.Dispute{}, errors.ErrUnsupported
}
func (s *stripe) Forget(context.Context, string) error { return errors.ErrUnsupported }
func (s *stripe) Subscriptions(context.Context) iter.Seq2[billing.Owned, error] {
	return func(func(billing.Owned, error) bool) {}
}

// pay is what a customer does at the newest page.
func (s *stripe) pay() (session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.made[len(s.made)-1]
	s.subscriptions[newest.Customer] = &billing.Subscription{
		ID: "sub_" + newest.Customer, Status: "active", PaidUntil: s.now().Add(30 * 24 * time.Hour), StorageGB: newest.StorageGB, Discounted: true,
	}
	return s.pages[newest.Key].session.ID
}

func (s *stripe) fail(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[method] = err
}

func (s *stripe) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}
