package reclaim

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/store"
)

// Functions tell on this channel whose slice is about to be used: "12 login".
const wantedChannel = "slice_wanted"

// Listen calls wake for every slice that functions say is wanted, until ctx ends. What is told while
// Postgres is away is lost: that slice wakes by its traffic.
func Listen(ctx context.Context, pool *pgxpool.Pool, wake func(ctx context.Context, slice int64, cause string)) {
	store.Listener{
		Pool: pool, Channels: []string{wantedChannel},
		Told: func(ctx context.Context, _, payload string) {
			id, cause, _ := strings.Cut(payload, " ")
			if slice, err := strconv.ParseInt(id, 10, 64); err == nil {
				wake(ctx, slice, cause)
			}
		},
		Lost: func(ctx context.Context, err error) {
			slog.WarnContext(ctx, "not told which slices are wanted: they wake by their traffic", "error", err.Error())
		},
	}.Run(ctx)
}
