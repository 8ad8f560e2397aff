package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// TendPartitionsArgs asks for the time series' partitions of the next days to be made, and for those
// that have been kept long enough to be dropped.
type TendPartitionsArgs struct{}

// Kind names the job.
func (TendPartitionsArgs) Kind() string { return "tend_partitions" }

// InsertOpts keeps one unfinished job.
func (TendPartitionsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: onceEach}
}

// TendPartitions does that. While it fails, new rows go to the default partitions.
type TendPartitions struct {
	river.WorkerDefaults[TendPartitionsArgs]
	Pool  *pgxpool.Pool
	Clock Clock
}

// Work has Postgres do it, in one transaction.
func (w *TendPartitions) Work(ctx context.Context, _ *river.Job[TendPartitionsArgs]) error {
	tended, err := store.New(w.Pool).TendPartitions(ctx, w.Clock())
	if err != nil {
		return fmt.Errorf("tend partitions: %w", err)
	}
	slog.InfoContext(ctx, "partitions of telemetry are tended", "made", tended.Made, "dropped", tended.Dropped)
	return nil
}
