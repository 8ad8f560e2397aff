// Package storetest gives each test a gateway database of its own, cloned from a migrated
// template in milliseconds, on the real Postgres that TEST_POSTGRES_URL names.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/migrations"
	"slicegate/store"
)

// Missing is what to do about an unset variable of the test environment.
const Missing = "%s is not set: run the tests by `make test`, or keep their environment up with `make test-env`"

// RunnerPassword is the password of role slicegate in the test cluster.
const RunnerPassword = "runner"

// Database is one test's own.
type Database struct {
	URL  string // as a superuser
	Pool *pgxpool.Pool
}

// New clones a migrated gateway database and drops it when the test ends. Ids of slices
// begin at a random number, since their roles, schemas and containers are named by it and
// shared by all tests that run at the same time.
func New(t testing.TB) Database {
	t.Helper()
	ctx := context.Background()
	template, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + random(t)
	admin(t, "CREATE DATABASE "+name+" TEMPLATE "+template+" OWNER "+migrations.RoleRunner)
	url := OnDatabase(t, name)
	pool, err := store.Open(ctx, url, 40)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		admin(t, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	first, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, fmt.Sprintf("ALTER SEQUENCE gateway.slices_id_seq RESTART WITH %d", 1000*(1+first.Int64()))); err != nil {
		t.Fatal(err)
	}
	return Database{url, pool}
}

// OnDatabase is the superuser's URL of another database of the test cluster.
func OnDatabase(t testing.TB, database string) string {
	t.Helper()
	config, err := pgx.ParseConfig(superuser())
	if err != nil {
		t.Fatalf("TEST_POSTGRES_URL: %v", err)
	}
	return URL(config.Host, config.User, config.Password, database)
}

// URL writes the address of a database behind a Unix socket.
func URL(socketDir, user, password, database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=%s&password=%s", database, socketDir, user, password)
}

// Server registers a server and gives its name.
func (d Database) Server(t testing.TB) string {
	t.Helper()
	if err := store.New(d.Pool).RegisterServer(context.Background(), store.RegisterServerParams{Name: "test", ConfiguredImage: "whatsapp-slice:test"}); err != nil {
		t.Fatal(err)
	}
	return "test"
}

func superuser() string { return os.Getenv("TEST_POSTGRES_URL") }

// prepare makes the cluster's roles and the template, once for each state of the migrations:
// the template's name holds their digest. Test binaries run at the same time, so it is done
// under an advisory lock.
var prepare = sync.OnceValues(func() (string, error) {
	ctx := context.Background()
	if superuser() == "" {
		return "", fmt.Errorf(Missing, "TEST_POSTGRES_URL")
	}
	conn, err := pgx.Connect(ctx, superuser())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended('storetest', 0))"); err != nil {
		return "", err
	}
	digest, err := digestOfMigrations()
	if err != nil {
		return "", err
	}
	template := "template_" + digest
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template).Scan(&exists); err != nil || exists {
		return template, err
	}
	if err := migrations.Bootstrap(ctx, superuser(), migrations.Passwords{Runner: RunnerPassword, Functions: "functions"}); err != nil {
		return "", err
	}
	return template, makeTemplate(ctx, conn, template)
})

func makeTemplate(ctx context.Context, conn *pgx.Conn, template string) error {
	making := template + "_making"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + making, "CREATE DATABASE " + making} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	config, err := pgxpool.ParseConfig(superuser())
	if err != nil {
		return err
	}
	config.ConnConfig.Database = making
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	err = migrations.Gateway(ctx, pool)
	pool.Close()
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+template)
	return err
}

func digestOfMigrations() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(migrations.Files(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(migrations.Files(), path)
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

func admin(t testing.TB, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, superuser())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func random(t testing.TB) string {
	t.Helper()
	raw := make([]byte, 8)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

// Slices connects to the test cluster's database `slices` as the runner does.
func Slices(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := store.Open(context.Background(), SlicesURL(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// SlicesURL is the address of the test cluster's database `slices` for the runner's role.
func SlicesURL(t testing.TB) string {
	t.Helper()
	if _, err := prepare(); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(superuser())
	if err != nil {
		t.Fatal(err)
	}
	return URL(config.Host, migrations.RoleRunner, RunnerPassword, migrations.DatabaseSlices)
}
