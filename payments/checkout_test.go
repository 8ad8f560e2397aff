package payments

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"slicegate/config"
	"slicegate/jobs/billing"
	"slicegate/payments/standin"
)

func TestCheckout(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	wanted := b.wanted(7, customer, 3)
	session := must(b.Checkout(t.Context(), wanted))(t)
	if session.URL != b.address+"/c/pay/"+session.ID {
		t.Errorf("the page is %s", session.URL)
	}
	if again := must(b.Checkout(t.Context(), wanted))(t); again != session {
		t.Errorf("the same key made %+v, and then %+v", session, again)
	}
	made := must(b.api.CheckoutSessions.Get(session.ID, nil))(t)
	if made.ClientReferenceID != "7" || made.Metadata["user"] != "7" || made.ExpiresAt != wanted.Until.Unix() ||
		made.SuccessURL != wanted.SuccessURL || made.CancelURL != wanted.CancelURL || made.AllowPromotionCodes {
		t.Errorf("made %+v", made)
	}
	of, user, err := b.CheckoutCustomer(t.Context(), session.ID)
	if of != customer || user != 7 || err != nil {
		t.Errorf("the session is of %s, user %d, %v", of, user, err)
	}
	b.ok(b.standIn.Pay(session.ID))
	sub := must(b.api.Subscriptions.Get(b.standIn.Newest(customer), nil))(t)
	if sub.Metadata["user"] != "7" || len(sub.Items.Data) != 2 || sub.Items.Data[1].Quantity != 3 {
		t.Errorf("subscribed to %+v", sub)
	}
	// 9.00 at the launch price, and 3 GB at the full one.
	if invoices := must(b.Invoices(t.Context(), customer))(t); len(invoices) != 1 || invoices[0].Amount != 450+3*50 {
		t.Errorf("charged %+v", invoices)
	}
}

func TestCheckoutWithoutLaunchPrice(t *testing.T) {
	b := newBundle(t, func(with *config.Billing, _ *standin.Options) { with.LaunchPrice = "off" })
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	session := must(b.Checkout(t.Context(), b.wanted(7, customer, 0)))(t)
	if made := must(b.api.CheckoutSessions.Get(session.ID, nil))(t); !made.AllowPromotionCodes {
		t.Error("promotion codes cannot be given")
	}
	b.ok(b.standIn.Pay(session.ID))
	if b.has(customer).Discounted {
		t.Error("it is discounted")
	}
}

func TestCheckoutRunsOut(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	session := must(b.Checkout(t.Context(), b.wanted(7, customer, 0)))(t)
	b.standIn.Advance(61 * time.Minute)
	if made := must(b.api.CheckoutSessions.Get(session.ID, nil))(t); made.Status != stripe.CheckoutSessionStatusExpired {
		t.Errorf("it is %s", made.Status)
	}
	if b.standIn.Pay(session.ID) == nil {
		t.Error("it was paid")
	}
}

// What is missing at Stripe is said so, with what to do.
func TestCheckoutBeforeSetUp(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	for name, change := range map[string]func(*config.Billing, *billing.Checkout){
		"price":         func(s *config.Billing, _ *billing.Checkout) { s.Price = "10.00" },
		"coupon":        func(s *config.Billing, _ *billing.Checkout) { s.LaunchPrice = "4.00" },
		"storage price": func(s *config.Billing, w *billing.Checkout) { s.StoragePrice = "0.60"; w.StorageGB = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			with, wanted := settings(), b.wanted(7, customer, 0)
			wanted.Key = name
			change(&with, &wanted)
			_, err := b.with(with).Checkout(t.Context(), wanted)
			if err == nil || !strings.Contains(err.Error(), "run `runner stripe-setup`") || errors.Is(err, billing.ErrGone) {
				t.Error(err)
			}
		})
	}
	with, wanted := settings(), b.wanted(7, customer, 1)
	with.StoragePrice = "off"
	if _, err := b.with(with).Checkout(t.Context(), wanted); err == nil || !strings.Contains(err.Error(), "STORAGE_PRICE is off") {
		t.Error(err)
	}
}

func TestCheckoutOfDeletedCustomer(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	b.ok(b.Forget(t.Context(), customer))
	if _, err := b.Checkout(t.Context(), b.wanted(7, customer, 0)); !errors.Is(err, billing.ErrGone) {
		t.Error(err)
	}
}

// A price that was archived while it is remembered is looked up again.
func TestArchivedPrice(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	must(b.Checkout(t.Context(), b.wanted(7, customer, 0)))(t)
	price := must(b.price(t.Context(), sliceProduct, "9.00"))(t)
	must(b.api.Prices.Update(price, &stripe.PriceParams{Active: stripe.Bool(false)}))(t)
	wanted := b.wanted(7, customer, 0)
	wanted.Key = "again"
	if _, err := b.Checkout(t.Context(), wanted); err == nil {
		t.Error("it was sold at an archived price")
	}
	must(b.api.Prices.Update(price, &stripe.PriceParams{Active: stripe.Bool(false)}))(t)
	if _, err := b.Checkout(t.Context(), wanted); err == nil || !strings.Contains(err.Error(), "run `runner stripe-setup`") {
		t.Error(err)
	}
	b.ok(b.SetUp(t.Context(), Setup{Out: t.Output()}))
	must(b.Checkout(t.Context(), wanted))(t)
}

// Session ids come from browsers.
func TestForeignSessions(t *testing.T) {
	b := newBundle(t)
	calls := b.standIn.Calls()
	for _, session := range []string{"", "cs_", "..", "../customers", "cs_test_a/../../customers", "cs_test_%2e", "cs_test_ä", "cs test"} {
		if _, _, err := b.CheckoutCustomer(t.Context(), session); !errors.Is(err, billing.ErrGone) {
			t.Errorf("%q: %v", session, err)
		}
	}
	if b.standIn.Calls() != calls {
		t.Error("Stripe was asked")
	}
	if _, _, err := b.CheckoutCustomer(t.Context(), "cs_test_nobody"); !errors.Is(err, billing.ErrGone) {
		t.Error(err)
	}
}

func TestCustomer(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	if again := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t); again != customer {
		t.Errorf("made twice: %s and %s", customer, again)
	}
	if found := must(b.Customer(t.Context(), 7, "new@example.com", customer))(t); found != customer {
		t.Errorf("found %s", found)
	}
	made := must(b.api.Customers.Get(customer, nil))(t)
	if diff := cmp.Diff([]string{"new@example.com", "7"}, []string{made.Email, made.Metadata["user"]}); diff != "" {
		t.Error(diff)
	}
	if _, err := b.Customer(t.Context(), 8, "other@example.com", customer); err == nil {
		t.Error("another user has the same customer")
	}
	if other := must(b.Customer(t.Context(), 8, "other@example.com", ""))(t); other == customer {
		t.Error("two users have one customer")
	}
}

func TestDeletedCustomerIsMadeAnew(t *testing.T) {
	b := newBundle(t)
	customer := must(b.Customer(t.Context(), 7, "u@example.com", ""))(t)
	b.ok(b.Forget(t.Context(), customer))
	b.ok(b.Forget(t.Context(), customer))
	b.ok(b.Forget(t.Context(), "cus_nobody"))
	anew := must(b.Customer(t.Context(), 7, "u@example.com", customer))(t)
	if anew == customer {
		t.Fatal("the deleted customer was found")
	}
	if again := must(b.Customer(t.Context(), 7, "u@example.com", customer))(t); again != anew {
		t.Errorf("made twice: %s and %s", anew, again)
	}
	// One of another account, or of test mode.
	if found := must(b.Customer(t.Context(), 9, "n@example.com", "cus_ofanotheraccount"))(t); found == "cus_ofanotheraccount" {
		t.Error("a customer of another account was found")
	}
}

func TestForgetEndsSubscriptions(t *testing.T) {
	b := newBundle(t)
	customer, id := b.subscriber(7, 0)
	b.ok(b.Forget(t.Context(), customer))
	if found := must(b.Subscription(t.Context(), customer, id))(t); found.Status != "canceled" {
		t.Errorf("%+v", found)
	}
}

func TestPortal(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	for range 2 {
		if page := must(b.Portal(t.Context(), customer, "https://app.example.com/billing"))(t); !strings.HasPrefix(page, b.address+"/p/session/") {
			t.Error(page)
		}
	}
	// Where Setup was not run, the configuration of the dashboard holds.
	bare := one(t)
	customer = must(bare.Customer(t.Context(), 7, "u@example.com", ""))(t)
	must(bare.Portal(t.Context(), customer, "https://app.example.com/billing"))(t)
	if _, err := bare.Portal(t.Context(), "cus_nobody", "https://app.example.com/billing"); !errors.Is(err, billing.ErrGone) {
		t.Error(err)
	}
}

func TestInvoices(t *testing.T) {
	b := newBundle(t)
	customer, _ := b.subscriber(7, 0)
	other, _ := b.subscriber(8, 0)
	b.standIn.Advance(30*day + 30*time.Minute) // the second is a draft
	invoices := must(b.Invoices(t.Context(), customer))(t)
	if len(invoices) != 1 {
		t.Fatalf("found %+v", invoices)
	}
	want := billing.Invoice{
		ID: invoices[0].ID, Number: invoices[0].Number, At: start, Amount: 450, Currency: "usd", Status: "paid",
		URL: b.address + "/i/" + invoices[0].ID,
	}
	if diff := cmp.Diff(want, invoices[0]); diff != "" || want.Number == "" {
		t.Error(diff, want.Number)
	}
	b.ok(b.standIn.SetCard(customer, standin.CardDeclined))
	b.standIn.Advance(day)
	if invoices := must(b.Invoices(t.Context(), customer))(t); len(invoices) != 2 || invoices[0].Status != "open" || invoices[0].At.Before(invoices[1].At) {
		t.Errorf("found %+v", invoices)
	}
	b.standIn.Advance(3 * 365 * day)
	if invoices := must(b.Invoices(t.Context(), other))(t); len(invoices) != newest {
		t.Errorf("found %d", len(invoices))
	}
	if invoices := must(b.Invoices(t.Context(), must(b.Customer(t.Context(), 9, "n@example.com", ""))(t)))(t); invoices == nil || len(invoices) != 0 {
		t.Errorf("found %v", invoices)
	}
}
