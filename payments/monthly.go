package payments

import (
	"math/big"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// monthly is what a subscription brings in a month: what it is charged for, less the discount that it has. In a trial
// of Stripe's, and while its payments are paused, that is nothing.
func monthly(found *stripe.Subscription, now time.Time) billing.Monthly {
	money := billing.Monthly{Currency: string(found.Currency)}
	if found.Items == nil {
		return money
	}
	whole, storage, reduced, every := new(big.Rat), new(big.Rat), new(big.Rat), big.NewRat(1, 1)
	for _, item := range found.Items.Data {
		if item.Deleted || item.Price == nil {
			continue
		}
		every = inMonth(item.Price.Recurring)
		amount := new(big.Rat).Mul(unitAmount(item.Price), every)
		amount.Mul(amount, new(big.Rat).SetInt64(item.Quantity))
		whole.Add(whole, amount)
		if isStorage(item) {
			storage.Add(storage, amount)
		}
		if applies(found.Discount, item.Price, now) {
			reduced.Add(reduced, amount)
		}
	}
	off := new(big.Rat)
	if reduced.Sign() > 0 {
		off = takenOff(found.Discount.Coupon, reduced, every, found.Currency)
	}
	money.Storage, money.Discount = rounded(storage), rounded(off)
	if found.Status != stripe.SubscriptionStatusTrialing && found.PauseCollection == nil {
		money.Price = rounded(whole) - money.Discount
	}
	return money
}

// unitAmount is a price in the smallest unit, of which Stripe also knows parts.
func unitAmount(price *stripe.Price) *big.Rat {
	if price.UnitAmount == 0 && price.UnitAmountDecimal > 0 {
		return new(big.Rat).SetFloat64(price.UnitAmountDecimal)
	}
	return new(big.Rat).SetInt64(price.UnitAmount)
}

// inMonth is how often in a month something is paid.
func inMonth(recurring *stripe.PriceRecurring) *big.Rat {
	if recurring == nil {
		return new(big.Rat) // paid once
	}
	times := big.NewRat(1, max(1, recurring.IntervalCount))
	switch recurring.Interval {
	case stripe.PriceRecurringIntervalYear:
		return times.Mul(times, big.NewRat(1, 12))
	case stripe.PriceRecurringIntervalWeek:
		return times.Mul(times, big.NewRat(52, 12))
	case stripe.PriceRecurringIntervalDay:
		return times.Mul(times, big.NewRat(365, 12))
	}
	return times
}

// applies tells whether a discount makes a price less, and not just the first time.
func applies(discount *stripe.Discount, price *stripe.Price, now time.Time) bool {
	if discount == nil || discount.Deleted || discount.Coupon == nil || discount.End != 0 && discount.End <= now.Unix() ||
		discount.Coupon.Duration == stripe.CouponDurationOnce {
		return false
	}
	only := discount.Coupon.AppliesTo
	return only == nil || len(only.Products) == 0 || price.Product != nil && slices.Contains(only.Products, price.Product.ID)
}

// takenOff is what a coupon makes of what it applies to; a fixed amount is of each invoice.
func takenOff(coupon *stripe.Coupon, of, every *big.Rat, currency stripe.Currency) *big.Rat {
	off := new(big.Rat)
	switch {
	case coupon.PercentOff > 0:
		off.SetFloat64(coupon.PercentOff)
		off.Mul(off, of).Mul(off, big.NewRat(1, 100))
	case coupon.Currency == currency:
		off.SetInt64(coupon.AmountOff).Mul(off, every)
	}
	if off.Cmp(of) > 0 {
		return of
	}
	return off
}

// rounded is a number of the smallest unit; half of one counts as one.
func rounded(amount *big.Rat) int64 {
	twice := new(big.Int).Mul(amount.Num(), big.NewInt(2))
	twice.Add(twice, amount.Denom())
	return twice.Div(twice, new(big.Int).Mul(amount.Denom(), big.NewInt(2))).Int64()
}
