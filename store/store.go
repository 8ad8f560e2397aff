// Package store is the gateway's rows: the queries in *.sql and the code that sqlc makes of
// them. Rules about when a row may change live with whoever asks; nothing here starts a
// transaction, enqueues a job or reads a clock.
package store

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Open connects to the database at url with at most maxConns connections (zero: pgx's
// default, four or the number of cores) and looks whether it answers.
func Open(ctx context.Context, url string, maxConns int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx names the URL without its password.
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if maxConns > 0 {
		config.MaxConns = int32(maxConns)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return pool, nil
}

// IsNone says that a :one query found no row.
func IsNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// IsDuplicate says that a row with the same unique value was there already.
func IsDuplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
