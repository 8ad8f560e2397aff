package payments

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
)

// tolerance is how old the signature of an event may be: what is caught on its way cannot be sent again
// for longer.
const tolerance = 300 * time.Second

// Why an event is refused.
var (
	// ErrSignature is an event that Stripe did not sign with any of STRIPE_WEBHOOK_SECRETS, or too long ago.
	ErrSignature = errors.New("the signature is not one of Stripe's")
	// ErrVersion is an event of a form that is not known.
	ErrVersion = errors.New("the event has a form that is not known: the webhook's API version has to be " + stripe.APIVersion)
	// ErrElsewhere is an event of the other mode (test or live) than the key's, or of another account.
	ErrElsewhere = errors.New("the event is not of this Stripe account")
)

// Event is what Stripe tells. Of the object that it tells of there are no more than the names: its own
// copy is as old as the event.
type Event struct {
	ID       string
	Type     string // "invoice.paid"; may be one that nobody knows
	Object   string // the id of what it is about; empty: it has none
	Customer string // empty: the object names none
	User     int64  // of a Checkout session, its client reference; else 0
	Created  time.Time
	Version  string // the API version that it was rendered for
}

// Event reads a call of the webhook: its body, unchanged, and its header Stripe-Signature. Any of the
// secrets may have signed it.
//
// The endpoint that Setup makes is pinned to the API version of this library. An event of another one
// is read all the same, if it can be: only names are taken from it, which are the same in all versions,
// and the object is asked for anew in our own. One that cannot be read is ErrVersion.
func (s *Stripe) Event(body []byte, signature string, now time.Time) (Event, error) {
	if err := signed(body, signature, s.settings.WebhookSecrets, now); err != nil {
		return Event{}, err
	}
	var told struct {
		ID         string
		Object     string
		Type       string
		Account    string
		Created    int64
		Livemode   *bool
		APIVersion string `json:"api_version"`
		Data       struct {
			Object struct {
				ID        string
				Object    string
				Customer  named
				Reference string `json:"client_reference_id"`
			}
		}
	}
	if err := json.Unmarshal(body, &told); err != nil || told.Object != "event" || told.ID == "" || told.Type == "" || told.Livemode == nil {
		return Event{}, ErrVersion
	}
	if told.Account != "" {
		return Event{}, fmt.Errorf("%w but of the connected account %s", ErrElsewhere, told.Account)
	}
	if *told.Livemode != s.live {
		return Event{}, fmt.Errorf("%w: it is of %s, and STRIPE_KEY of %s", ErrElsewhere, mode(*told.Livemode), mode(s.live))
	}
	object := told.Data.Object
	event := Event{
		ID: told.ID, Type: told.Type, Object: object.ID, Customer: string(object.Customer),
		Created: time.Unix(told.Created, 0), Version: told.APIVersion,
	}
	switch object.Object {
	case "customer":
		event.Customer = object.ID
	case "checkout.session":
		event.User, _ = strconv.ParseInt(object.Reference, 10, 64) // 0: a session that is not one of ours
	}
	return event, nil
}

// named is the id of an object that is there by its name, or whole.
type named string

func (n *named) UnmarshalJSON(text []byte) error {
	var whole struct{ ID string }
	if json.Unmarshal(text, (*string)(n)) == nil {
		return nil
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return err
	}
	*n = named(whole.ID)
	return nil
}

func signed(body []byte, signature string, secrets []string, now time.Time) error {
	if len(secrets) == 0 {
		return fmt.Errorf("%w: STRIPE_WEBHOOK_SECRETS has none to check it with", ErrSignature)
	}
	at, found := signedAt(signature)
	if !found {
		return fmt.Errorf("%w: there is no Stripe-Signature header with a time in it", ErrSignature)
	}
	valid := false
	for _, secret := range secrets {
		valid = valid || webhook.ValidatePayloadIgnoringTolerance(body, signature, secret) == nil
	}
	switch {
	case !valid:
		return fmt.Errorf("%w: none of STRIPE_WEBHOOK_SECRETS has made it", ErrSignature)
	case now.Sub(at) > tolerance:
		return fmt.Errorf("%w: it is older than %s; is the clock of this server right?", ErrSignature, tolerance)
	}
	return nil
}

// signedAt is the time in a header "t=1492774577,v1=…".
func signedAt(signature string) (time.Time, bool) {
	for part := range strings.SplitSeq(signature, ",") {
		if text, is := strings.CutPrefix(part, "t="); is {
			seconds, err := strconv.ParseInt(text, 10, 64)
			return time.Unix(seconds, 0), err == nil
		}
	}
	return time.Time{}, false
}

func mode(live bool) string {
	if live {
		return "live mode"
	}
	return "test mode"
}
