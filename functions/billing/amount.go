package billing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"slicegate/functions/answer"
	"slicegate/jobs/billing"
)

// Currencies whose smallest unit is not a hundredth, as Stripe counts them.
var (
	whole       = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	thousandths = strings.Fields("bhd jod kwd omr tnd")
)

// amount writes so many of the smallest units of a currency: 450 of "usd" are "4.50".
func amount(units int64, currency string) string {
	digits := 2
	switch {
	case slices.Contains(whole, currency):
		return fmt.Sprint(units)
	case slices.Contains(thousandths, currency):
		digits = 3
	}
	sign := ""
	if units < 0 {
		sign, units = "-", -units
	}
	text := fmt.Sprintf("%0*d", digits+1, units)
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// goneIn says in words that Stripe has an account's customer no more.
func goneIn(err error) error {
	if errors.Is(err, billing.ErrGone) {
		return answer.Errorf(answer.Conflict, "Stripe has no payments of this account any more. Subscribe to begin anew, or write to support.")
	}
	return err
}
