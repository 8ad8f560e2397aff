package payments

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"slicegate/config"
)

const webhookURL = "https://app.example.com/billing/webhook"

func (b *bundle) setUp(with config.Billing) string {
	b.Helper()
	var out bytes.Buffer
	b.ok(b.with(with).SetUp(b.Context(), Setup{Webhook: webhookURL, AppURL: "https://app.example.com", Out: &out}))
	return out.String()
}

// sold are the lookup keys of the prices that hold.
func (b *bundle) sold() []string {
	keys := []string{}
	list := b.api.Prices.List(&stripe.PriceListParams{Active: stripe.Bool(true)})
	for list.Next() {
		keys = append(keys, list.Price().LookupKey)
	}
	b.ok(list.Err())
	slices.Sort(keys)
	return keys
}

func TestSetUpTwice(t *testing.T) {
	b := empty(t)
	first := b.setUp(settings())
	count := func() []int {
		prices, portals, hooks := 0, 0, 0
		for list := b.api.Prices.List(nil); list.Next(); prices++ {
		}
		for list := b.api.BillingPortalConfigurations.List(nil); list.Next(); portals++ {
		}
		for list := b.api.WebhookEndpoints.List(nil); list.Next(); hooks++ {
		}
		return []int{prices, portals, hooks}
	}
	if diff := cmp.Diff([]int{2, 1, 1}, count()); diff != "" {
		t.Error(diff)
	}
	second := b.setUp(settings())
	if diff := cmp.Diff([]int{2, 1, 1}, count()); diff != "" {
		t.Error(diff)
	}
	if strings.Count(first, " made") != 7 || strings.Contains(second, " made:") || strings.Contains(second, "whsec_") {
		t.Errorf("the first said\n%s\nthe second\n%s", first, second)
	}
	hook := b.hook()
	if hook.APIVersion != stripe.APIVersion || !slices.Equal(hook.EnabledEvents, Events) {
		t.Errorf("made %+v", hook)
	}
	if !strings.Contains(first, "STRIPE_WEBHOOK_SECRETS=whsec_") {
		t.Error("the secret is not told:\n" + first)
	}
	product := must(b.api.Products.Get(sliceProduct, nil))(t)
	if product.Name != "WhatsApp CRM Slice" || !product.Active {
		t.Errorf("made %+v", product)
	}
	expanded := &stripe.CouponParams{}
	expanded.AddExpand("applies_to")
	coupon := must(b.api.Coupons.Get("slicegate_launch_usd_900_450_forever", expanded))(t)
	if coupon.AmountOff != 450 || coupon.Currency != "usd" || coupon.Duration != stripe.CouponDurationForever ||
		!slices.Equal(coupon.AppliesTo.Products, []string{sliceProduct}) {
		t.Errorf("made %+v", coupon)
	}
}

func (b *bundle) hook() *stripe.WebhookEndpoint {
	list := b.api.WebhookEndpoints.List(nil)
	if !list.Next() {
		b.Fatal("there is no webhook", list.Err())
	}
	return list.WebhookEndpoint()
}

func TestSetUpChangesPrices(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 2)
	dearer := settings()
	dearer.Price, dearer.LaunchPrice, dearer.StoragePrice, dearer.LaunchMonths = "12.00", "6.00", "0.70", 3
	said := b.setUp(dearer)
	if diff := cmp.Diff([]string{"slicegate_slice_usd_1200", "slicegate_storage_usd_70"}, b.sold()); diff != "" {
		t.Error(diff)
	}
	if strings.Count(said, "archived: who has it keeps it") != 2 {
		t.Error(said)
	}
	if coupon := must(b.api.Coupons.Get("slicegate_launch_usd_1200_600_3_months", nil))(t); coupon.AmountOff != 600 || coupon.DurationInMonths != 3 {
		t.Errorf("made %+v", coupon)
	}
	b.standIn.Advance(31 * day)
	if invoice := must(b.Invoices(t.Context(), customer))(t)[0]; invoice.Amount != 450+2*50 {
		t.Errorf("who subscribed before is charged %+v", invoice)
	}
	// And back: the same prices hold again.
	said = b.setUp(settings())
	if diff := cmp.Diff([]string{"slicegate_slice_usd_900", "slicegate_storage_usd_50"}, b.sold()); diff != "" {
		t.Error(diff)
	}
	if strings.Count(said, "holds again") != 2 {
		t.Error(said)
	}
}

func TestSetUpWithoutExtras(t *testing.T) {
	b := newBundle(t)
	with := settings()
	with.LaunchPrice, with.StoragePrice = "off", "off"
	var out bytes.Buffer
	b.ok(b.with(with).SetUp(t.Context(), Setup{AppURL: "http://app.localhost:8080", Out: &out}))
	if diff := cmp.Diff([]string{"slicegate_slice_usd_900"}, b.sold()); diff != "" {
		t.Error(diff)
	}
	for _, words := range []string{"STORAGE_PRICE is off", "LAUNCH_PRICE is off", "no webhook"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not said:\n%s", words, out.String())
		}
	}
	// The first ever, too: there is no product whose prices could be archived.
	bare := one(t)
	b.ok(bare.with(with).SetUp(t.Context(), Setup{Out: &out}))
}

// What somebody changed in the dashboard is brought back.
func TestSetUpRepairs(t *testing.T) {
	b := newBundle(t)
	must(b.api.Products.Update(sliceProduct, &stripe.ProductParams{Active: stripe.Bool(false)}))(t)
	hook := b.hook()
	must(b.api.WebhookEndpoints.Update(hook.ID, &stripe.WebhookEndpointParams{
		Disabled: stripe.Bool(true), EnabledEvents: stripe.StringSlice([]string{"invoice.paid", "payout.paid"}),
	}))(t)
	b.setUp(settings())
	if !must(b.api.Products.Get(sliceProduct, nil))(t).Active {
		t.Error("the product is archived")
	}
	hook = b.hook()
	for _, event := range append([]string{"payout.paid"}, Events...) {
		if !slices.Contains(hook.EnabledEvents, event) {
			t.Errorf("the webhook is not told of %s", event)
		}
	}
	if hook.Status != "enabled" {
		t.Errorf("the webhook is %s", hook.Status)
	}
}

// A webhook that was made by hand has the account's API version: a pinned one is made beside it.
func TestSetUpBesideAnUnpinnedWebhook(t *testing.T) {
	b := empty(t)
	old := must(b.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(webhookURL), EnabledEvents: stripe.StringSlice([]string{"*"}), APIVersion: stripe.String("2019-02-19"),
	}))(t)
	said := b.setUp(settings())
	if !strings.Contains(said, "webhook "+old.ID+" has the same address and API version 2019-02-19") || !strings.Contains(said, "STRIPE_WEBHOOK_SECRETS=") {
		t.Error(said)
	}
	if hook := b.hook(); hook.APIVersion != stripe.APIVersion {
		t.Errorf("the newest is %+v", hook)
	}
}

// A set-up that broke off anywhere is finished by the next.
func TestSetUpBrokenOff(t *testing.T) {
	t.Parallel()
	for calls := 0; ; calls++ {
		b := one(t)
		with := settings()
		with.StripeURL = b.address
		ctx, cancel := context.WithCancel(t.Context())
		left := calls
		broken := open(with, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if left == 0 {
				cancel()
				return nil, r.Context().Err()
			}
			left--
			return http.DefaultTransport.RoundTrip(r)
		})})
		err := broken.SetUp(ctx, Setup{Webhook: webhookURL, Out: io.Discard})
		cancel()
		b.setUp(settings())
		if diff := cmp.Diff([]string{"slicegate_slice_usd_900", "slicegate_storage_usd_50"}, b.sold()); diff != "" {
			t.Errorf("after %d calls: %s", calls, diff)
		}
		b.hook()
		must(b.api.Coupons.Get("slicegate_launch_usd_900_450_forever", nil))(t)
		if err == nil {
			if calls < 10 {
				t.Errorf("it was done after %d calls", calls)
			}
			return
		}
	}
}
