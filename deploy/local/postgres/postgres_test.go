package postgres

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/process"
)

// config is of a cluster below a folder that is closed to its account, as one below /root is.
func config(t *testing.T) Config {
	t.Helper()
	who, err := account.Service("postgres", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	// A test's own temporary folder can be longer than a socket's path may be.
	dir, err := os.MkdirTemp("/tmp", "cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return Config{
		DataDir: filepath.Join(closed, "data"), Sockets: filepath.Join(dir, "platform"), SliceSockets: filepath.Join(dir, "slices"),
		Account: who, Password: "a/b:c@d e", Throwaway: true,
	}
}

func start(t *testing.T, c Config) *process.Group {
	t.Helper()
	group := process.NewGroup()
	t.Cleanup(group.Stop)
	if err := Start(t.Context(), group, c); err != nil {
		t.Fatal(err)
	}
	return group
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestAClusterSurvivesKill9(t *testing.T) {
	c := config(t)
	group := start(t, c)
	run(t, connect(t, c.SuperuserURL()), "CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('here')", "CHECKPOINT")

	for _, all := range []bool{false, true} {
		pids := c.orphans()
		if len(pids) == 0 {
			t.Fatal("no process of Postgres works in its data folder")
		}
		postmaster := pid(t, c)
		if !all {
			// Its children take the end of it a moment to see: the next start comes before.
			pids = []int{postmaster}
		}
		for _, one := range pids {
			if err := syscall.Kill(one, syscall.SIGKILL); err != nil && one == postmaster {
				t.Fatal(err)
			}
		}
		if err := <-group.Failed(); !strings.Contains(err.Error(), "postgres ended by itself") {
			t.Fatal(err)
		}
		group = start(t, c)
		var word string
		if err := connect(t, c.SuperuserURL()).QueryRow(t.Context(), "SELECT word FROM kept").Scan(&word); err != nil || word != "here" {
			t.Fatalf("got %q, %v", word, err)
		}
	}
}

func TestAnOrphanOfAKilledSystemIsEnded(t *testing.T) {
	c := config(t)
	first := start(t, c)
	before := pid(t, c)
	second := start(t, c) // as the next system does, which holds the folder's lock
	if after := pid(t, c); after == before {
		t.Fatal("the first server still has the folder")
	}
	if err := <-first.Failed(); err == nil {
		t.Fatal("the first group did not see its server end")
	}
	second.Stop()
	if left := c.orphans(); len(left) > 0 {
		t.Fatalf("processes %v are left", left)
	}
}

func TestAPidFileWithAnothersNumberDoesNotHinder(t *testing.T) {
	c := config(t)
	start(t, c).Stop()
	text := strconv.Itoa(os.Getpid()) + "\n" + c.DataDir + "\n0\n5432\n\n\n\n\n"
	if err := os.WriteFile(filepath.Join(c.DataDir, "postmaster.pid"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c)
}

func TestOnlyWhoMayComesIn(t *testing.T) {
	c := config(t)
	start(t, c)
	admin := connect(t, c.SuperuserURL())
	run(t, admin,
		"CREATE ROLE slicegate LOGIN PASSWORD 'runner'", "CREATE ROLE slicegate_functions LOGIN PASSWORD 'functions'",
		"CREATE ROLE slice NOLOGIN", "CREATE ROLE slice_1 LOGIN PASSWORD 'one' IN ROLE slice", "CREATE ROLE stranger LOGIN PASSWORD 'stranger'",
		"CREATE DATABASE slicegate", "CREATE DATABASE slices", "CREATE DATABASE other")
	// Whom pg_hba.conf lets in is asked, so the databases themselves let everybody in.
	for _, test := range []struct {
		role, password, database string
		in                       bool
	}{
		{"slicegate", "runner", "slicegate", true},
		{"slicegate", "runner", "slices", true},
		{"slicegate", "runner", "postgres", false},
		{"slicegate", "wrong", "slicegate", false},
		{"slicegate", "", "slicegate", false},
		{"slicegate_functions", "functions", "slicegate", true},
		{"slicegate_functions", "functions", "slices", false},
		{"slice_1", "one", "slices", true},
		{"slice_1", "one", "slicegate", false},
		{"slice_1", "one", "postgres", false},
		{"slice_1", "one", "other", false},
		{"stranger", "stranger", "other", false},
		{"postgres", "", "postgres", false},
	} {
		for _, sockets := range []string{c.Sockets, c.SliceSockets} {
			through := c
			through.Sockets = sockets
			conn, err := pgx.Connect(t.Context(), through.URL(test.role, test.password, test.database))
			if (err == nil) != test.in {
				t.Errorf("%s with %q into %s through %s: %v", test.role, test.password, test.database, filepath.Base(sockets), err)
			}
			if err == nil {
				conn.Close(t.Context())
			}
		}
	}
	var addresses, hashing, checksums string
	if err := admin.QueryRow(t.Context(), "SELECT current_setting('listen_addresses'), current_setting('password_encryption'), current_setting('data_checksums')").
		Scan(&addresses, &hashing, &checksums); err != nil || addresses != "" || hashing != "scram-sha-256" || checksums != "on" {
		t.Fatalf("listens on %q, hashes with %q, checksums %q, %v", addresses, hashing, checksums, err)
	}
}

func TestAnInterruptedInitdbIsBegunAnew(t *testing.T) {
	c := config(t)
	if err := c.Account.MakeDir(c.DataDir+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir+".new", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c)
	entries, err := os.ReadDir(filepath.Dir(c.DataDir))
	if err != nil || len(entries) != 1 {
		t.Fatalf("beside the cluster there are %v, %v", entries, err)
	}
}

func TestDataOfAnotherVersionIsNamedInWords(t *testing.T) {
	c := config(t)
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, "PG_VERSION"), []byte("7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Start(t.Context(), process.NewGroup(), c)
	if err == nil || !strings.Contains(err.Error(), "is of Postgres 7, which is not installed") {
		t.Fatalf("got %v", err)
	}
}

// pid is the server's, as its pid file has it.
func pid(t *testing.T, c Config) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.DataDir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	number, err := strconv.Atoi(first)
	if err != nil || !slices.Contains(c.orphans(), number) {
		t.Fatalf("pid file says %q (%v), in the folder work %v", first, err, c.orphans())
	}
	return number
}
