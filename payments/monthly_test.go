package payments

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// item is one of a subscription; every is "month", "year", ...
func item(product string, amount, quantity int64, every string, count int64) *stripe.SubscriptionItem {
	return &stripe.SubscriptionItem{Quantity: quantity, Price: &stripe.Price{
		UnitAmount: amount, Product: &stripe.Product{ID: product},
		Recurring: &stripe.PriceRecurring{Interval: stripe.PriceRecurringInterval(every), IntervalCount: count},
	}}
}

func TestWhatASubscriptionBringsInAMonth(t *testing.T) {
	slice, storage := item(sliceProduct, 900, 1, "month", 1), item(storageProduct, 50, 3, "month", 1)
	only := &stripe.CouponAppliesTo{Products: []string{sliceProduct}}
	off := func(change func(*stripe.Coupon)) *stripe.Discount {
		coupon := &stripe.Coupon{Duration: stripe.CouponDurationForever, Currency: "usd"}
		change(coupon)
		return &stripe.Discount{Coupon: coupon}
	}
	for name, c := range map[string]struct {
		items    []*stripe.SubscriptionItem
		discount *stripe.Discount
		want     billing.Monthly
	}{
		"nothing":                   {nil, nil, billing.Monthly{}},
		"the full price":            {[]*stripe.SubscriptionItem{slice}, nil, billing.Monthly{Price: 900}},
		"with storage":              {[]*stripe.SubscriptionItem{slice, storage}, nil, billing.Monthly{Price: 1050, Storage: 150}},
		"an amount off the slice":   {[]*stripe.SubscriptionItem{slice, storage}, off(func(c *stripe.Coupon) { c.AmountOff, c.AppliesTo = 450, only }), billing.Monthly{Price: 600, Storage: 150, Discount: 450}},
		"never less than nothing":   {[]*stripe.SubscriptionItem{slice, storage}, off(func(c *stripe.Coupon) { c.AmountOff, c.AppliesTo = 5000, only }), billing.Monthly{Price: 150, Storage: 150, Discount: 900}},
		"a part off everything":     {[]*stripe.SubscriptionItem{slice, storage}, off(func(c *stripe.Coupon) { c.PercentOff = 50 }), billing.Monthly{Price: 525, Storage: 150, Discount: 525}},
		"half a cent is one":        {[]*stripe.SubscriptionItem{item(sliceProduct, 333, 1, "month", 1)}, off(func(c *stripe.Coupon) { c.PercentOff = 50 }), billing.Monthly{Price: 166, Discount: 167}},
		"a third of a cent is none": {[]*stripe.SubscriptionItem{item(sliceProduct, 1000, 1, "month", 3)}, nil, billing.Monthly{Price: 333}},
		"once is not each month":    {[]*stripe.SubscriptionItem{slice}, off(func(c *stripe.Coupon) { c.AmountOff, c.Duration = 450, stripe.CouponDurationOnce }), billing.Monthly{Price: 900}},
		"another currency's amount": {[]*stripe.SubscriptionItem{slice}, off(func(c *stripe.Coupon) { c.AmountOff, c.Currency = 450, "eur" }), billing.Monthly{Price: 900}},
		"a discount that is over":   {[]*stripe.SubscriptionItem{slice}, &stripe.Discount{End: start.Unix(), Coupon: &stripe.Coupon{AmountOff: 450, Currency: "usd"}}, billing.Monthly{Price: 900}},
		"by the year":               {[]*stripe.SubscriptionItem{item(sliceProduct, 9000, 1, "year", 1)}, off(func(c *stripe.Coupon) { c.AmountOff = 1200 }), billing.Monthly{Price: 650, Discount: 100}},
		"by the week":               {[]*stripe.SubscriptionItem{item(sliceProduct, 300, 1, "week", 1)}, nil, billing.Monthly{Price: 1300}},
		"parts of a cent":           {[]*stripe.SubscriptionItem{{Quantity: 100, Price: &stripe.Price{UnitAmountDecimal: 0.25, Recurring: &stripe.PriceRecurring{Interval: "month", IntervalCount: 1}}}}, nil, billing.Monthly{Price: 25}},
		"deleted items":             {[]*stripe.SubscriptionItem{slice, {Deleted: true, Quantity: 1, Price: slice.Price}}, nil, billing.Monthly{Price: 900}},
	} {
		c.want.Currency = "usd"
		found := &stripe.Subscription{Status: stripe.SubscriptionStatusActive, Currency: "usd", Items: &stripe.SubscriptionItemList{Data: c.items}, Discount: c.discount}
		if diff := cmp.Diff(c.want, monthly(found, start)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
