package migrations_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

func TestGatewayTwiceAndByTwoAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	failures := make(chan error, 2)
	for range 2 {
		go func() { failures <- migrations.Gateway(context.Background(), db.Pool) }()
	}
	for range 2 {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func TestFunctionsMayReadAndWriteAndNoMore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	if err := migrations.Bootstrap(ctx, db.URL, migrations.Passwords{Runner: storetest.RunnerPassword, Functions: "functions"}); err != nil {
		t.Fatal(err)
	}
	// The real databases of the cluster, migrated by the role that does it in production.
	config, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := store.Open(ctx, storetest.URL(config.Host, migrations.RoleRunner, storetest.RunnerPassword, migrations.DatabaseGateway), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	if err := migrations.Gateway(ctx, runner); err != nil {
		t.Fatal(err)
	}
	// Functions ask whether the schema is the one that they know.
	asking, err := store.Open(ctx, storetest.URL(config.Host, migrations.RoleFunctions, "functions", migrations.DatabaseGateway), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer asking.Close()
	if err := migrations.Newest(ctx, asking); err != nil {
		t.Error(err)
	}
	functions, err := pgx.Connect(ctx, storetest.URL(config.Host, migrations.RoleFunctions, "functions", migrations.DatabaseGateway))
	if err != nil {
		t.Fatal(err)
	}
	defer functions.Close(ctx)
	for statement, refusal := range map[string]string{
		"INSERT INTO gateway.servers (name) VALUES ('grant-test') ON CONFLICT DO NOTHING": "",
		"SELECT count(*) FROM river.river_job":                                            "",
		"SELECT gateway.schema_version()":                                                 "",
		"UPDATE public.gateway_version SET version = 1":                                   "permission denied",
		"DROP TABLE gateway.users":                                                        "must be owner",
		"CREATE TABLE gateway.mine (n int)":                                               "permission denied",
		"CREATE ROLE mine":                                                                "permission denied",
	} {
		_, err := functions.Exec(ctx, statement)
		switch {
		case refusal == "" && err != nil:
			t.Errorf("%s: %v", statement, err)
		case refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal)):
			t.Errorf("%s: got %v, want a refusal with %q", statement, err, refusal)
		}
	}
	if _, err := pgx.Connect(ctx, storetest.URL(config.Host, migrations.RoleFunctions, "functions", migrations.DatabaseSlices)); err == nil {
		t.Error("functions may connect to the slices' database")
	}
}

func TestAnotherSchemaThanTheProgramsIsTold(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	for _, test := range []struct{ change, says string }{
		{"SELECT", ""},
		{"UPDATE public.gateway_version SET version = version + 1", "start its newer build"},
		{"UPDATE public.gateway_version SET version = version - 2", "run `runner migrate`"},
		{"UPDATE public.gateway_version SET version = version + 1", ""},
		{"DELETE FROM river.river_migration WHERE version = (SELECT max(version) FROM river.river_migration)", "(River's) is older"},
		{"DROP FUNCTION gateway.schema_version", "is older than this program"},
		{"DROP SCHEMA gateway CASCADE", "is older than this program"},
	} {
		if _, err := db.Pool.Exec(ctx, test.change); err != nil {
			t.Fatalf("%s: %v", test.change, err)
		}
		err := migrations.Newest(ctx, db.Pool)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("after %s: %v, want %q", test.change, err, test.says)
		}
	}
}
