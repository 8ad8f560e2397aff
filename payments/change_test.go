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

func TestEndAndKeep(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	end := time.Date(2026, time.April, 30, 9, 0, 0, 0, time.UTC)
	for range 2 {
		b.ok(b.End(t.Context(), id, true))
		if diff := cmp.Diff(&end, b.has(customer).EndsAt); diff != "" {
			t.Error(diff)
		}
	}
	for range 2 {
		b.ok(b.End(t.Context(), id, false))
		if at := b.has(customer).EndsAt; at != nil {
			t.Errorf("it ends at %s", at)
		}
	}
	b.ok(b.End(t.Context(), id, true))
	b.standIn.Advance(31 * day)
	if found := b.has(customer); found.Status != "canceled" || !found.EndedAt.Equal(end) || found.EndsAt != nil {
		t.Errorf("%+v", found)
	}
	b.ok(b.End(t.Context(), id, true))
	if err := b.End(t.Context(), id, false); !errors.Is(err, billing.ErrGone) {
		t.Errorf("an ended one was kept: %v", err)
	}
	if err := b.End(t.Context(), "sub_nobody", true); !errors.Is(err, billing.ErrGone) {
		t.Error(err)
	}
}

// A day that somebody set in the dashboard is taken back as well, and left where it comes sooner.
func TestEndAtADay(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	soon, late := start.Add(10*day), start.Add(100*day)
	b.ok(b.standIn.Change(id, standin.Change{At: soon}))
	b.ok(b.End(t.Context(), id, true))
	if diff := cmp.Diff(&soon, b.has(customer).EndsAt); diff != "" {
		t.Error(diff)
	}
	b.ok(b.End(t.Context(), id, false))
	if at := b.has(customer).EndsAt; at != nil {
		t.Errorf("it ends at %s", at)
	}
	b.ok(b.standIn.Change(id, standin.Change{At: late}))
	b.ok(b.End(t.Context(), id, true))
	if found := b.has(customer); found.EndsAt == nil || !found.EndsAt.Equal(found.PaidUntil) {
		t.Errorf("%+v", found)
	}
}

func TestStorage(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	b.standIn.Advance(15 * day) // half of April's month is left
	for _, gigabytes := range []int{4, 4, 10, 2, 0, 0} {
		b.ok(b.Storage(t.Context(), id, gigabytes))
		if found := b.has(customer); found.StorageGB != gigabytes || found.Status != "active" || !found.Discounted {
			t.Fatalf("%d wanted: %+v", gigabytes, found)
		}
	}
	amounts := []int64{}
	for _, invoice := range must(b.Invoices(t.Context(), customer))(t) {
		amounts = append(amounts, invoice.Amount)
	}
	// 4 and 6 more gigabytes for half a month were charged at once; what was given up comes off the next.
	if diff := cmp.Diff([]int64{150, 100, 450}, amounts); diff != "" {
		t.Error(diff)
	}
	b.standIn.Advance(16 * day)
	if next := must(b.Invoices(t.Context(), customer))(t)[0]; next.Amount != 450-250 {
		t.Errorf("the next is %+v", next)
	}
	b.standIn.Advance(31 * day)
	if next := must(b.Invoices(t.Context(), customer))(t)[0]; next.Amount != 450 {
		t.Errorf("the one after is %+v", next)
	}
	if err := b.Storage(t.Context(), id, -1); err == nil {
		t.Error("less than nothing was bought")
	}
}

func TestStorageThatIsNotPaid(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 1)
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	if err := b.Storage(t.Context(), id, 5); !errors.Is(err, ErrDeclined) {
		t.Error(err)
	}
	if found := b.has(customer); found.StorageGB != 1 || found.Status != "active" {
		t.Errorf("%+v", found)
	}
	b.ok(b.Storage(t.Context(), id, 0)) // to give up takes no card
}

func TestStorageOfEnded(t *testing.T) {
	b := newBundle(t)
	_, id := b.subscriber(7, 0)
	b.ok(b.standIn.Change(id, standin.Change{Now: true}))
	if err := b.Storage(t.Context(), id, 5); !errors.Is(err, billing.ErrGone) {
		t.Error(err)
	}
}

// Who has storage keeps its price, and can change how much, when it costs another or is not sold.
func TestStorageKeepsItsPrice(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 1)
	stopped := settings()
	stopped.StoragePrice = "off"
	now := b.with(stopped)
	b.ok(now.SetUp(t.Context(), Setup{Out: t.Output()}))
	b.ok(now.Storage(t.Context(), id, 2))
	sub := must(b.api.Subscriptions.Get(id, nil))(t)
	if found := b.has(customer); found.StorageGB != 2 || len(sub.Items.Data) != 2 || sub.Items.Data[1].Price.UnitAmount != 50 {
		t.Errorf("%+v", found)
	}
	b.ok(now.Storage(t.Context(), id, 0))
	if err := now.Storage(t.Context(), id, 1); err == nil {
		t.Error("storage that is not sold was bought")
	}
}

func TestDispute(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	invoice := b.standIn.Invoice(customer)
	b.standIn.Advance(day)
	warning := must(b.standIn.Warn(invoice))(t)
	want := billing.Dispute{ID: warning, Kind: "fraud_warning", Customer: customer, Status: "actionable", Open: true, At: start.Add(day)}
	if diff := cmp.Diff(want, must(b.Dispute(t.Context(), warning))(t)); diff != "" {
		t.Error(diff)
	}
	dispute := must(b.standIn.Dispute(invoice))(t)
	want.Status, want.Open = "settled", false
	if diff := cmp.Diff(want, must(b.Dispute(t.Context(), warning))(t)); diff != "" {
		t.Error(diff)
	}
	want = billing.Dispute{ID: dispute, Kind: "dispute", Customer: customer, Status: "needs_response", Open: true, At: start.Add(day)}
	if diff := cmp.Diff(want, must(b.Dispute(t.Context(), dispute))(t)); diff != "" {
		t.Error(diff)
	}
	for _, won := range []bool{true, false} {
		b.ok(b.standIn.Decide(dispute, won))
		want.Status, want.Open = map[bool]string{true: "won", false: "lost"}[won], !won
		if diff := cmp.Diff(want, must(b.Dispute(t.Context(), dispute))(t)); diff != "" {
			t.Error(diff)
		}
	}
	b.ok(b.Forget(t.Context(), customer)) // the payment still says whose it was
	if found := must(b.Dispute(t.Context(), dispute))(t); found.Customer != customer {
		t.Errorf("%+v", found)
	}
	for _, nobody := range []string{"dp_nobody", "du_nobody", "issfr_nobody", ""} {
		if _, err := b.Dispute(t.Context(), nobody); !errors.Is(err, billing.ErrGone) {
			t.Errorf("%q: %v", nobody, err)
		}
	}
}

// A refund is a gift: it ends nothing, and settles a warning.
func TestRefund(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	before := b.has(customer)
	warning := must(b.standIn.Warn(b.standIn.Invoice(customer)))(t)
	b.ok(b.standIn.Refund(b.standIn.Invoice(customer)))
	if diff := cmp.Diff(before, b.has(customer)); diff != "" {
		t.Error(diff)
	}
	if must(b.Dispute(t.Context(), warning))(t).Open {
		t.Error("the warning is open")
	}
}

func TestAmounts(t *testing.T) {
	for _, test := range []struct {
		price, currency string
		want            int64
	}{{"9.00", "usd", 900}, {"9", "eur", 900}, {"0.50", "cad", 50}, {"900", "jpy", 900}, {"900.00", "jpy", 900}, {"1.05", "kwd", 1050}} {
		if got, err := amount(test.price, test.currency); got != test.want || err != nil {
			t.Errorf("%s %s is %d, %v", test.price, test.currency, got, err)
		}
	}
	for _, price := range []string{"9.50", "", "nine"} {
		if _, err := amount(price, "jpy"); err == nil {
			t.Errorf("%q is a price in yen", price)
		}
	}
	ids := map[string]bool{}
	for _, with := range []config.Billing{
		{Price: "9.00", LaunchPrice: "4.50", CurrencyCode: "usd"}, {Price: "9.00", LaunchPrice: "4.50", CurrencyCode: "eur"},
		{Price: "9.00", LaunchPrice: "4.00", CurrencyCode: "usd"}, {Price: "8.00", LaunchPrice: "4.50", CurrencyCode: "usd"},
		{Price: "9.00", LaunchPrice: "4.50", CurrencyCode: "usd", LaunchMonths: 3}, {Price: "9.00", LaunchPrice: "4.50", CurrencyCode: "usd", LaunchMonths: 4},
	} {
		id, _, err := launchCoupon(with)
		if err != nil || id == "" || ids[id] {
			t.Errorf("%+v has the coupon %q, %v", with, id, err)
		}
		ids[id] = true
	}
}
