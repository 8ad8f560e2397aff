// Package revenue makes figures of what comes in out of the accounts' rows and of what the audit says became of them.
// Amounts are in the smallest unit of the currency; months are UTC's.
package revenue

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is one with a subscription, as its row has it.
type Account struct {
	User      int64
	PastDue   bool
	Monthly   *int64 // nil: Stripe has not been asked since prices are noted
	Storage   int64
	Discount  int64
	Currency  string
	Ends      bool // it is cancelled, and runs to the end of what is paid
	Held      bool // a payment is disputed
	WithSlice bool
}

// Part is some of the accounts, and what they bring in a month.
type Part struct {
	Accounts int
	Monthly  int64
}

func (p *Part) add(one Account) {
	p.Accounts++
	if one.Monthly != nil {
		p.Monthly += *one.Monthly
	}
}

// Sum is what comes in as things are now.
type Sum struct {
	Paying    Part // MRR: all that are paid
	Ending    Part // of them, those that are cancelled and run out
	Held      Part // of them, those with a disputed payment
	PastDue   Part // beside them, those whose payment has failed
	Storage   int64
	Discount  int64
	WithSlice int // of those that pay
	Unread    int // of all, those whose price is not noted yet
}

// CurrenciesError is a sum that would be of several currencies, or of another than the configured one.
type CurrenciesError struct{ Found []string }

func (e CurrenciesError) Error() string {
	return fmt.Sprintf("accounts pay in %s: no sum is made of that", strings.Join(e.Found, " and "))
}

// Now sums up what accounts bring in. Its counts are right in every currency.
func Now(accounts []Account, currency string) (sum Sum, err error) {
	found := map[string]bool{}
	for _, one := range accounts {
		if one.Monthly == nil {
			sum.Unread++
		} else if one.Currency != currency {
			found[one.Currency] = true
		}
		if one.PastDue {
			sum.PastDue.add(one)
			continue
		}
		sum.Paying.add(one)
		sum.Storage += one.Storage
		sum.Discount += one.Discount
		if one.Ends {
			sum.Ending.add(one)
		}
		if one.Held {
			sum.Held.add(one)
		}
		if one.WithSlice {
			sum.WithSlice++
		}
	}
	if len(found) == 0 {
		return sum, nil
	}
	for _, one := range accounts {
		if one.Monthly != nil {
			found[one.Currency] = true
		}
	}
	var names []string
	for name := range found {
		names = append(names, strings.ToUpper(name))
	}
	slices.Sort(names)
	return sum, CurrenciesError{names}
}

// Plan is what is configured, for one server.
type Plan struct {
	Server   int64 // what it costs in a month
	Price    int64
	Launch   int64 // 0: there is no launch price
	From, To int   // slices that are aimed at
}

// BreakEven is how many slices pay for a server at a price.
func (p Plan) BreakEven(price int64) int64 { return (p.Server + price - 1) / price }

// PerSlice is what one of so many slices costs; half of a unit counts as one. Of none there is no cost of one.
func PerSlice(cost int64, slices int64) (each int64, some bool) {
	if slices < 1 {
		return 0, false
	}
	return (2*cost + slices) / (2 * slices), true
}

// Rate is part of whole in thousandths; half of one counts as one. Of nothing there is no part.
func Rate(part, whole int) (permille int, some bool) {
	if whole < 1 {
		return 0, false
	}
	return (2000*part + whole) / (2 * whole), true
}

// firstOf is the beginning of a month.
func firstOf(t time.Time) time.Time {
	return time.Date(t.UTC().Year(), t.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
}
