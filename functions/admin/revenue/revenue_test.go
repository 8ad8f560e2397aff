package revenue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slicegate/functions/admin/revenue"
)

func cents(n int64) *int64 { return &n }

func TestWhatComesInNow(t *testing.T) {
	full := revenue.Account{Monthly: cents(900), Currency: "usd", WithSlice: true}
	launch := revenue.Account{Monthly: cents(550), Storage: 100, Discount: 450, Currency: "usd", WithSlice: true}
	with := func(one revenue.Account, change func(*revenue.Account)) revenue.Account {
		change(&one)
		return one
	}
	for name, c := range map[string]struct {
		accounts []revenue.Account
		want     string
		refused  string
	}{
		"nobody": {nil, "0 pay 0, storage 0, discounts 0, ending {0 0}, held {0 0}, late {0 0}, with slices 0, unread 0", ""},
		"two prices": {[]revenue.Account{full, launch, launch},
			"3 pay 2000, storage 200, discounts 900, ending {0 0}, held {0 0}, late {0 0}, with slices 3, unread 0", ""},
		"who is late is beside them": {[]revenue.Account{full, with(launch, func(a *revenue.Account) { a.PastDue = true })},
			"1 pay 900, storage 0, discounts 0, ending {0 0}, held {0 0}, late {1 550}, with slices 1, unread 0", ""},
		"who ends, or is doubted, is among them": {[]revenue.Account{with(full, func(a *revenue.Account) { a.Ends = true }), with(launch, func(a *revenue.Account) { a.Held, a.WithSlice = true, false })},
			"2 pay 1450, storage 100, discounts 450, ending {1 900}, held {1 550}, late {0 0}, with slices 1, unread 0", ""},
		"a price that is not read yet": {[]revenue.Account{full, {WithSlice: true}},
			"2 pay 900, storage 0, discounts 0, ending {0 0}, held {0 0}, late {0 0}, with slices 2, unread 1", ""},
		"another currency":   {[]revenue.Account{with(full, func(a *revenue.Account) { a.Currency = "eur" })}, "", "EUR"},
		"several currencies": {[]revenue.Account{full, with(full, func(a *revenue.Account) { a.Currency = "eur" })}, "", "EUR and USD"},
	} {
		sum, err := revenue.Now(c.accounts, "usd")
		var several revenue.CurrenciesError
		if errors.As(err, &several) {
			if c.refused == "" || !strings.Contains(err.Error(), "pay in "+c.refused+":") || sum.Paying.Accounts != len(c.accounts) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		got := fmt.Sprintf("%d pay %d, storage %d, discounts %d, ending %v, held %v, late %v, with slices %d, unread %d", sum.Paying.Accounts, sum.Paying.Monthly,
			sum.Storage, sum.Discount, sum.Ending, sum.Held, sum.PastDue, sum.WithSlice, sum.Unread)
		if err != nil || got != c.want || c.refused != "" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestTheEconomicsOfThePlan(t *testing.T) {
	plan := revenue.Plan{Server: 4040, Price: 900, Launch: 450, From: 60, To: 80}
	if full, launch := plan.BreakEven(plan.Price), plan.BreakEven(plan.Launch); full != 5 || launch != 9 {
		t.Errorf("a server is paid for by %d slices, or %d", full, launch)
	}
	if even := (revenue.Plan{Server: 4500}).BreakEven(900); even != 5 {
		t.Errorf("what five slices pay exactly takes %d", even)
	}
	for _, c := range []struct {
		cost, slices, want int64
		some               bool
	}{{4040, 60, 67, true}, {4040, 80, 51, true}, {4040, 16, 253, true}, {4040, 1, 4040, true}, {4040, 0, 0, false}, {0, 3, 0, true}} {
		if each, some := revenue.PerSlice(c.cost, c.slices); each != c.want || some != c.some {
			t.Errorf("%d for %d slices is %d each, %v", c.cost, c.slices, each, some)
		}
	}
	for _, c := range []struct {
		part, whole, want int
		some              bool
	}{{1, 3, 333, true}, {2, 3, 667, true}, {1, 16, 63, true}, {0, 5, 0, true}, {5, 5, 1000, true}, {0, 0, 0, false}} {
		if rate, some := revenue.Rate(c.part, c.whole); rate != c.want || some != c.some {
			t.Errorf("%d of %d is %d, %v", c.part, c.whole, rate, some)
		}
	}
}

// story is a history in words: "03-10 7 trial>active; 03-10 7 450usd".
func story(t *testing.T, words string) (lines []revenue.Line) {
	t.Helper()
	for word := range strings.SplitSeq(words, ";") {
		parts := strings.Fields(word)
		if len(parts) != 3 {
			continue
		}
		at, err := time.Parse("2006-01-02", "2026-"+parts[0])
		if err != nil {
			t.Fatal(err)
		}
		action, detail := "user.status", ""
		if from, to, is := strings.Cut(parts[2], ">"); is {
			detail = fmt.Sprintf(`{"from": %q, "to": %q}`, from, to)
			if to == "end" {
				action, detail = "account.end", fmt.Sprintf(`{"from": %q}`, from)
			}
		} else {
			action, detail = "user.price", fmt.Sprintf(`{"from": 0, "to": %s, "currency": %q}`, parts[2][:len(parts[2])-3], parts[2][len(parts[2])-3:])
		}
		line, err := revenue.Read(at, action, "user:"+parts[1], []byte(detail))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWhatBecameOfAccountsByMonth(t *testing.T) {
	now := time.Date(2026, 4, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, words, want string }{
		{"nothing was ever written", "", "Feb not recorded; Mar not recorded; Apr not recorded"},
		{"a trial becomes a customer",
			"03-10 7 trial>active; 03-10 7 450usd",
			"Feb not recorded; Mar start 0 new 1 left 0 lost 0 active 1 late 0 brings 450, trials 1/0; Apr start 1 new 0 left 0 lost 0 active 1 late 0 brings 450, trials 0/0"},
		{"a trial runs out, by way of its grace",
			"03-10 7 trial>past_due; 03-17 7 past_due>cancelled",
			"Feb not recorded; Mar start 0 new 0 left 0 lost 0 active 0 late 0 brings 0, trials 0/1; Apr start 0 new 0 left 0 lost 0 active 0 late 0 brings 0, trials 0/0"},
		{"one whose payment fails is a customer still",
			"02-10 7 unpaid>active; 02-10 7 900usd; 03-10 7 active>past_due",
			"Feb start 0 new 1 left 0 lost 0 active 1 late 0 brings 900, trials 0/0; Mar start 1 new 0 left 0 lost 0 active 0 late 1 brings 0, trials 0/0; Apr start 1 new 0 left 0 lost 0 active 0 late 1 brings 0, trials 0/0"},
		{"and is lost when it is over",
			"02-10 7 unpaid>active; 02-10 7 900usd; 03-10 7 active>past_due; 04-02 7 past_due>cancelled",
			"Feb start 0 new 1 left 0 lost 0 active 1 late 0 brings 900, trials 0/0; Mar start 1 new 0 left 0 lost 0 active 0 late 1 brings 0, trials 0/0; Apr start 1 new 0 left 1 lost 1 active 0 late 0 brings 0, trials 0/0"},
		{"who comes and goes within a month is no churn",
			"03-02 7 trial>active; 03-02 7 450usd; 03-30 7 active>cancelled",
			"Feb not recorded; Mar start 0 new 1 left 1 lost 0 active 0 late 0 brings 0, trials 1/0; Apr start 0 new 0 left 0 lost 0 active 0 late 0 brings 0, trials 0/0"},
		{"who goes and comes back within one has not left",
			"02-02 7 trial>active; 02-02 7 450usd; 03-02 7 active>cancelled; 03-05 7 cancelled>active",
			"Feb start 0 new 1 left 0 lost 0 active 1 late 0 brings 450, trials 1/0; Mar start 1 new 0 left 0 lost 0 active 1 late 0 brings 450, trials 0/0; Apr start 1 new 0 left 0 lost 0 active 1 late 0 brings 450, trials 0/0"},
		{"who was there before anything was written",
			"04-10 7 active>cancelled",
			"Feb not recorded; Mar not recorded; Apr start 1 new 0 left 1 lost 1 active 0 late 0 brings 0, trials 0/0"},
		{"a price that was not noted then is not invented",
			"02-10 7 unpaid>active; 04-01 7 900usd",
			"Feb start 0 new 1 left 0 lost 0 active 1 late 0 brings unknown, trials 0/0; Mar start 1 new 0 left 0 lost 0 active 1 late 0 brings unknown, trials 0/0; Apr start 1 new 0 left 0 lost 0 active 1 late 0 brings 900, trials 0/0"},
		{"another currency is not summed up",
			"02-10 7 unpaid>active; 02-10 7 900usd; 03-10 8 unpaid>active; 03-10 8 800eur",
			"Feb start 0 new 1 left 0 lost 0 active 1 late 0 brings 900, trials 0/0; Mar start 1 new 1 left 0 lost 0 active 2 late 0 brings unknown, trials 0/0; Apr start 2 new 0 left 0 lost 0 active 2 late 0 brings unknown, trials 0/0"},
		{"an operator ends one of two",
			"02-10 7 unpaid>active; 02-10 7 900usd; 02-11 8 unpaid>active; 02-11 8 450usd; 03-31 8 active>end",
			"Feb start 0 new 2 left 0 lost 0 active 2 late 0 brings 1350, trials 0/0; Mar start 2 new 0 left 1 lost 1 active 1 late 0 brings 900, trials 0/0; Apr start 1 new 0 left 0 lost 0 active 1 late 0 brings 900, trials 0/0"},
		{"what is still to come does not count, whatever the order",
			"04-25 7 active>cancelled; 03-10 7 900usd; 03-10 7 unpaid>active",
			"Feb not recorded; Mar start 0 new 1 left 0 lost 0 active 1 late 0 brings 900, trials 0/0; Apr start 1 new 0 left 0 lost 0 active 1 late 0 brings 900, trials 0/0"},
	} {
		var got []string
		for _, m := range revenue.Months(story(t, c.words), 3, "usd", now) {
			words := m.First.Format("Jan") + " not recorded"
			if m.Recorded {
				brings := "unknown"
				if m.Known {
					brings = fmt.Sprint(m.Monthly)
				}
				words = fmt.Sprintf("%s start %d new %d left %d lost %d active %d late %d brings %s, trials %d/%d", m.First.Format("Jan"),
					m.AtStart, m.New, m.Left, m.Lost, m.Active, m.PastDue, brings, m.Converted, m.Ended)
			}
			got = append(got, words)
		}
		if says := strings.Join(got, "; "); says != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, says, c.want)
		}
	}
}

func TestALineThatIsNoneIsRefused(t *testing.T) {
	for action, detail := range map[string]string{"user.status": `[]`, "user.price": `{"to": "much"}`, "user.export": `{}`} {
		if _, err := revenue.Read(time.Now(), action, "user:7", []byte(detail)); err == nil || !strings.Contains(err.Error(), "user:7") {
			t.Errorf("%s %s: %v", action, detail, err)
		}
	}
}
