package revenue

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Line is what the audit says of an account: that it stands otherwise, or that it costs something else.
type Line struct {
	At       time.Time
	Subject  string // "user:7"
	From, To string // statuses; To is empty where the line is about the price
	Price    int64  // from now on
	Currency string
}

// Read makes it of a row of the audit.
func Read(at time.Time, action, subject string, detail []byte) (Line, error) {
	line := Line{At: at, Subject: subject}
	var err error
	switch action {
	case "user.status":
		var says struct{ From, To string }
		err = json.Unmarshal(detail, &says)
		line.From, line.To = says.From, says.To
	case "account.end":
		var says struct{ From string }
		err = json.Unmarshal(detail, &says)
		line.From, line.To = says.From, "cancelled"
	case "user.price":
		var says struct {
			To       int64
			Currency string
		}
		err = json.Unmarshal(detail, &says)
		line.Price, line.Currency = says.To, says.Currency
	default:
		err = fmt.Errorf("is %s", action)
	}
	if err != nil {
		return line, fmt.Errorf("the audit of %s: %w", subject, err)
	}
	return line, nil
}

// Month is what became of the accounts in one. A customer is an account with a subscription: it is paid, or was and a
// payment has failed.
type Month struct {
	First     time.Time
	Recorded  bool // the audit goes back to it
	AtStart   int  // customers
	New       int  // who were none at its start and became some, for the first time or again
	Left      int  // who were at some time of it and are none at its end
	Lost      int  // of those at its start, who are none at its end: churn
	Active    int  // that are paid, at its end
	PastDue   int  // customers whose payment has failed, at its end
	Monthly   int64
	Known     bool // what every one that is paid cost then is noted, in the one currency
	Converted int  // trials of which customers were made
	Ended     int  // trials that ended without
}

// account is where one stands as the lines are gone through.
type account struct {
	status   string
	customer bool
	ever     bool // it has been a customer
	tried    bool // it has been on trial
	price    *int64
	currency string
}

func (a *account) pays() bool { return a.status == "active" }

// follow takes one line; what it decides about a trial is counted in the month.
func (a *account) follow(line Line, month *Month) {
	if line.To == "" {
		a.price, a.currency = &line.Price, line.Currency
		return
	}
	a.tried = a.tried || line.From == "trial" || line.To == "trial"
	switch line.To {
	case "active":
		if !a.ever && a.tried && month != nil {
			month.Converted++
		}
		a.customer, a.ever = true, true
	case "past_due": // a customer's payment has failed, or a trial is over: neither decides anything
	case "cancelled":
		if !a.ever && a.tried && a.status != "cancelled" && month != nil {
			month.Ended++
		}
		a.customer = false
	default:
		a.customer = false
	}
	a.status = line.To
}

// Months are the last so many, the oldest first, the last of them the present one as far as it is. Lines may be in any
// order.
func Months(lines []Line, count int, currency string, now time.Time) []Month {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	accounts := map[string]*account{}
	for _, line := range lines { // where each began
		if accounts[line.Subject] == nil {
			accounts[line.Subject] = &account{}
		}
		if one := accounts[line.Subject]; one.status == "" && line.To != "" {
			one.status, one.customer, one.ever, one.tried = line.From, line.From == "active", line.From == "active", line.From == "trial"
		}
	}
	months := make([]Month, count)
	next := 0
	for i := range months {
		month := &months[i]
		month.First = firstOf(now).AddDate(0, i-count+1, 0)
		for ; next < len(lines) && lines[next].At.Before(month.First); next++ {
			accounts[lines[next].Subject].follow(lines[next], nil)
		}
		end := month.First.AddDate(0, 1, 0)
		month.Recorded = len(lines) > 0 && lines[0].At.Before(end)
		start, were := map[string]bool{}, map[string]bool{}
		for subject, one := range accounts {
			start[subject], were[subject] = one.customer, one.customer
		}
		for ; next < len(lines) && lines[next].At.Before(end) && !lines[next].At.After(now); next++ {
			one := accounts[lines[next].Subject]
			one.follow(lines[next], month)
			were[lines[next].Subject] = were[lines[next].Subject] || one.customer
		}
		month.close(accounts, start, were, currency)
	}
	return months
}

func (m *Month) close(accounts map[string]*account, start, were map[string]bool, currency string) {
	m.Known = m.Recorded
	for subject, one := range accounts {
		if start[subject] {
			m.AtStart++
		}
		if were[subject] && !start[subject] {
			m.New++
		}
		if were[subject] && !one.customer {
			m.Left++
			if start[subject] {
				m.Lost++
			}
		}
		switch {
		case one.pays():
			m.Active++
			if one.price == nil || one.currency != currency {
				m.Known = false
			} else {
				m.Monthly += *one.price
			}
		case one.customer && one.status == "past_due":
			m.PastDue++
		}
	}
	if !m.Known {
		m.Monthly = 0
	}
}
