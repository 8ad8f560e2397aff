package payments

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/stripe/stripe-go/v76"

	"slicegate/jobs/billing"
)

// ErrDeclined is a card that could not be charged, or whose owner has to confirm it first: nothing was
// changed.
var ErrDeclined = errors.New("the card was declined")

// setUp ends an error of an account at Stripe that has not what these settings need.
const setUp = "; run `runner stripe-setup`"

var secret = regexp.MustCompile(`(sk|rk|whsec)_[A-Za-z0-9_*.…]+`)

// failed says what went wrong while something was done, in our words where they help; nil stays nil.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	var told *stripe.Error
	if !errors.As(err, &told) { // it never got there, or what came back is not Stripe's
		return fmt.Errorf("%s: %w: %w", doing, billing.ErrUnreachable, redacted{err})
	}
	switch status := told.HTTPStatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusConflict, status >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: it answered %d %s", doing, billing.ErrUnreachable, status, clean(told.Msg))
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s: Stripe does not take STRIPE_KEY; the dashboard has the right one under Developers, API keys", doing)
	case status == http.StatusForbidden:
		return fmt.Errorf("%s: STRIPE_KEY may not do this; the restricted key needs one more permission: %s", doing, clean(told.Msg))
	case status == http.StatusPaymentRequired:
		return fmt.Errorf("%s: %w: %s", doing, ErrDeclined, clean(told.Msg))
	case status == http.StatusNotFound, told.Code == stripe.ErrorCodeResourceMissing:
		return fmt.Errorf("%s: %w: %s", doing, billing.ErrGone, clean(told.Msg))
	default:
		return fmt.Errorf("%s: Stripe answered %d %s (%s)", doing, told.HTTPStatusCode, clean(told.Msg), told.RequestID)
	}
}

func clean(text string) string { return secret.ReplaceAllString(text, "${1}_…") }

// redacted is an error without keys in its words. What it is remains to be asked.
type redacted struct{ error }

func (r redacted) Error() string { return clean(r.error.Error()) }
func (r redacted) Unwrap() error { return r.error }

// missing tells whether Stripe does not have what a parameter names.
func missing(err error, parameter string) bool {
	var told *stripe.Error
	return errors.As(err, &told) && told.Code == stripe.ErrorCodeResourceMissing && told.Param == parameter
}

func gone(err error) bool { return errors.Is(failed("", err), billing.ErrGone) }

var name = regexp.MustCompile(`^[A-Za-z0-9]+(_[A-Za-z0-9]+)+$`)

// checkID complains of what cannot be an id: some come from browsers, and all become a part of an address.
func checkID(doing, id string) error {
	if !name.MatchString(id) {
		return fmt.Errorf("%s: %w: that is no id", doing, billing.ErrGone)
	}
	return nil
}
