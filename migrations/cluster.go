package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The roles and databases of a cluster.
const (
	RoleRunner    = "slicegate"           // owns both databases, makes slice roles
	RoleFunctions = "slicegate_functions" // reads and writes rows, changes no schema
	RoleSlices    = "slice"               // every slice_N is a member: what pg_hba.conf lets into `slices`

	DatabaseGateway = "slicegate"
	DatabaseSlices  = "slices"
)

// Passwords are those of the two roles that the system's own processes log in with.
type Passwords struct{ Runner, Functions string }

// Bootstrap makes the cluster's roles and the two databases, as a superuser. It may be
// run again at any time: it sets the passwords anew and adds what is missing.
func Bootstrap(ctx context.Context, superuserURL string, passwords Passwords) error {
	err := onDatabase(ctx, superuserURL, "postgres", func(conn *pgx.Conn) error {
		// Two at once would fail with "tuple concurrently updated". The lock goes with the connection.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended('bootstrap', 0))"); err != nil {
			return err
		}
		if err := cluster(ctx, conn, passwords); err != nil {
			return err
		}
		return databases(ctx, superuserURL)
	})
	if err != nil {
		return fmt.Errorf("bootstrap cluster: %w", err)
	}
	return nil
}

// databases sets what may be done in each of the two.
func databases(ctx context.Context, superuserURL string) error {
	for database, statements := range map[string][]string{
		DatabaseGateway: {
			"REVOKE ALL ON SCHEMA public FROM PUBLIC",
			// What the runner's migrations create, functions may read and write, and no more.
			"ALTER DEFAULT PRIVILEGES FOR ROLE slicegate GRANT USAGE ON SCHEMAS TO slicegate_functions",
			"ALTER DEFAULT PRIVILEGES FOR ROLE slicegate GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO slicegate_functions",
			"ALTER DEFAULT PRIVILEGES FOR ROLE slicegate GRANT USAGE ON SEQUENCES TO slicegate_functions",
		},
		DatabaseSlices: {
			"REVOKE ALL ON SCHEMA public FROM PUBLIC",
			// LISTEN/NOTIFY and large objects are shared by a whole database; slices have no use for the latter.
			"REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC",
			// So are advisory locks: with the right number a slice would keep the runner from every other one.
			`DO $$ DECLARE f regprocedure; BEGIN
				FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^pg_(try_)?advisory' AND pronamespace = 'pg_catalog'::regnamespace LOOP
					EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
					EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO slicegate', f);
				END LOOP;
			END $$`,
		},
	} {
		if err := onDatabase(ctx, superuserURL, database, func(conn *pgx.Conn) error {
			return execAll(ctx, conn, statements)
		}); err != nil {
			return fmt.Errorf("database %s: %w", database, err)
		}
	}
	return nil
}

func cluster(ctx context.Context, conn *pgx.Conn, passwords Passwords) error {
	for _, role := range []struct{ name, options, password string }{
		{RoleRunner, "LOGIN CREATEROLE", passwords.Runner},
		{RoleFunctions, "LOGIN", passwords.Functions},
		{RoleSlices, "NOLOGIN", ""},
	} {
		if err := ensureRole(ctx, conn, role.name, role.options, role.password); err != nil {
			return err
		}
	}
	// Since Postgres 16 a role hands out only memberships it administers.
	if err := execAll(ctx, conn, []string{"GRANT slice TO slicegate WITH ADMIN OPTION"}); err != nil {
		return err
	}
	for _, database := range []string{DatabaseGateway, DatabaseSlices} {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+database+" OWNER "+RoleRunner)
		if err != nil && !isCode(err, "42P04") { // duplicate_database
			return err
		}
		if err := execAll(ctx, conn, []string{"REVOKE ALL ON DATABASE " + database + " FROM PUBLIC"}); err != nil {
			return err
		}
	}
	return execAll(ctx, conn, []string{
		"GRANT CONNECT ON DATABASE slicegate TO slicegate_functions",
		"GRANT CONNECT ON DATABASE slices TO slice",
		// The runner sets it for each slice, which then cannot set it back.
		"GRANT SET ON PARAMETER temp_file_limit TO slicegate",
	})
}

func ensureRole(ctx context.Context, conn *pgx.Conn, name, options, password string) error {
	_, err := conn.Exec(ctx, "CREATE ROLE "+name+" "+options)
	if err != nil && !isCode(err, "42710") { // duplicate_object
		return err
	}
	if password == "" {
		return nil
	}
	verifier, err := Verifier(password)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER ROLE "+name+" "+options+" PASSWORD "+quote(verifier))
	return err
}

func onDatabase(ctx context.Context, url, database string, do func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	config.Database = database
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

func execAll(ctx context.Context, conn *pgx.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// quote makes a literal of text that holds no backslash (a SCRAM verifier): utility
// statements such as ALTER ROLE take no parameters.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func isCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}
