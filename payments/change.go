package payments

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// End cancels a subscription to the end of what is paid, or takes that back. One that has ended is
// cancelled, and cannot be taken back: billing.ErrGone.
func (s *Stripe) End(ctx context.Context, subscription string, end bool) error {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "cancel the subscription " + subscription
	if !end {
		doing = "keep the subscription " + subscription
	}
	found, err := s.find(ctx, doing, subscription)
	if err != nil {
		return err
	}
	params := &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}}
	switch at := ends(found); {
	case ended(found) != nil && end:
		return nil
	case ended(found) != nil:
		return fmt.Errorf("%s: %w: it has ended", doing, billing.ErrGone)
	case !end && at == nil, end && at != nil && at.Unix() <= found.CurrentPeriodEnd:
		return nil
	case !end && !found.CancelAtPeriodEnd: // somebody set a day in the dashboard
		params.AddExtra("cancel_at", "")
	default:
		params.CancelAtPeriodEnd = &end
	}
	_, err = s.api.Subscriptions.Update(subscription, params)
	return failed(doing, err)
}

// find is a subscription as it is now, in Stripe's words.
func (s *Stripe) find(ctx context.Context, doing, subscription string) (*stripe.Subscription, error) {
	if err := checkID(doing, subscription); err != nil {
		return nil, err
	}
	found, err := s.api.Subscriptions.Get(subscription, &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}})
	return found, failed(doing, err)
}

// Storage changes how many gigabytes are bought beside what is included; 0 is none. More are charged
// for at once, for the rest of the period: ErrDeclined where that fails, and nothing has changed. What
// is given up is taken off the next invoice. Whoever has storage keeps the price that they bought it at.
func (s *Stripe) Storage(ctx context.Context, subscription string, gigabytes int) error {
	ctx, cancel := call(ctx)
	defer cancel()
	doing := "change the storage of " + subscription
	if gigabytes < 0 {
		return fmt.Errorf("%s: %d gigabytes cannot be bought", doing, gigabytes)
	}
	found, err := s.find(ctx, doing, subscription)
	if err != nil {
		return err
	}
	has := storage(found)
	switch {
	case ended(found) != nil:
		return fmt.Errorf("%s: %w: it has ended", doing, billing.ErrGone)
	case has == gigabytes:
		return nil
	}
	params := &stripe.SubscriptionParams{
		Params:            stripe.Params{Context: ctx},
		ProrationBehavior: stripe.String("create_prorations"),
	}
	if gigabytes > has {
		params.ProrationBehavior = stripe.String("always_invoice")
		params.PaymentBehavior = stripe.String("error_if_incomplete")
	}
	if params.Items, err = s.storageItems(ctx, found, gigabytes); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if _, err = s.api.Subscriptions.Update(subscription, params); err != nil {
		s.forgetPrices() // one may have been archived
	}
	return failed(doing, err)
}

// storageItems are what is to change of a subscription's items: its first storage item gets all, any
// further ones, which only a hand in the dashboard makes, go.
func (s *Stripe) storageItems(ctx context.Context, found *stripe.Subscription, gigabytes int) ([]*stripe.SubscriptionItemsParams, error) {
	var items []*stripe.SubscriptionItemsParams
	for _, item := range found.Items.Data {
		switch {
		case !isStorage(item):
		case len(items) == 0 && gigabytes > 0:
			items = append(items, &stripe.SubscriptionItemsParams{ID: &item.ID, Quantity: stripe.Int64(int64(gigabytes))})
		default:
			items = append(items, &stripe.SubscriptionItemsParams{ID: &item.ID, Deleted: stripe.Bool(true)})
		}
	}
	if len(items) > 0 {
		return items, nil
	}
	price, err := s.price(ctx, storageProduct, s.settings.StoragePrice)
	return []*stripe.SubscriptionItemsParams{{Price: &price, Quantity: stripe.Int64(int64(gigabytes))}}, err
}
