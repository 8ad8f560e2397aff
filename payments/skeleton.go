package payments

import (
	"context"
	"errors"
	"iter"

	"slicegate/jobs/billing"
)

// ErrDeclined is a card that was not charged: nothing was changed.
var ErrDeclined = errors.New("the card was declined")

func (s *Stripe) Customer(ctx context.Context, user int64, email, known string) (string, error) {
	return "", errors.ErrUnsupported
}
func (s *Stripe) Subscription(ctx context.Context, customer, known string) (*billing.Subscription, error) {
	return nil, errors.ErrUnsupported
}
func (s *Stripe) Checkout(ctx context.Context, wanted billing.Checkout) (billing.CheckoutSession, error) {
	return billing.CheckoutSession{}, errors.ErrUnsupported
}
func (s *Stripe) CheckoutCustomer(ctx context.Context, session string) (string, int64, error) {
	return "", 0, errors.ErrUnsupported
}
func (s *Stripe) Portal(ctx context.Context, customer, returnURL string) (string, error) {
	return "", errors.ErrUnsupported
}
func (s *Stripe) End(ctx context.Context, subscription string, end bool) error {
	return errors.ErrUnsupported
}
func (s *Stripe) Storage(ctx context.Context, subscription string, gigabytes int) error {
	return errors.ErrUnsupported
}
func (s *Stripe) Invoices(ctx context.Context, customer string) ([]billing.Invoice, error) {
	return nil, errors.ErrUnsupported
}
func (s *Stripe) Dispute(ctx context.Context, id string) (billing.Dispute, error) {
	return billing.Dispute{}, errors.ErrUnsupported
}
func (s *Stripe) Forget(ctx context.Context, customer string) error { return errors.ErrUnsupported }
func (s *Stripe) Subscriptions(ctx context.Context) iter.Seq2[billing.Owned, error] {
	return func(func(billing.Owned, error) bool) {}
}
