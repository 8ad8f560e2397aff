package jobs

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"slicegate/store"
)

// oweAbout writes a row as the settler does.
func (o *office) oweAbout(kind string, about aboutBilling) int64 {
	o.t.Helper()
	detail, err := json.Marshal(about)
	if err != nil {
		o.t.Fatal(err)
	}
	id, err := store.New(o.db.Pool).OweEmail(context.Background(), store.OweEmailParams{UserID: &o.user, Kind: kind, Detail: detail, Now: o.now})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

// account is how an account stands, beside what a new one has.
type account struct {
	status     string
	grace      time.Duration // from now; 0: none
	ends, held bool
	action     string
	export     string // the status of one
}

func (o *office) stands(a account) {
	o.t.Helper()
	var grace, ends, held *time.Time
	if at := o.now.Add(a.grace); a.grace != 0 {
		grace = &at
	}
	if a.ends {
		ends = pointer(o.now.Add(time.Hour))
	}
	if a.held {
		held = &o.now
	}
	var action *string
	if a.action != "" {
		action = &a.action
	}
	o.exec("UPDATE gateway.users SET subscription_status = $2, grace_ends_at = $3, ends_at = $4, held_at = $5, action_url = $6 WHERE id = $1", o.user, a.status, grace, ends, held, action)
	if a.export != "" {
		o.exec("INSERT INTO gateway.exports (user_id, slice_id, server, status, created_at) SELECT user_id, id, server, $2, now() FROM gateway.slices WHERE user_id = $1", o.user, a.export)
	}
}

func TestAMailAboutMoneyIsSentAsLongAsItsReasonStands(t *testing.T) {
	const day = 24 * time.Hour
	soon := func(last bool) func(*office) aboutBilling {
		return func(o *office) aboutBilling { return aboutBilling{At: pointer(o.now.Add(3 * day)), Last: last} }
	}
	past := func(o *office) aboutBilling { return aboutBilling{At: pointer(o.now.Add(-time.Second))} }
	timeless := func(*office) aboutBilling { return aboutBilling{} }
	for _, test := range []struct {
		name    string
		kind    string
		about   func(*office) aboutBilling
		account account
		says    string // empty: it is not sent
	}{
		{"a trial that ends", "trial_ends", soon(false), account{status: "trial"}, "Your trial ends on"},
		{"a trial that was paid for", "trial_ends", soon(false), account{status: "active"}, ""},
		{"a trial that has ended before the mail left", "trial_ends", past, account{status: "trial"}, ""},
		{"a trial that is over", "trial_over", soon(false), account{status: "past_due", grace: 3 * day}, "Your trial is over"},
		{"the last of them", "trial_over", soon(true), account{status: "past_due", grace: 3 * day}, "Last reminder: your trial is over"},
		{"paid meanwhile", "trial_over", soon(true), account{status: "active"}, ""},
		{"a failed payment", "payment_failed", soon(false), account{status: "past_due", grace: 3 * day}, "Your payment did not go through"},
		{"the last about it", "payment_failed", soon(true), account{status: "past_due", grace: 3 * day}, "Last reminder: your payment"},
		{"a failed payment that was made good", "payment_failed", soon(false), account{status: "active"}, ""},
		{"a failed payment whose grace is over", "payment_failed", past, account{status: "past_due", grace: -time.Second}, ""},
		{"a payment to be confirmed", "payment_action", timeless, account{status: "active", action: "https://pay.example.com/i/1"}, "https://pay.example.com/i/1"},
		{"a payment that is confirmed", "payment_action", timeless, account{status: "active"}, ""},
		{"stopped, as it was not paid", "paused", timeless, account{status: "past_due", grace: -time.Second}, "is still not made"},
		{"stopped, and paid before the mail left", "paused", timeless, account{status: "active"}, ""},
		{"stopped, with a grace that begins anew", "paused", timeless, account{status: "past_due", grace: day}, ""},
		{"stopped, as a payment is disputed", "paused", timeless, account{status: "active", held: true}, "disputed"},
		{"running again", "resumed", timeless, account{status: "active"}, "Your workspace runs again"},
		{"running again, and held", "resumed", timeless, account{status: "active", held: true}, ""},
		{"running again, and unpaid again", "resumed", timeless, account{status: "past_due", grace: -time.Second}, ""},
		{"running again, and cancelled", "resumed", timeless, account{status: "cancelled"}, ""},
		{"a cancellation", "will_end", soon(false), account{status: "active", ends: true}, "Your subscription is cancelled"},
		{"a cancellation that was taken back", "will_end", soon(false), account{status: "active"}, ""},
		{"a cancellation that has come true", "will_end", soon(false), account{status: "cancelled", ends: true}, ""},
		{"an end", "ended", soon(false), account{status: "cancelled"}, "Your workspace is stopped"},
		{"an end, and a new beginning", "ended", soon(false), account{status: "active"}, ""},
		{"the day before", "deleted_soon", soon(false), account{status: "cancelled"}, "Tomorrow everything is deleted"},
		{"the day before, and back", "deleted_soon", soon(false), account{status: "active"}, ""},
		{"a copy", "export_ready", soon(false), account{status: "cancelled", export: "ready"}, "Your copy is ready"},
		{"a copy that is deleted", "export_ready", soon(false), account{status: "active", export: "deleted"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffice(t)
			o.exec("UPDATE gateway.users SET email_verified_at = NULL") // they go to whom else
			o.stands(test.account)
			id := o.oweAbout(test.kind, test.about(o))
			err := o.send(context.Background(), id, 1)
			if test.says == "" {
				if !isCancel(err) || len(o.box.letters) != 0 || o.email(id).FailedAt == nil {
					t.Fatalf("%v, and %d letters left", err, len(o.box.letters))
				}
				return
			}
			if err != nil || len(o.box.letters) != 1 {
				t.Fatalf("%v, and %d letters left", err, len(o.box.letters))
			}
			for _, letter := range o.box.letters {
				if !strings.HasPrefix(letter.To, "user100@") || !strings.Contains(letter.Mail.Subject+"\n"+letter.Mail.Text, test.says) {
					t.Errorf("to %s: %s\n%s", letter.To, letter.Mail.Subject, letter.Mail.Text)
				}
			}
		})
	}
}

func TestAMailThatSpeaksOfATimeNeedsOne(t *testing.T) {
	o := newOffice(t)
	for _, kind := range []string{"trial_ends", "trial_over", "payment_failed", "will_end", "ended", "deleted_soon", "export_ready"} {
		if err := o.send(context.Background(), o.oweAbout(kind, aboutBilling{}), 1); err == nil || !strings.Contains(err.Error(), "has no time") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(o.box.letters) != 0 {
		t.Errorf("%d letters left", len(o.box.letters))
	}
}
