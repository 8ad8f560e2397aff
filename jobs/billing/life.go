package billing

import (
	"fmt"
	"time"
)

// Mails about a payment that has failed, and about a trial that is over, are owed at the beginning of
// the grace and after so many sevenths of it: with the seven days of the default, on days 0, 3 and 6.
var dunning = []int{0, 3, 6}

const (
	trialWarning  = 72 * time.Hour // before a trial is over its user is told
	deleteWarning = 24 * time.Hour // before everything is destroyed
	// How long after the end of a period Stripe is asked whether the next is paid, should it not have
	// told: it makes the invoice an hour before it takes the money.
	renewalAfter = 2 * time.Hour
	lookEvery    = 24 * time.Hour // and whenever it might have told and has not
)

// Life says where an account stands, what is to become of its slice, and which mails it is owed. Of the
// account's row it reads the trial, the hold, what grace an operator has given, and, for the mail that tells that all goes on again, what it
// was before; sub is nil where Stripe has nothing, or there is no Stripe. `waits` is whether it waits for a
// slice: its trial has not begun. What it gives back is the same however often and in whatever order it
// was called before.
func Life(sub *Subscription, account Account, waits bool, terms Terms, now time.Time) (Account, Wanted, []Mail) {
	l := life{account: account, before: account, terms: terms, now: now}
	a := &l.account
	a.GraceEndsAt, a.CancelledAt, a.DeleteAfter, a.EndsAt, a.PaidUntil, a.SettleAt = nil, nil, nil, nil, nil, nil
	a.Discounted, a.StorageGB, a.ActionURL, a.Monthly = false, 0, "", Monthly{}
	switch {
	case sub == nil, sub.Status == "incomplete", sub.Status == "incomplete_expired":
		l.withoutSubscription(waits)
	default:
		l.subscribed(*sub)
	}
	if a.HeldAt != nil && l.wanted == Run {
		l.wanted, l.mails = Stop, nil
	}
	return l.account, l.wanted, l.mails
}

type life struct {
	account, before Account
	terms           Terms
	now             time.Time
	wanted          Wanted
	mails           []Mail
}

func (l *life) subscribed(sub Subscription) {
	a := &l.account
	a.Subscription, a.PaidUntil, a.EndsAt = sub.ID, &sub.PaidUntil, sub.EndsAt
	a.Discounted, a.StorageGB, a.ActionURL, a.Monthly = sub.Discounted, sub.StorageGB, sub.ActionURL, sub.Monthly
	switch sub.Status {
	case "active", "trialing":
		l.paid(sub)
	case "canceled":
		ended := sub.PaidUntil
		if sub.EndedAt != nil {
			ended = *sub.EndedAt
		}
		a.PaidUntil, a.EndsAt, a.StorageGB, a.ActionURL, a.Monthly = nil, nil, 0, "", Monthly{}
		l.cancelled(sub.ID, ended)
	default: // "past_due", "unpaid", "paused", and what there may be one day
		since := sub.PaidUntil
		if sub.FailedAt != nil {
			since = *sub.FailedAt
		}
		l.pastDue(sub, since)
	}
}

func (l *life) paid(sub Subscription) {
	a := &l.account
	a.Status, l.wanted = Active, Run
	next := sub.PaidUntil
	if sub.EndsAt != nil {
		next = *sub.EndsAt
		l.owe("will_end", sub.ID, next, &next)
	}
	l.again(next.Add(renewalAfter))
	l.again(l.now.Add(lookEvery))
	switch was := l.before; {
	case was.CancelledAt != nil:
		l.owe("resumed", sub.ID, *was.CancelledAt, nil)
	case was.GraceEndsAt != nil && !l.now.Before(*was.GraceEndsAt):
		l.owe("resumed", sub.ID, *was.GraceEndsAt, nil)
	}
}

// pastDue is somebody who should have paid since then.
func (l *life) pastDue(sub Subscription, since time.Time) {
	ends := since.Add(l.terms.Grace)
	if until := l.account.GraceUntil; until != nil && until.After(ends) {
		ends = *until
	}
	l.account.Status, l.account.GraceEndsAt = PastDue, &ends
	l.again(l.now.Add(lookEvery))
	if !l.now.Before(ends) {
		l.wanted = Stop
		l.owe("paused", sub.ID, since, nil)
		return
	}
	l.wanted = Run
	l.again(ends)
	if sub.ActionURL != "" { // nothing has failed: the bank asks whether it was them
		l.owe("payment_action", sub.ID, since, &ends)
		return
	}
	l.remind("payment_failed", sub.ID, since, ends)
}

func (l *life) withoutSubscription(waits bool) {
	a := &l.account
	if a.TrialEndsAt == nil {
		a.Status, l.wanted = Unpaid, Stop
		return
	}
	over := *a.TrialEndsAt
	if waits || l.now.Before(over) {
		a.Status, l.wanted = Trial, Run
		if waits {
			l.again(l.now.Add(time.Hour)) // it begins with the slice, which moves its end
			return
		}
		l.again(over)
		if warn := over.Add(-trialWarning); l.now.Before(warn) {
			l.again(warn)
		} else {
			l.owe("trial_ends", "", over, &over)
		}
		return
	}
	ends := over.Add(l.terms.Grace)
	if l.now.Before(ends) {
		a.Status, l.wanted, a.GraceEndsAt = PastDue, Run, &ends
		l.again(ends)
		l.remind("trial_over", "", over, ends)
		return
	}
	l.cancelled("", ends)
}

// cancelled is somebody for whom nothing is paid since then.
func (l *life) cancelled(subscription string, since time.Time) {
	a := &l.account
	destroyed := since.Add(l.terms.Retention)
	a.Status, a.CancelledAt, a.DeleteAfter = Cancelled, &since, &destroyed
	warn := destroyed.Add(-deleteWarning)
	switch {
	case !l.now.Before(destroyed):
		l.wanted = Destroy
		return
	case l.now.Before(warn):
		l.again(warn)
		l.owe("ended", subscription, since, &destroyed)
	default:
		l.owe("deleted_soon", subscription, since, &destroyed)
	}
	l.wanted = Stop
	l.again(destroyed)
}

// remind owes the newest of the mails that are due: who was not told in time is told once.
func (l *life) remind(kind, subject string, since, ends time.Time) {
	due := -1
	for i, sevenths := range dunning {
		at := since.Add(l.terms.Grace * time.Duration(sevenths) / 7)
		if l.now.Before(at) {
			l.again(at)
			break
		}
		due = i
	}
	if due < 0 {
		return // by Stripe's clock it is not time yet
	}
	l.mails = append(l.mails, Mail{Kind: kind, Once: once(kind, subject, since, due), At: &ends, Last: due == len(dunning)-1})
}

func (l *life) owe(kind, subject string, since time.Time, at *time.Time) {
	l.mails = append(l.mails, Mail{Kind: kind, Once: once(kind, subject, since, 0), At: at})
}

// again keeps the soonest of the times at which something may be different.
func (l *life) again(at time.Time) {
	if at.After(l.now) && (l.account.SettleAt == nil || at.Before(*l.account.SettleAt)) {
		l.account.SettleAt = &at
	}
}

func once(kind, subject string, since time.Time, n int) string {
	return fmt.Sprintf("%s:%s:%d:%d", kind, subject, since.Unix(), n)
}
