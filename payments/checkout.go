package payments

import (
	"context"
	"fmt"
	"strconv"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// Checkout makes the page at which a customer subscribes. It takes cards alone: other ways to pay say
// days later whether they have.
//
// The same key makes the same page only with the same wishes; Stripe refuses it with others.
func (s *Stripe) Checkout(ctx context.Context, wanted billing.Checkout) (billing.CheckoutSession, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := fmt.Sprintf("make the Checkout page of user %d", wanted.User)
	items, err := s.items(ctx, wanted.StorageGB)
	if err != nil {
		return billing.CheckoutSession{}, fmt.Errorf("%s: %w", doing, err)
	}
	user := strconv.FormatInt(wanted.User, 10)
	params := &stripe.CheckoutSessionParams{
		Params:             stripe.Params{Context: ctx},
		Metadata:           map[string]string{userKey: user},
		Mode:               stripe.String(string(stripe.CheckoutSessionModeSubscription)),
		PaymentMethodTypes: []*string{stripe.String("card")},
		Customer:           &wanted.Customer,
		ClientReferenceID:  &user,
		LineItems:          items,
		SubscriptionData:   &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{userKey: user}},
		ExpiresAt:          stripe.Int64(wanted.Until.Unix()),
		SuccessURL:         &wanted.SuccessURL,
		CancelURL:          &wanted.CancelURL,
	}
	coupon, _, err := launchCoupon(s.settings)
	if err != nil {
		return billing.CheckoutSession{}, fmt.Errorf("%s: %w", doing, err)
	}
	if coupon != "" { // Stripe takes one or the other
		params.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon}}
	} else {
		params.AllowPromotionCodes = stripe.Bool(true)
	}
	if wanted.Key != "" {
		params.SetIdempotencyKey(wanted.Key)
	}
	made, err := s.api.CheckoutSessions.New(params)
	switch {
	case err == nil:
		return billing.CheckoutSession{ID: made.ID, URL: made.URL}, nil
	case missing(err, "discounts[0][coupon]"), missing(err, "coupon"):
		return billing.CheckoutSession{}, fmt.Errorf("%s: Stripe has no coupon for LAUNCH_PRICE%s", doing, setUp)
	case !missing(err, "customer"):
		s.forgetPrices() // one may have been archived
	}
	return billing.CheckoutSession{}, failed(doing, err)
}

// items are the slice, and the storage that is bought with it.
func (s *Stripe) items(ctx context.Context, storageGB int) ([]*stripe.CheckoutSessionLineItemParams, error) {
	slice, err := s.price(ctx, sliceProduct, s.settings.Price)
	if err != nil {
		return nil, err
	}
	items := []*stripe.CheckoutSessionLineItemParams{{Price: &slice, Quantity: stripe.Int64(1)}}
	if storageGB > 0 {
		storage, err := s.price(ctx, storageProduct, s.settings.StoragePrice)
		if err != nil {
			return nil, err
		}
		items = append(items, &stripe.CheckoutSessionLineItemParams{Price: &storage, Quantity: stripe.Int64(int64(storageGB))})
	}
	return items, nil
}

// price is the id of a product's price, as the settings have it.
func (s *Stripe) price(ctx context.Context, product, price string) (string, error) {
	if price == off {
		return "", fmt.Errorf("storage cannot be bought: STORAGE_PRICE is off")
	}
	key, err := lookupKey(product, price, s.settings.CurrencyCode)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	id := s.prices[key]
	s.mu.Unlock()
	if id != "" {
		return id, nil
	}
	found := s.api.Prices.List(&stripe.PriceListParams{
		ListParams: stripe.ListParams{Context: ctx, Single: true}, LookupKeys: []*string{&key}, Active: stripe.Bool(true),
	})
	if !found.Next() {
		if err := found.Err(); err != nil {
			return "", failed("find the price "+key, err)
		}
		return "", fmt.Errorf("Stripe has no price %s%s", key, setUp)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prices[key] = found.Price().ID
	return s.prices[key], nil
}

func (s *Stripe) forgetPrices() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.prices)
}

// CheckoutCustomer is the customer of a Checkout session (empty: it has none yet), and the user that it
// was made for; 0: it is not one of ours.
func (s *Stripe) CheckoutCustomer(ctx context.Context, session string) (string, int64, error) {
	ctx, cancel := call(ctx)
	defer cancel()
	const doing = "find a Checkout session"
	if err := checkID(doing, session); err != nil {
		return "", 0, err
	}
	found, err := s.api.CheckoutSessions.Get(session, &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return "", 0, failed(doing, err)
	}
	customer := ""
	if found.Customer != nil {
		customer = found.Customer.ID
	}
	user, _ := strconv.ParseInt(found.ClientReferenceID, 10, 64)
	return customer, user, nil
}
