package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// pays makes an account with a subscription that costs so much; storage and discount as the launch offer has them.
func (b *bundle) pays(name, status, currency string, price int64) int64 {
	b.t.Helper()
	user, _ := b.customer(name+"@example.com", "assigned")
	b.exec("UPDATE gateway.users SET subscription_status = $2, stripe_customer = 'cus_' || $1::text, stripe_subscription = 'sub_' || $1::text, monthly_price = $3, monthly_storage = 0, monthly_discount = 0, currency = $4 WHERE id = $1", user, status, price, currency)
	return user
}

func (b *bundle) noted(at time.Time, action string, user int64, detail string) {
	b.exec("INSERT INTO gateway.audit (at, actor, action, subject, detail) VALUES ($1, 'user:1', $2, $3, $4)", at, action, fmt.Sprintf("user:%d", user), detail)
}

// figures are those of the page, by their names.
func figures(r reply) map[string]string {
	all := map[string]string{}
	for _, line := range r.page.Find(".figures > div, dl > div").EachIter() {
		all[strings.TrimSpace(line.Find("dt").Contents().First().Text())] = line.Find("dd").First().Text()
	}
	return all
}

func TestRevenueOfNobody(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	page := b.get("/admin/revenue", s.cookie)
	got := figures(page)
	if page.status != http.StatusOK || got["Comes in a month (MRR)"] != "0.00 USD" || got["Paying accounts"] != "0" || got["Churn this month"] != "nobody was there at its start" {
		t.Errorf("%d: %v", page.status, got)
	}
	if rows := page.page.Find(".wide").First().Find("tbody tr"); rows.Length() != 12 || !strings.Contains(rows.First().Text(), "–––") {
		t.Errorf("the months are %s", rows.Text())
	}
	economics := page.page.Find(".wide.words").Text()
	for _, want := range []string{"40.40 USD", "5; at the launch price 9", "540.00 USD; at the launch price 270.00 USD", "60 to 80", "– for each that is paid"} {
		if !strings.Contains(economics, want) {
			t.Errorf("%q is not in %s", want, economics)
		}
	}
	if !strings.Contains(page.page.Find("main").Text(), "Nothing that is known") || strings.Contains(page.page.Find("main").Text(), "There is no STRIPE_KEY") {
		t.Errorf("the page says %s", page.page.Find("main").Text())
	}
}

func TestRevenueOfSome(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.db.Server(t)
	first := time.Date(b.now.UTC().Year(), b.now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	before := first.Add(-10 * 24 * time.Hour)
	full, launch, late := b.pays("full", "active", "usd", 900), b.pays("launch", "active", "usd", 450), b.pays("late", "past_due", "usd", 900)
	for user, price := range map[int64]int{full: 900, launch: 450, late: 900} {
		b.noted(before, "user.status", user, `{"from": "trial", "to": "active"}`)
		b.noted(before, "user.price", user, fmt.Sprintf(`{"from": 0, "to": %d, "currency": "usd"}`, price))
	}
	b.noted(first, "user.status", late, `{"from": "active", "to": "past_due"}`)
	b.noted(before, "user.status", 900001, `{"from": "unpaid", "to": "active"}`)
	b.noted(before, "user.price", 900001, `{"from": 0, "to": 900, "currency": "usd"}`)
	b.noted(first, "account.end", 900001, `{"from": "active"}`)
	b.alert("billing.mismatch", "customer:cus_9", time.Minute, false)
	page := b.get("/admin/revenue", s.cookie)
	got := figures(page)
	for name, want := range map[string]string{
		"Comes in a month (MRR)": "13.50 USD", "Paying accounts": "2", "Churn this month": "25.0 %", "Payment failed": "1, 9.00 USD",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	rows := texts(page.page.Find(".wide").First().Find("tbody tr"))
	for i, want := range []string{first.Format("2006-01") + " 13.50 USD 4 0 1 25.0 % 2 1 –", before.Format("2006-01") + " 31.50 USD 0 4 0 – 4 0 3 of 3, 100.0 %"} {
		if cells := strings.Join(texts(page.page.Find(".wide").First().Find("tbody tr").Eq(i).Children()), " "); cells != want {
			t.Errorf("month %d is %q, want %q (%s)", i, cells, want, rows[i])
		}
	}
	if !strings.Contains(page.page.Find("main").Text(), "customer:cus_9") {
		t.Error("what does not match is not there")
	}
	economics := page.page.Find(".wide.words").Text()
	for _, want := range []string{"40.40 USD for 1 server", "-26.90 USD", "20.20 USD for each that is paid", "does not pay for the servers yet"} {
		if !strings.Contains(economics, want) {
			t.Errorf("%q is not in %s", want, economics)
		}
	}
}

func TestSeveralCurrenciesAreNotSummedUp(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.pays("ann", "active", "usd", 900)
	b.pays("bob", "active", "eur", 800)
	page := b.get("/admin/revenue", s.cookie)
	got := figures(page)
	if page.status != http.StatusOK || got["Comes in a month (MRR)"] != "no sum" || got["Paying accounts"] != "2" || !strings.Contains(page.page.Find(".problem").Text(), "EUR and USD") {
		t.Errorf("%d: %v, %s", page.status, got, page.page.Find(".problem").Text())
	}
	if strings.Contains(page.page.Find("main").Text(), "17.00") {
		t.Error("there is a sum")
	}
}

func TestRevenueInACurrencyWithoutHundredths(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.without(func(a *settings) {
		a.Billing.CurrencyCode, a.Billing.Price, a.Billing.LaunchPrice, a.Economics.ServerCost = "jpy", "1350", "off", "6000"
	})
	b.pays("ann", "active", "jpy", 1350)
	page := b.get("/admin/revenue", s.cookie)
	if got := figures(page)["Comes in a month (MRR)"]; got != "1350 JPY" {
		t.Errorf("it brings %q", got)
	}
	if economics := page.page.Find(".wide.words").Text(); !strings.Contains(economics, "81000 JPY") || strings.Contains(economics, "launch") {
		t.Errorf("the plan says %s", economics)
	}
	b.without(func(a *settings) { a.Economics.ServerCost = "40.40" })
	if got := b.get("/admin/revenue", s.cookie); got.status != http.StatusOK || !strings.Contains(got.page.Find(".problem").Text(), "must be amounts in JPY") {
		t.Errorf("a cost that is none answers %d: %s", got.status, got.page.Find(".problem").Text())
	}
}

func TestRevenueWithoutStripe(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.without(func(a *settings) { a.Billing.StripeKey = "" })
	b.customer("ann@example.com", "assigned")
	page := b.get("/admin/revenue", s.cookie)
	if got := figures(page)["On trial"]; got != "1" || !strings.Contains(page.page.Find("main").Text(), "There is no STRIPE_KEY") {
		t.Errorf("%s on trial: %s", got, page.page.Find("main").Text())
	}
}
