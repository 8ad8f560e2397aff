package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// CheckWallsArgs asks for a server's firewall to be looked at.
type CheckWallsArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (CheckWallsArgs) Kind() string { return "check_walls" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a CheckWallsArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// CheckWalls puts the firewall up again where somebody took it down or changed it, and says so:
// for as long as it was down, slices could reach what they must not.
type CheckWalls struct {
	river.WorkerDefaults[CheckWallsArgs]
	Pool  *pgxpool.Pool
	Hands Hands
}

// Work compares and repairs.
func (w *CheckWalls) Work(ctx context.Context, job *river.Job[CheckWallsArgs]) error {
	repaired, err := w.Hands.Walls.Ensure(ctx)
	if err != nil {
		return fmt.Errorf("check walls of %s: %w", job.Args.Server, err)
	}
	if len(repaired) == 0 {
		return nil
	}
	slog.ErrorContext(ctx, "somebody changed the firewall around the slices; it is up again", "server", job.Args.Server, "found", repaired)
	return store.New(w.Pool).RecordServer(ctx, "job:check_walls", "walls.repair", job.Args.Server, map[string]any{"found": repaired})
}
