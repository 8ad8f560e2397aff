package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
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
	return river.InsertOpts{MaxAttempts: 20, UniqueOpts: onceEach}
}

// SettleAccount settles one account.
type SettleAccount struct {
	river.WorkerDefaults[SettleAccountArgs]
	Settler *Settler
}

// NextRetry tries again soon: somebody may wait for what they have paid, and tend_accounts orders the
// job anew should it run out of attempts.
func (w *SettleAccount) NextRetry(job *river.Job[SettleAccountArgs]) time.Time {
	return soon(job.Attempt)
}

// Work settles it.
func (w *SettleAccount) Work(ctx context.Context, job *river.Job[SettleAccountArgs]) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	if err := w.Settler.Settle(ctx, client, job.Args.User); err != nil {
		return fmt.Errorf("settle account %d: %w", job.Args.User, err)
	}
	return nil
}
