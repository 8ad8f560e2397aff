// Package billing says what follows for an account from what is paid: one pure function from what
// Stripe says, what the account's row has and the time, to the row as it has to be, what is to
// become of the slice, and which mails are owed.
package billing

import "time"

// Status is where an account stands.
type Status string

// The statuses, as they are in users.subscription_status.
const (
	Trial     Status = "trial"     // it runs without having paid
	Unpaid    Status = "unpaid"    // registered; Checkout comes first
	Active    Status = "active"    // paid
	PastDue   Status = "past_due"  // a payment has failed, or the trial is over: grace, then stopped
	Cancelled Status = "cancelled" // nothing is paid for any more: stopped, then destroyed
)

// Subscription is what Stripe says of a customer's subscription now. Of several it is the one that
// gives them most: one that runs before one that has ended.
type Subscription struct {
	ID        string
	Status    string     // Stripe's: "trialing", "active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "paused"
	PaidUntil time.Time  // the end of its period
	EndsAt    *time.Time // it is cancelled, and ends then
	EndedAt   *time.Time // it has ended
	FailedAt  *time.Time // when the newest invoice, which is not paid, was due; nil: it is paid
	// Where the user has to confirm a payment (SCA); empty: there is none to be confirmed.
	ActionURL  string
	Discounted bool // a coupon makes it cheaper now
	StorageGB  int  // bought beside what is included
	Monthly    Monthly
}

// Monthly is what a subscription brings in a month, in the smallest unit of its currency. What is paid by the year, or the
// week, is so much of a month; a discount counts for as long as it holds, and one that is for a single invoice does not.
type Monthly struct {
	Price    int64  // with storage, less the discount; 0 while nothing is charged
	Storage  int64  // before the discount
	Discount int64  // taken off
	Currency string // "usd"; empty: nothing is subscribed
}

// Account is an account's row, as far as billing reads and writes it.
type Account struct {
	Status       Status
	TrialEndsAt  *time.Time
	Subscription string // the newest that was ever read; empty: none
	PaidUntil    *time.Time
	EndsAt       *time.Time
	Discounted   bool
	StorageGB    int
	ActionURL    string
	Monthly      Monthly
	GraceEndsAt  *time.Time
	CancelledAt  *time.Time
	DeleteAfter  *time.Time
	GraceUntil   *time.Time // an operator lets it run until then although a payment has failed
	HeldAt       *time.Time // a payment is disputed, or seems stolen; set and cleared by who reads the disputes
	SettleAt     *time.Time // when time alone changes something next
}

// Terms are what is the same for all accounts.
type Terms struct {
	Grace     time.Duration // from a failed payment until the slice is stopped
	Retention time.Duration // from the end of what is paid until everything is destroyed
}

// Wanted is what is to become of an account's slice.
type Wanted string

// What may become of a slice.
const (
	Run     Wanted = "run"     // there is one and it runs; whoever has none waits for one
	Stop    Wanted = "stop"    // if there is one it is stopped, and its data kept
	Destroy Wanted = "destroy" // there is none
)

// Mail is one that an account is owed: once for each Once.
type Mail struct {
	Kind string // of gateway.emails
	Once string // with the user, what it is about: whoever finds it again owes it no second time
	// The time that it speaks of: the end of the trial or the grace, the day of the deletion.
	At   *time.Time
	Last bool // of several alike
}
