package schemas_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"slicegate/migrations"
	"slicegate/runner/schemas"
	"slicegate/store"
	"slicegate/store/storetest"
)

// setup gives the hand on the test cluster's own database `slices`, and an id nobody else has.
func setup(t *testing.T) (*schemas.Schemas, int64, string) {
	t.Helper()
	t.Parallel()
	db := storetest.New(t)
	slice, err := store.New(db.Pool).CreateSlice(context.Background(), store.CreateSliceParams{Server: db.Server(t), Image: "none"})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &schemas.Schemas{Pool: storetest.Slices(t), Key: [32]byte{7}}
	t.Cleanup(func() {
		if err := s.Drop(context.Background(), slice.ID); err != nil {
			t.Error(err)
		}
	})
	return s, slice.ID, config.Host
}

// asSlice connects as the slice would, from outside its container.
func asSlice(t *testing.T, address, socketDir, database string) (*pgx.Conn, error) {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := parsed.User.Password()
	return pgx.Connect(context.Background(), storetest.URL(socketDir, parsed.User.Username(), password, database))
}

func TestEnsureTwiceAndDropTwice(t *testing.T) {
	s, slice, sockets := setup(t)
	ctx := context.Background()
	first, err := s.Ensure(ctx, slice)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := asSlice(t, first, sockets, migrations.DatabaseSlices)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "INSERT INTO contacts (id, name) VALUES ('1@c.us', 'Ann')"); err != nil {
		t.Fatal(err)
	}
	second, err := s.Ensure(ctx, slice)
	if err != nil || first != second {
		t.Errorf("the second time: %v, the same address: %v", err, first == second)
	}
	var contacts int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM contacts").Scan(&contacts); err != nil || contacts != 1 {
		t.Errorf("after the second time: %d contacts, %v", contacts, err)
	}
	// A slice that is connected does not keep its data from being dropped.
	for range 2 {
		if err := s.Drop(ctx, slice); err != nil {
			t.Error(err)
		}
	}
	if conn, err := asSlice(t, first, sockets, migrations.DatabaseSlices); err == nil {
		_ = conn.Close(ctx)
		t.Error("the role is still there")
	}
}

func TestTwoAtOnce(t *testing.T) {
	s, slice, _ := setup(t)
	failures := make(chan error, 3)
	for range cap(failures) {
		go func() { _, err := s.Ensure(context.Background(), slice); failures <- err }()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func TestASliceHasNothingButItsSchema(t *testing.T) {
	s, slice, sockets := setup(t)
	neighbour := slice + 1 // ids of tests are a thousand apart
	t.Cleanup(func() {
		if err := s.Drop(context.Background(), neighbour); err != nil {
			t.Error(err)
		}
	})
	ctx := context.Background()
	address, err := s.Ensure(ctx, slice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ensure(ctx, neighbour); err != nil {
		t.Fatal(err)
	}
	if conn, err := asSlice(t, address, sockets, migrations.DatabaseGateway); err == nil {
		_ = conn.Close(ctx)
		t.Error("a slice may connect to the gateway's database")
	}
	conn, err := asSlice(t, address, sockets, migrations.DatabaseSlices)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	theirs := fmt.Sprintf("slice_%d", neighbour)
	for _, statement := range []string{
		"SELECT * FROM " + theirs + ".messages",
		"SET ROLE " + theirs,
		"SET ROLE slicegate",
		"CREATE SCHEMA mine",
		"CREATE TABLE public.mine (n int)",
		"SELECT rolpassword FROM pg_authid",
		"COPY (SELECT 1) TO PROGRAM 'true'",
		"COPY (SELECT 1) TO '/tmp/x'",
		"COPY (SELECT 1) FROM PROGRAM 'true'",
		"SELECT pg_read_file('/etc/passwd')",
		"SELECT pg_ls_dir('.')",
		"SELECT passwd FROM pg_shadow",
		"CREATE TEMP TABLE mine (n int)",
		"CREATE EXTENSION dblink",
		"CREATE FUNCTION mine() RETURNS int LANGUAGE c AS 'x'",
		"SELECT pg_advisory_lock(1)",
		"SELECT pg_try_advisory_xact_lock(1, 1)",
		"SET temp_file_limit = -1",
		"ALTER ROLE CURRENT_USER SET temp_file_limit = -1",
		"ALTER ROLE " + theirs + " PASSWORD 'x'",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS DISTINCT FROM current_user",
		"SELECT lo_import('/etc/passwd')",
		"ALTER SYSTEM SET log_statement = 'none'",
		"SELECT pg_reload_conf()",
		"SELECT lo_create(0)",
		"CREATE ROLE mine",
		"ALTER ROLE CURRENT_USER CONNECTION LIMIT 100",
	} {
		if _, err := conn.Exec(ctx, statement); err == nil {
			t.Errorf("a slice may: %s", statement)
		}
	}
	var seen int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename <> current_user AND query <> '<insufficient privilege>' AND query <> ''").Scan(&seen); err != nil || seen > 0 {
		t.Errorf("a slice sees %d others' queries, %v", seen, err)
	}
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stats WHERE schemaname = $1", theirs).Scan(&seen); err != nil || seen > 0 {
		t.Errorf("a slice sees %d of its neighbour's statistics, %v", seen, err)
	}
	// What it makes there for the moment has an end.
	if _, err := conn.Exec(ctx, "SELECT count(*) FROM (SELECT repeat('x', 1000) || n AS x FROM generate_series(1, 1000000) n ORDER BY 1) big"); err == nil || !strings.Contains(err.Error(), "temp_file_limit") {
		t.Errorf("a slice may fill the disk with temporary files: %v", err)
	}
	for range schemas.ConnectionLimit - 1 {
		more, err := asSlice(t, address, sockets, migrations.DatabaseSlices)
		if err != nil {
			t.Fatal(err)
		}
		defer more.Close(ctx)
	}
	if more, err := asSlice(t, address, sockets, migrations.DatabaseSlices); err == nil {
		_ = more.Close(ctx)
		t.Error("a slice may have more connections than its limit")
	}
}
