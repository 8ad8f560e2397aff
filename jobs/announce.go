package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/store"
)

// Announce writes down what a server is, as a runner does at its start. Each sample does so again.
func Announce(ctx context.Context, pool *pgxpool.Pool, hands Hands, server string, now time.Time) error {
	usage, err := hands.Gauges.Server()
	if err != nil {
		return fmt.Errorf("announce server %s: %w", server, err)
	}
	versions, err := hands.Software.Versions(ctx)
	if err != nil {
		return fmt.Errorf("announce server %s: %w", server, err)
	}
	return announce(ctx, store.New(pool), server, usage, versions, now)
}

func announce(ctx context.Context, queries *store.Queries, server string, usage ServerUsage, versions Versions, now time.Time) error {
	if err := queries.AnnounceServer(ctx, store.AnnounceServerParams{
		Name: server, BootedAt: usage.Started, Cores: int32(usage.Cores), Now: now,
		Kernel: versions.Kernel, EngineVersion: versions.Engine, RunnerVersion: versions.Runner,
	}); err != nil {
		return fmt.Errorf("announce server %s: %w", server, err)
	}
	return nil
}
