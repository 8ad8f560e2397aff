package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/stripe/stripe-go/v76"
)

// Setup is what is wanted of an account at Stripe beside the prices, which the settings have.
type Setup struct {
	Webhook string    // the address that Stripe tells its events; empty: none is set up
	AppURL  string    // where customers come back to from the portal
	Out     io.Writer // what was done, a line each, and the new webhook's secret
}

// SetUp makes in the account at Stripe what is sold, and what tells of it: the products, their prices,
// the launch coupon, the portal and the webhook. What is there already is left, or brought to the
// settings; twice makes nothing twice. Prices that are not those of the settings are archived: nobody
// new gets them, and who has them keeps them.
func (s *Stripe) SetUp(ctx context.Context, wanted Setup) error {
	setup := &setup{Stripe: s, Setup: wanted}
	setup.say("Stripe account, %s:", mode(s.live))
	for _, step := range []func(context.Context) error{
		setup.slice, setup.storage, setup.coupon, setup.configurePortal, setup.webhook,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type setup struct {
	*Stripe
	Setup
}

func (s *setup) say(format string, values ...any) { fmt.Fprintf(s.Out, format+"\n", values...) }

func (s *setup) slice(ctx context.Context) error {
	if err := s.product(ctx, sliceProduct, "WhatsApp CRM Slice", ""); err != nil {
		return err
	}
	return s.sell(ctx, sliceProduct, s.settings.Price)
}

func (s *setup) storage(ctx context.Context) error {
	if s.settings.StoragePrice != off {
		if err := s.product(ctx, storageProduct, "Storage", "GB"); err != nil {
			return err
		}
		return s.sell(ctx, storageProduct, s.settings.StoragePrice)
	}
	s.say("  storage is not sold: STORAGE_PRICE is off")
	return s.archive(ctx, storageProduct, "")
}

// product finds or makes a product by our id of it.
func (s *setup) product(ctx context.Context, id, name, unit string) error {
	ctx, cancel := call(ctx)
	defer cancel()
	found, err := s.api.Products.Get(id, &stripe.ProductParams{Params: stripe.Params{Context: ctx}})
	switch {
	case err == nil && found.Active:
		s.say("  product %s is there", id)
		return nil
	case err == nil:
		_, err = s.api.Products.Update(id, &stripe.ProductParams{Params: stripe.Params{Context: ctx}, Active: stripe.Bool(true)})
		s.say("  product %s was archived, and is sold again", id)
		return failed("sell the product "+id+" again", err)
	case !gone(err):
		return failed("find the product "+id, err)
	}
	params := &stripe.ProductParams{Params: stripe.Params{Context: ctx}, ID: &id, Name: &name}
	if unit != "" {
		params.UnitLabel = &unit
	}
	if _, err = s.api.Products.New(params); err != nil {
		return failed("make the product "+id, err)
	}
	s.say("  product %s made: %s", id, name)
	return nil
}

// sell finds or makes the one price at which a product is sold, and archives the others.
func (s *setup) sell(ctx context.Context, product, text string) error {
	ctx, cancel := call(ctx)
	defer cancel()
	key, err := lookupKey(product, text, s.settings.CurrencyCode)
	if err != nil {
		return err
	}
	units, _ := amount(text, s.settings.CurrencyCode)
	words := fmt.Sprintf("%s %s a month", text, s.settings.CurrencyCode)
	list := s.api.Prices.List(&stripe.PriceListParams{
		ListParams: stripe.ListParams{Context: ctx}, LookupKeys: []*string{&key},
	})
	var found *stripe.Price
	if list.Next() {
		found = list.Price()
	}
	if list.Err() != nil {
		return failed("find the price "+key, list.Err())
	}
	switch {
	case found != nil && !isPrice(found, product, units, s.settings.CurrencyCode):
		found = nil // somebody gave its name to another
		fallthrough
	case found == nil:
		params := &stripe.PriceParams{
			Params: stripe.Params{Context: ctx}, Product: &product, UnitAmount: &units, Currency: &s.settings.CurrencyCode,
			Recurring: &stripe.PriceRecurringParams{Interval: stripe.String(string(stripe.PriceRecurringIntervalMonth))},
			LookupKey: &key, TransferLookupKey: stripe.Bool(true),
		}
		if _, err = s.api.Prices.New(params); err != nil {
			return failed("make the price "+key, err)
		}
		s.say("  price %s made: %s", key, words)
	case !found.Active:
		_, err = s.api.Prices.Update(found.ID, &stripe.PriceParams{Params: stripe.Params{Context: ctx}, Active: stripe.Bool(true)})
		if err != nil {
			return failed("sell at the price "+key+" again", err)
		}
		s.say("  price %s was archived, and holds again: %s", key, words)
	default:
		s.say("  price %s is there: %s", key, words)
	}
	return s.archive(ctx, product, key)
}

func isPrice(found *stripe.Price, product string, units int64, currency string) bool {
	return found.Product != nil && found.Product.ID == product && found.UnitAmount == units &&
		string(found.Currency) == currency && found.Recurring != nil &&
		found.Recurring.Interval == stripe.PriceRecurringIntervalMonth && found.Recurring.IntervalCount == 1
}

// archive takes all prices of a product but one from new subscriptions.
func (s *setup) archive(ctx context.Context, product, keep string) error {
	list := s.api.Prices.List(&stripe.PriceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)}, Product: &product, Active: stripe.Bool(true),
	})
	var old []*stripe.Price
	for list.Next() {
		if found := list.Price(); found.LookupKey != keep || keep == "" {
			old = append(old, found)
		}
	}
	if list.Err() != nil && !gone(list.Err()) {
		return failed("read the prices of "+product, list.Err())
	}
	for _, price := range old {
		_, err := s.api.Prices.Update(price.ID, &stripe.PriceParams{Params: stripe.Params{Context: ctx}, Active: stripe.Bool(false)})
		if err != nil {
			return failed("archive the price "+price.ID, err)
		}
		s.say("  price %s (%s) archived: who has it keeps it, nobody new gets it", price.ID, price.LookupKey)
	}
	return nil
}

// coupon finds or makes what makes PRICE the LAUNCH_PRICE. It is for the slice, not for storage.
func (s *setup) coupon(ctx context.Context) error {
	ctx, cancel := call(ctx)
	defer cancel()
	id, amountOff, err := launchCoupon(s.settings)
	if err != nil {
		return err
	}
	if id == "" {
		s.say("  no launch price: LAUNCH_PRICE is off; Checkout takes promotion codes, which you make in the dashboard under Product catalog, Coupons")
		return nil
	}
	found, err := s.api.Coupons.Get(id, &stripe.CouponParams{Params: stripe.Params{Context: ctx}})
	switch {
	case err == nil && !found.Valid:
		return errors.New("the coupon " + id + " can be redeemed no more; delete it in the dashboard under Product catalog, Coupons, and run this again")
	case err == nil:
		s.say("  coupon %s is there", id)
		return nil
	case !gone(err):
		return failed("find the coupon "+id, err)
	}
	params := &stripe.CouponParams{
		Params: stripe.Params{Context: ctx}, ID: &id, Name: stripe.String("Launch price"),
		AmountOff: &amountOff, Currency: &s.settings.CurrencyCode, Duration: stripe.String(string(stripe.CouponDurationForever)),
		AppliesTo: &stripe.CouponAppliesToParams{Products: []*string{stripe.String(sliceProduct)}},
	}
	length := "as long as the subscription"
	if months := s.settings.LaunchMonths; months > 0 {
		params.Duration = stripe.String(string(stripe.CouponDurationRepeating))
		params.DurationInMonths = stripe.Int64(int64(months))
		length = "for " + strconv.Itoa(months) + " months"
	}
	if _, err = s.api.Coupons.New(params); err != nil {
		return failed("make the coupon "+id, err)
	}
	s.say("  coupon %s made: the launch price is %s %s, %s", id, s.settings.LaunchPrice, s.settings.CurrencyCode, length)
	return nil
}
