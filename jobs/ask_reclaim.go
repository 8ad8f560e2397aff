package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/store"
)

// A page that is open is heard of every 25 s. Figures of who was there come every SAMPLE_EVERY: this refuses
// what is known already; the runner sees every packet, and looks before each step.
const userThere = time.Minute

// AskReclaim writes into a slice's row that it is to be pushed out now, and into the audit. The runner of its
// server takes it in its usual steps, unless its user comes.
func AskReclaim(ctx context.Context, tx pgx.Tx, slice int64, actor string, now time.Time) error {
	queries := store.New(tx)
	_, err := queries.AskReclaim(ctx, store.AskReclaimParams{ID: slice, Now: now, ThereSince: now.Add(-userThere)})
	if err == nil {
		return queries.RecordSlice(ctx, actor, "slice.reclaim-now", slice, nil)
	}
	if !store.IsNone(err) {
		return fmt.Errorf("reclaim slice %d: %w", slice, err)
	}
	why, err := queries.WhyNotReclaim(ctx, slice)
	switch {
	case store.IsNone(err):
		return fmt.Errorf("%w: there is no slice %d", ErrRefused, slice)
	case err != nil:
		return fmt.Errorf("reclaim slice %d: %w", slice, err)
	case why.Status != "available" && why.Status != "assigned":
		return fmt.Errorf("%w: slice %d is %s; only what runs has memory to reclaim", ErrRefused, slice, why.Status)
	case why.ReclaimPaused:
		return fmt.Errorf("%w: slice %d is exempt from reclaim; end that first", ErrRefused, slice)
	case why.ServerPaused:
		return fmt.Errorf("%w: reclaim is paused on all of %s; end that first", ErrRefused, why.Server)
	default:
		return fmt.Errorf("%w: the user of slice %d is there, or was within the last minute; nothing is taken during a session", ErrRefused, slice)
	}
}
