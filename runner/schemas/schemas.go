// Package schemas is the runner's hand on the database `slices`: a role and a schema for
// each slice, made, migrated and dropped.
package schemas

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/jobs"
	"slicegate/migrations"
)

// ConnectionLimit is how many connections a slice's role may have: its pool has two, and a
// third lets it start before the last ones of a killed container have been noticed.
const ConnectionLimit = 3

// Schemas implements jobs.Schemas.
type Schemas struct {
	Pool *pgxpool.Pool // of the database slices, as the role that owns it
	Key  [32]byte      // passwords are derived from it, so that none is stored
}

var _ jobs.Schemas = (*Schemas)(nil)

// Ensure implements jobs.Schemas. The URL is the one inside the container.
func (s *Schemas) Ensure(ctx context.Context, slice int64) (string, error) {
	name := fmt.Sprintf("slice_%d", slice)
	err := s.as(ctx, name, func(conn *pgx.Conn) error {
		if err := ensureRole(ctx, conn, name, s.password(slice)); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s AUTHORIZATION %s", name, name)); err != nil {
			return err
		}
		if err := migrations.Slice(ctx, conn, name); err != nil {
			return err
		}
		return handOver(ctx, conn, name)
	})
	if err != nil {
		return "", fmt.Errorf("schema %s: %w", name, err)
	}
	address := url.URL{Scheme: "postgresql", User: url.UserPassword(name, s.password(slice)), Path: "/" + migrations.DatabaseSlices}
	return address.String() + "?host=/run/postgresql", nil
}

// Has implements jobs.Schemas.
func (s *Schemas) Has(ctx context.Context, slice int64) (there bool, err error) {
	err = s.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", fmt.Sprintf("slice_%d", slice)).Scan(&there)
	return there, err
}

// Each implements jobs.Schemas.
func (s *Schemas) Each(ctx context.Context) ([]int64, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT substr(name, 7)::bigint FROM (SELECT nspname AS name FROM pg_namespace UNION SELECT rolname FROM pg_roles) named
		WHERE name ~ '^slice_[0-9]{1,18}$' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Move implements jobs.Schemas. It is one transaction: the data is one slice's or the other's.
func (s *Schemas) Move(ctx context.Context, from, to int64) error {
	source, target := fmt.Sprintf("slice_%d", from), fmt.Sprintf("slice_%d", to)
	there, err := s.Has(ctx, from)
	if err != nil || !there {
		return err
	}
	// The role has its own data to drop, and is there before it owns any.
	if _, err := s.Ensure(ctx, to); err != nil {
		return err
	}
	err = s.as(ctx, source, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, statement := range []string{
				"DROP SCHEMA " + target + " CASCADE",
				"ALTER SCHEMA " + source + " RENAME TO " + target,
				"REASSIGN OWNED BY " + source + " TO " + target,
			} {
				if _, err := tx.Exec(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("move schema %s to %s: %w", source, target, err)
	}
	return nil
}

// Drop implements jobs.Schemas.
func (s *Schemas) Drop(ctx context.Context, slice int64) error {
	name := fmt.Sprintf("slice_%d", slice)
	err := s.as(ctx, name, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE"); err != nil {
			return err
		}
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&exists); err != nil || !exists {
			return err
		}
		// A run of Ensure that was cut off may not have made the role ours yet.
		for _, statement := range []string{"GRANT " + name + " TO CURRENT_USER", "DROP OWNED BY " + name, "DROP ROLE " + name} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	return nil
}

// as runs do on a connection of its own: it changes role, which a pool must not inherit. An
// advisory lock keeps two runs for one slice apart, so that neither sees the other half done.
func (s *Schemas) as(ctx context.Context, name string, do func(*pgx.Conn) error) error {
	config := s.Pool.Config().ConnConfig
	config.RuntimeParams["search_path"] = name // as the connection's own, it outlives the RESET ALL between migrations
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return err
	}
	return do(conn)
}

func ensureRole(ctx context.Context, conn *pgx.Conn, name, password string) error {
	_, err := conn.Exec(ctx, "CREATE ROLE "+name)
	var pg *pgconn.PgError
	if err != nil && !(errors.As(err, &pg) && pg.Code == "42710") { // duplicate_object
		return err
	}
	verifier, err := migrations.Verifier(password)
	if err != nil {
		return err
	}
	// Utility statements take no parameters; a verifier is base64, digits, $ and colons.
	_, err = conn.Exec(ctx, fmt.Sprintf(`
		ALTER ROLE %[1]s LOGIN CONNECTION LIMIT %[2]d PASSWORD '%[3]s';
		GRANT %[4]s TO %[1]s;
		GRANT %[1]s TO CURRENT_USER;
		ALTER ROLE %[1]s SET search_path = %[1]s;
		ALTER ROLE %[1]s SET statement_timeout = '60s';
		ALTER ROLE %[1]s SET temp_file_limit = '256MB';
		ALTER ROLE %[1]s SET idle_in_transaction_session_timeout = '60s'`,
		name, ConnectionLimit, verifier, migrations.RoleSlices))
	return err
}

// handOver makes the slice the owner of what the migrations made.
func handOver(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(`DO $$ DECLARE made regclass; BEGIN
		FOR made IN SELECT oid FROM pg_class WHERE relnamespace = '%[1]s'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND relowner <> '%[1]s'::regrole LOOP
			EXECUTE format('ALTER TABLE %%s OWNER TO %[1]s', made);
		END LOOP;
	END $$`, name))
	return err
}

func (s *Schemas) password(slice int64) string {
	mac := hmac.New(sha256.New, s.Key[:])
	fmt.Fprintf(mac, "slice role %d", slice)
	return hex.EncodeToString(mac.Sum(nil))
}
