package reclaim

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Functions tell on this channel whose slice is about to be used: "12 login".
const wantedChannel = "slice_wanted"

// Listen calls wake for every slice that functions say is wanted, until ctx ends. What is told while
// Postgres is away is lost: that slice wakes by its traffic.
func Listen(ctx context.Context, pool *pgxpool.Pool, wake func(ctx context.Context, slice int64, cause string)) {
	for wait := time.Duration(0); ctx.Err() == nil; wait = min(2*wait+50*time.Millisecond, 5*time.Second) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		listened, err := listenOnce(ctx, pool, wake)
		if listened {
			wait = 0
		}
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "not told which slices are wanted: they wake by their traffic", "error", err.Error())
		}
	}
}

func listenOnce(ctx context.Context, pool *pgxpool.Pool, wake func(context.Context, int64, string)) (listened bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+wantedChannel); err != nil {
		return false, err
	}
	for {
		told, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		id, cause, _ := strings.Cut(told.Payload, " ")
		if slice, err := strconv.ParseInt(id, 10, 64); err == nil {
			wake(ctx, slice, cause)
		}
	}
}
