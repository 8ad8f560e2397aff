// Package migrations holds every schema of the system and the code that applies them:
// the cluster's roles and databases (Bootstrap), the gateway's schema and River's
// (Gateway), and the schema of one slice (Slice). Nothing here changes data.
package migrations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// RiverSchema is the schema, beside gateway, that River keeps its tables in.
const RiverSchema = "river"

//go:embed gateway/*.sql slice/*.sql
var files embed.FS

// Gateway brings the database behind pool to the newest gateway and River schemas,
// from nothing or from any earlier version. Two at once wait for each other (tern
// takes an advisory lock).
func Gateway(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrate gateway: %w", err)
	}
	defer conn.Release()
	if err := apply(ctx, conn.Conn(), "gateway", "public.gateway_version"); err != nil {
		return fmt.Errorf("migrate gateway: %w", err)
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+RiverSchema); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema})
	if err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	return nil
}

// Newest tells whether the database behind pool has the schemas that this program was built with; else
// the error says who is behind.
func Newest(ctx context.Context, pool *pgxpool.Pool) error {
	const migrate = "run `runner migrate`"
	names, err := fs.Glob(files, "gateway/*.sql")
	if err != nil {
		return err
	}
	have, known := 0, len(names) // they are numbered without a gap
	err = pool.QueryRow(ctx, "SELECT gateway.schema_version()").Scan(&have)
	switch {
	case isCode(err, "42883") || isCode(err, "3F000"): // no such function, or schema
		return fmt.Errorf("the gateway's schema is older than this program, which needs version %d: %s", known, migrate)
	case err != nil:
		return fmt.Errorf("version of the gateway's schema: %w", err)
	case have < known:
		return fmt.Errorf("the gateway's schema is at version %d, and this program needs %d: %s", have, known, migrate)
	case have > known:
		return fmt.Errorf("the gateway's schema is at version %d, and this program knows %d: start its newer build", have, known)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema})
	if err != nil {
		return fmt.Errorf("version of River's schema: %w", err)
	}
	found, err := migrator.Validate(ctx, nil)
	if err != nil {
		return fmt.Errorf("version of River's schema: %w", err)
	}
	if !found.OK {
		return fmt.Errorf("the jobs' schema (River's) is older than this program (%s): %s", strings.Join(found.Messages, "; "), migrate)
	}
	return nil
}

// Slice brings one slice's schema to the newest version. The connection must have the
// slice's schema first in its search_path. What it makes belongs to the connection's role; the
// version table lives beside it.
func Slice(ctx context.Context, conn *pgx.Conn, schema string) error {
	version := pgx.Identifier{schema}.Sanitize() + ".schema_version"
	if err := apply(ctx, conn, "slice", version); err != nil {
		return fmt.Errorf("migrate %s: %w", schema, err)
	}
	return nil
}

func apply(ctx context.Context, conn *pgx.Conn, dir, versionTable string) error {
	migrator, err := migrate.NewMigrator(ctx, conn, versionTable)
	if err != nil {
		return err
	}
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return err
	}
	if err := migrator.LoadMigrations(sub); err != nil {
		return err
	}
	return migrator.Migrate(ctx)
}

// Files are the schemas as they are embedded, for those who need to know whether they changed.
func Files() fs.FS { return files }
