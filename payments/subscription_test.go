package payments

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slicegate/config"
	"slicegate/jobs/billing"
	"slicegate/payments/standin"
)

func TestPaidSubscription(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 3)
	want := billing.Subscription{
		ID: id, Status: "active", PaidUntil: time.Date(2026, time.April, 30, 9, 0, 0, 0, time.UTC), Discounted: true, StorageGB: 3,
		Monthly: billing.Monthly{Price: 600, Storage: 150, Discount: 450, Currency: "usd"},
	}
	if diff := cmp.Diff(want, b.has(customer)); diff != "" {
		t.Error(diff)
	}
	b.standIn.Advance(31 * day) // renewed, an hour after the period began
	want.PaidUntil = time.Date(2026, time.May, 31, 9, 0, 0, 0, time.UTC)
	if diff := cmp.Diff(want, b.has(customer)); diff != "" {
		t.Error(diff)
	}
}

func TestNobodySubscribed(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	if found := must(b.Subscription(t.Context(), customer, ""))(t); found != nil {
		t.Errorf("found %+v", found)
	}
	if _, err := b.Subscription(t.Context(), "cus_ofanotheraccount", ""); !errors.Is(err, billing.ErrGone) {
		t.Errorf("a customer of another account: %v", err)
	}
}

func TestFailedPayment(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(31 * day)
	due := time.Date(2026, time.April, 30, 10, 0, 0, 0, time.UTC) // the draft's hour
	want := billing.Subscription{
		ID: id, Status: "past_due", PaidUntil: time.Date(2026, time.May, 31, 9, 0, 0, 0, time.UTC), FailedAt: &due, Discounted: true,
		Monthly: billing.Monthly{Price: 450, Discount: 450, Currency: "usd"},
	}
	if diff := cmp.Diff(want, b.has(customer)); diff != "" {
		t.Error(diff)
	}
	b.standIn.Advance(4 * day) // tried again, and failed again: it was due when it was
	if diff := cmp.Diff(want, b.has(customer)); diff != "" {
		t.Error(diff)
	}
	b.ok(b.standIn.SetCard(customer, standin.CardPays))
	b.standIn.Advance(2 * day)
	want.Status, want.FailedAt = "active", nil
	if diff := cmp.Diff(want, b.has(customer)); diff != "" {
		t.Error(diff)
	}
}

func TestRetriesAreOver(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(60 * day)
	found := b.has(customer)
	if found.ID != id || found.Status != "canceled" || found.FailedAt != nil || found.ActionURL != "" {
		t.Errorf("%+v", found)
	}
	if diff := cmp.Diff(at(time.Date(2026, time.May, 14, 10, 0, 0, 0, time.UTC)), found.EndedAt); diff != "" {
		t.Error(diff)
	}
}

// A subscription may stay unpaid for months, with an invoice each; grace is counted from the first.
func TestUnpaidForMonths(t *testing.T) {
	due := time.Date(2026, time.April, 30, 10, 0, 0, 0, time.UTC)
	for _, status := range []string{"past_due", "unpaid"} {
		t.Run(status, func(t *testing.T) {
			b := newBundle(t, func(_ *config.Billing, of *standin.Options) { of.AfterRetries = status })
			customer, _ := b.subscriber(7, 0)
			b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
			b.standIn.Advance(100 * day)
			found := b.has(customer)
			if found.Status != status || found.FailedAt == nil || !found.FailedAt.Equal(due) {
				t.Errorf("%+v, want it failed at %s", found, due)
			}
		})
	}
}

// What was not paid long ago does not count once a later month was paid.
func TestOldDebtIsNotThisMonths(t *testing.T) {
	b := newBundle(t, func(_ *config.Billing, of *standin.Options) { of.AfterRetries = "past_due" })
	customer, _ := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(59 * day)
	b.ok(b.standIn.SetCard(customer, standin.CardPays))
	b.standIn.Advance(7 * day) // May's is paid
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(27 * day) // June's is not
	found := b.has(customer)
	if want := time.Date(2026, time.June, 30, 10, 0, 0, 0, time.UTC); found.Status != "past_due" || found.FailedAt == nil || !found.FailedAt.Equal(want) {
		t.Errorf("%+v, want it failed at %s", found, want)
	}
}

// Who pays the older of two invoices still owes the newer.
func TestOldDebtIsPaid(t *testing.T) {
	b := newBundle(t, func(_ *config.Billing, of *standin.Options) { of.AfterRetries = "past_due" })
	customer, _ := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(31 * day)
	older := b.standIn.Invoice(customer)
	b.standIn.Advance(31 * day)
	b.ok(b.standIn.PayInvoice(older))
	found := b.has(customer)
	if want := time.Date(2026, time.May, 31, 10, 0, 0, 0, time.UTC); found.Status != "past_due" || found.FailedAt == nil || !found.FailedAt.Equal(want) {
		t.Errorf("%+v, want it failed at %s", found, want)
	}
}

func TestPaymentToConfirm(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardAsks))
	b.standIn.Advance(31 * day)
	found := b.has(customer)
	if want := b.address + "/i/" + b.standIn.Invoice(customer); found.Status != "past_due" || found.ActionURL != want || found.FailedAt == nil {
		t.Errorf("%+v, want it to be confirmed at %s", found, want)
	}
	b.ok(b.standIn.PayInvoice(b.standIn.Invoice(customer)))
	if found := b.has(customer); found.Status != "active" || found.ActionURL != "" || found.FailedAt != nil {
		t.Errorf("confirmed: %+v", found)
	}
}

func TestVoidedInvoiceIsNotOwed(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(31 * day)
	b.ok(b.standIn.Void(b.standIn.Invoice(customer)))
	if found := b.has(customer); found.Status != "active" || found.FailedAt != nil {
		t.Errorf("%+v", found)
	}
}

// Changes that a hand in the dashboard makes.
func TestChangedInDashboard(t *testing.T) {
	gigabytes, void, yes := int64(9), "void", true
	end := time.Date(2026, time.April, 30, 9, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		change standin.Change
		want   func(*billing.Subscription)
	}{
		"quantity":             {standin.Change{Quantity: 2}, func(s *billing.Subscription) { s.Monthly.Price = 1500 }},
		"storage":              {standin.Change{Storage: &gigabytes}, func(s *billing.Subscription) { s.StorageGB, s.Monthly.Storage, s.Monthly.Price = 9, 450, 900 }},
		"payment paused":       {standin.Change{Paused: &void}, func(s *billing.Subscription) { s.Monthly.Price = 0 }},
		"no coupon":            {standin.Change{NoDiscount: true}, func(s *billing.Subscription) { s.Discounted, s.Monthly.Discount, s.Monthly.Price = false, 0, 1050 }},
		"to the period's end":  {standin.Change{AtPeriodEnd: &yes}, func(s *billing.Subscription) { s.EndsAt = &end }},
		"at a time":            {standin.Change{At: start.Add(90 * day)}, func(s *billing.Subscription) { s.EndsAt = at(start.Add(90 * day)) }},
		"at once":              {standin.Change{Now: true}, func(s *billing.Subscription) { s.Status, s.EndedAt = "canceled", at(start.Add(day)) }},
		"a trial":              {standin.Change{Status: "trialing"}, func(s *billing.Subscription) { s.Status, s.Monthly.Price = "trialing", 0 }},
		"paused":               {standin.Change{Status: "paused"}, func(s *billing.Subscription) { s.Status = "paused" }},
		"given up, never paid": {standin.Change{Status: "incomplete_expired"}, func(s *billing.Subscription) { s.Status, s.EndedAt = "incomplete_expired", at(start.Add(day)) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t)
			customer, id := b.subscriber(7, 3)
			b.standIn.Advance(day)
			want := b.has(customer)
			test.want(&want)
			b.ok(b.standIn.Change(id, test.change))
			if diff := cmp.Diff(want, b.has(customer)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Another price, of storage too, leaves what is bought.
func TestOtherPrice(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 3)
	dearer := settings()
	dearer.Price, dearer.StoragePrice = "12.00", "0.70"
	b.ok(b.with(dearer).SetUp(t.Context(), Setup{Out: t.Output()}))
	price := must(b.with(dearer).price(t.Context(), sliceProduct, "12.00"))(t)
	b.ok(b.standIn.Change(id, standin.Change{Price: price}))
	if found := must(b.with(dearer).Subscription(t.Context(), customer, id))(t); found.Status != "active" || found.StorageGB != 3 {
		t.Errorf("%+v", found)
	}
	other := must(b.Customer(t.Context(), 8, "u8@example.com", ""))(t)
	b.ok(b.standIn.Pay(must(b.with(dearer).Checkout(t.Context(), b.wanted(8, other, 2)))(t).ID))
	if found := b.has(other); found.StorageGB != 2 {
		t.Errorf("at another price there are %d GB", found.StorageGB)
	}
}

func TestPausedPaymentIsNoDebt(t *testing.T) {
	for _, behaviour := range []string{"void", "mark_uncollectible", "keep_as_draft"} {
		t.Run(behaviour, func(t *testing.T) {
			b := newBundle(t)
			customer, id := b.subscriber(7, 0)
			b.ok(b.standIn.Change(id, standin.Change{Paused: &behaviour}))
			b.standIn.Advance(40 * day)
			if found := b.has(customer); found.Status != "active" || found.FailedAt != nil {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestLaunchPriceOfThreeMonths(t *testing.T) {
	b := newBundle(t, func(with *config.Billing, _ *standin.Options) { with.LaunchMonths = 3 })
	customer, _ := b.subscriber(7, 0)
	b.standIn.Advance(88 * day)
	if !b.has(customer).Discounted {
		t.Error("the launch price ended too early")
	}
	b.standIn.Advance(5 * day)
	if b.has(customer).Discounted {
		t.Error("the launch price has not ended")
	}
	invoices := must(b.Invoices(t.Context(), customer))(t)
	amounts := []int64{}
	for _, invoice := range invoices {
		amounts = append(amounts, invoice.Amount)
	}
	if diff := cmp.Diff([]int64{900, 450, 450, 450}, amounts); diff != "" {
		t.Error(diff)
	}
}

// Stripe may show a discount that has just ended until the next invoice.
func TestDiscountThatEndedIsNone(t *testing.T) {
	b := newBundle(t, func(with *config.Billing, _ *standin.Options) { with.LaunchMonths = 3 })
	customer, _ := b.subscriber(7, 0)
	b.now = func() time.Time { return start.Add(100 * day) }
	if b.has(customer).Discounted {
		t.Error("it counts")
	}
}

func TestDeletedCustomerHadWhatIsKnown(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	b.standIn.Advance(day)
	b.ok(b.standIn.Delete(customer))
	found := must(b.Subscription(t.Context(), customer, id))(t)
	if found == nil || found.ID != id || found.Status != "canceled" || found.EndedAt == nil || !found.EndedAt.Equal(start.Add(day)) {
		t.Errorf("%+v", found)
	}
	if found := must(b.Subscription(t.Context(), customer, ""))(t); found != nil {
		t.Errorf("without what is known: %+v", found)
	}
	if _, err := b.Subscription(t.Context(), customer, "sub_ofanotheraccount"); !errors.Is(err, billing.ErrGone) {
		t.Errorf("with one of another account: %v", err)
	}
	// Who comes back has a new customer, and what was known is of the old one.
	again := must(b.Customer(t.Context(), 7, "u7@example.com", customer))(t)
	if again == customer {
		t.Fatal("the deleted customer was found")
	}
	if found := must(b.Subscription(t.Context(), again, id))(t); found == nil || found.ID != id {
		t.Errorf("of the new customer: %+v", found)
	}
}

// Of several subscriptions it is the one that gives most.
func TestSeveralSubscriptions(t *testing.T) {
	b := newBundle(t)
	user := int64(0)
	order := []string{"active", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired"}
	for better := range order {
		for _, worse := range order[better+1:] {
			for _, first := range []bool{true, false} {
				user++
				customer, one := b.subscriber(user, 0)
				wanted := b.wanted(user, customer, 0)
				wanted.Key += "-again"
				b.ok(b.standIn.Pay(must(b.Checkout(t.Context(), wanted))(t).ID))
				two := b.standIn.Newest(customer)
				if first {
					one, two = two, one
				}
				b.ok(b.standIn.Change(one, standin.Change{Status: order[better]}))
				b.ok(b.standIn.Change(two, standin.Change{Status: worse}))
				if found := b.has(customer); found.ID != one || found.Status != order[better] {
					t.Errorf("%s and %s: %s counts", order[better], worse, found.Status)
				}
			}
		}
	}
}

func TestNewestOfEndedCounts(t *testing.T) {
	b := newBundle(t)
	customer, old := b.subscriber(7, 0)
	wanted := b.wanted(7, customer, 0)
	wanted.Key = "again"
	b.ok(b.standIn.Pay(must(b.Checkout(t.Context(), wanted))(t).ID))
	newer := b.standIn.Newest(customer)
	b.ok(b.standIn.Change(newer, standin.Change{Now: true}))
	b.standIn.Advance(day)
	b.ok(b.standIn.Change(old, standin.Change{Now: true})) // the older ends last: it was there longest
	if found := b.has(customer); found.ID != old {
		t.Errorf("%+v", found)
	}
}

func TestAllSubscriptions(t *testing.T) {
	b := newBundle(t)
	want := map[string]int64{}
	for user := int64(1); user <= 105; user++ { // more than a page
		customer, id := b.subscriber(user, 0)
		switch user {
		case 3:
			b.ok(b.standIn.Change(id, standin.Change{Now: true}))
		case 4:
			b.ok(b.standIn.Change(id, standin.Change{Status: "incomplete_expired"}))
		default:
			want[customer] = user
		}
	}
	found := map[string]int64{}
	for owned, err := range b.Subscriptions(t.Context()) {
		b.ok(err)
		found[owned.Customer] = owned.User
		if owned.Subscription.Status != "active" || owned.Subscription.ID != b.standIn.Newest(owned.Customer) {
			t.Errorf("%+v", owned)
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	b.standIn.Fail(503, -1)
	var failure error
	for _, failure = range b.Subscriptions(t.Context()) {
	}
	if !errors.Is(failure, billing.ErrUnreachable) {
		t.Errorf("Stripe is down: %v", failure)
	}
}
