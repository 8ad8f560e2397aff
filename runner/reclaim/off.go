package reclaim

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"slicegate/store"
)

// Off stands in for a Controller on a server where nothing is reclaimed, until ctx ends: what operators ask to
// be pushed out is answered with why not, and does not stand there for ever.
func Off(ctx context.Context, rows Rows, server string, every time.Duration, why string) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := refuse(ctx, rows, server, why); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "operators are not told that nothing is pushed out", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func refuse(ctx context.Context, rows Rows, server, why string) error {
	wishes, err := rows.ReclaimWishes(ctx, server)
	for _, wish := range wishes {
		if wish.ReclaimAskedAt != nil {
			err = errors.Join(err, rows.EndAskedReclaim(ctx, store.EndAskedReclaimParams{ID: wish.ID, Asked: *wish.ReclaimAskedAt, Why: why}))
		}
	}
	return err
}
