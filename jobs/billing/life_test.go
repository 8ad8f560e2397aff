package billing_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slicegate/jobs/billing"
)

const day = 24 * time.Hour

var (
	began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	terms = billing.Terms{Grace: 7 * day, Retention: 7 * day}
)

func on(days float64) time.Time { return began.Add(time.Duration(days * float64(day))) }

func at(days float64) *time.Time {
	t := on(days)
	return &t
}

// days says when something is, in days since it all began.
func days(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", t.Sub(began).Hours()/24), "0"), ".")
}

// says is a life in a line: "past_due run, again 17: trial_over 0 until 21".
func says(account billing.Account, wanted billing.Wanted, mails []billing.Mail) string {
	text := fmt.Sprintf("%s %s, again %s", account.Status, wanted, days(account.SettleAt))
	for i, mail := range mails {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + mail.Kind
		if mail.At != nil {
			text += " " + days(mail.At)
		}
		if mail.Last {
			text += " last"
		}
	}
	return text
}

func TestLifeOfATrial(t *testing.T) {
	account := billing.Account{TrialEndsAt: at(14)}
	for _, c := range []struct {
		day  float64
		want string
	}{
		{0, "trial run, again 11"},
		{11, "trial run, again 14: trial_ends 14"},
		{13.9, "trial run, again 14: trial_ends 14"},
		{14, "past_due run, again 17: trial_over 21"},
		{16.9, "past_due run, again 17: trial_over 21"},
		{17, "past_due run, again 20: trial_over 21"},
		{20, "past_due run, again 21: trial_over 21 last"},
		{20.9, "past_due run, again 21: trial_over 21 last"},
		{21, "cancelled stop, again 27: ended 28"},
		{26.9, "cancelled stop, again 27: ended 28"},
		{27, "cancelled stop, again 28: deleted_soon 28"},
		{28, "cancelled destroy, again never"},
		{400, "cancelled destroy, again never"},
	} {
		if got := says(billing.Life(nil, account, false, terms, on(c.day))); got != c.want {
			t.Errorf("on day %v: %s, want %s", c.day, got, c.want)
		}
	}
	if got, want := says(billing.Life(nil, account, true, terms, on(90))), "trial run, again 90.04"; got != want {
		t.Errorf("while it waits for its slice: %s, want %s", got, want)
	}
	if got, want := says(billing.Life(nil, billing.Account{}, false, terms, on(0))), "unpaid stop, again never"; got != want {
		t.Errorf("without a trial: %s, want %s", got, want)
	}
}

func TestLifeOfASubscription(t *testing.T) {
	sub := func(status string, change func(*billing.Subscription)) *billing.Subscription {
		s := &billing.Subscription{ID: "sub", Status: status, PaidUntil: on(30)}
		if change != nil {
			change(s)
		}
		return s
	}
	failed := func(s *billing.Subscription) { s.PaidUntil, s.FailedAt = on(60), at(30) }
	asked := func(s *billing.Subscription) { failed(s); s.ActionURL = "https://invoice" }
	over := func(s *billing.Subscription) { s.EndedAt = at(30) }
	trial := billing.Account{TrialEndsAt: at(14)}
	stopped := billing.Account{GraceEndsAt: at(37)}
	gone := billing.Account{CancelledAt: at(30)}
	held := billing.Account{HeldAt: at(3)}
	given, givenBefore := billing.Account{GraceUntil: at(45)}, billing.Account{GraceUntil: at(20)}
	for _, c := range []struct {
		name    string
		sub     *billing.Subscription
		account billing.Account
		day     float64
		want    string
	}{
		{"paid", sub("active", nil), trial, 1, "active run, again 2"},
		{"paid, the period is about to end", sub("active", nil), trial, 29.9, "active run, again 30.08"},
		{"paid, and Stripe's clock is behind", sub("active", nil), trial, 31, "active run, again 32"},
		{"a trial of Stripe's", sub("trialing", nil), billing.Account{}, 1, "active run, again 2"},
		{"Checkout was begun", sub("incomplete", nil), trial, 1, "trial run, again 11"},
		{"Checkout has failed", sub("incomplete_expired", nil), billing.Account{}, 1, "unpaid stop, again never"},
		{"it is to end", sub("active", func(s *billing.Subscription) { s.EndsAt = at(30) }), trial, 5, "active run, again 6: will_end 30"},
		{"a payment fails", sub("past_due", failed), trial, 30, "past_due run, again 31: payment_failed 37"},
		{"on day 3", sub("past_due", failed), trial, 33.5, "past_due run, again 34.5: payment_failed 37"},
		{"on day 6", sub("past_due", failed), trial, 36, "past_due run, again 37: payment_failed 37 last"},
		{"the grace is over", sub("past_due", failed), trial, 37, "past_due stop, again 38: paused"},
		{"Stripe tries no more", sub("unpaid", failed), trial, 45, "past_due stop, again 46: paused"},
		{"Stripe's clock is ahead", sub("past_due", failed), trial, 29.99, "past_due run, again 30"},
		{"an operator gives more time", sub("past_due", failed), given, 36, "past_due run, again 37: payment_failed 45 last"},
		{"it goes on for longer", sub("unpaid", failed), given, 44.5, "past_due run, again 45: payment_failed 45 last"},
		{"that is over too", sub("unpaid", failed), given, 45, "past_due stop, again 46: paused"},
		{"more time was given for an earlier payment", sub("past_due", failed), givenBefore, 37, "past_due stop, again 38: paused"},
		{"the bank asks", sub("past_due", asked), trial, 31, "past_due run, again 32: payment_action 37"},
		{"and nobody answers", sub("past_due", asked), trial, 38, "past_due stop, again 39: paused"},
		{"paid within the grace", sub("active", nil), stopped, 36, "active run, again 37"},
		{"paid after it was stopped", sub("active", nil), stopped, 38, "active run, again 39: resumed"},
		{"over", sub("canceled", over), trial, 30, "cancelled stop, again 36: ended 37"},
		{"over before what was paid is used up", sub("canceled", func(s *billing.Subscription) { s.EndedAt = at(10) }), trial, 11, "cancelled stop, again 16: ended 17"},
		{"a day before the end", sub("canceled", over), trial, 36, "cancelled stop, again 37: deleted_soon 37"},
		{"the end", sub("canceled", over), trial, 37, "cancelled destroy, again never"},
		{"back in time", sub("active", nil), gone, 33, "active run, again 34: resumed"},
		{"disputed", sub("active", nil), held, 5, "active stop, again 6"},
		{"disputed, and over", sub("canceled", over), held, 38, "cancelled destroy, again never"},
	} {
		if got := says(billing.Life(c.sub, c.account, false, terms, on(c.day))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestLifeForgetsHowItCameThere goes to one state of Stripe's over random others and back in time: the
// row is always the same, and at each time that it names, and no earlier, it becomes another.
func TestLifeForgetsHowItCameThere(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		trial := [...]*time.Time{nil, at(14)}[random.IntN(2)]
		final, now := anySubscription(random), on(random.Float64()*60)
		held := [...]*time.Time{nil, nil, nil, at(2)}[random.IntN(4)]
		fresh := billing.Account{TrialEndsAt: trial, HeldAt: held}
		want, wanted, _ := billing.Life(final, fresh, false, terms, now)
		account := fresh
		for range 5 {
			account, _, _ = billing.Life(anySubscription(random), account, random.IntN(3) == 0, terms, on(random.Float64()*60))
		}
		got, gotWanted, mails := billing.Life(final, account, false, terms, now)
		want.Subscription, got.Subscription = "", "" // the newest that was ever read
		if diff := cmp.Diff(want, got); diff != "" || wanted != gotWanted {
			t.Fatalf("seed %d: %s then %s: %s", seed, wanted, gotWanted, diff)
		}
		once := map[string]bool{}
		for _, mail := range mails {
			if once[mail.Once] {
				t.Fatalf("seed %d: two mails are %s", seed, mail.Once)
			}
			once[mail.Once] = true
		}
		if want.SettleAt == nil {
			continue
		}
		if !want.SettleAt.After(now) {
			t.Fatalf("seed %d: it is due again at %s, and it is %s", seed, want.SettleAt, now)
		}
		// What it is just before that is what it is now.
		before, stillWanted, _ := billing.Life(final, fresh, false, terms, want.SettleAt.Add(-time.Second))
		before.SettleAt, before.Subscription, want.SettleAt = nil, "", nil
		if diff := cmp.Diff(want, before); diff != "" || wanted != stillWanted {
			t.Fatalf("seed %d: nobody looks when %s becomes %s: %s", seed, wanted, stillWanted, diff)
		}
	}
}

func anySubscription(random *rand.Rand) *billing.Subscription {
	states := []string{"", "trialing", "active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "paused"}
	status := states[random.IntN(len(states))]
	if status == "" {
		return nil
	}
	sub := &billing.Subscription{
		ID: fmt.Sprint("sub_", random.IntN(3)), Status: status, PaidUntil: on(float64(random.IntN(60))),
		Discounted: random.IntN(2) == 0, StorageGB: random.IntN(3),
	}
	if random.IntN(3) == 0 {
		sub.EndsAt = &sub.PaidUntil
	}
	if status == "canceled" {
		sub.EndedAt = at(float64(random.IntN(40)))
	}
	if status == "past_due" || status == "unpaid" {
		sub.FailedAt = at(float64(random.IntN(40)))
		sub.ActionURL = [...]string{"", "https://invoice"}[random.IntN(2)]
	}
	return sub
}
