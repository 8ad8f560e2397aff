// Package postgres runs a private Postgres cluster: Unix sockets only, passwords always,
// sized for a fleet of slices, under an account that is not root.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/process"
)

const (
	port      = 5432 // of the socket's name alone: nothing listens on a network
	superuser = "postgres"
)

// Config describes a cluster.
type Config struct {
	DataDir      string
	Sockets      string // folder of the platform's socket
	SliceSockets string // folder of the socket that is mounted into slices
	Account      account.Account
	Password     string // of the superuser
	Throwaway    bool   // no care for crashes of the machine: for tests
	Killed       bool   // with Throwaway: its processes will be killed, and what was committed must be there after
	AnyDatabase  bool   // with Throwaway: every role may try every database, for tests that make their own

	Line func(string) // gets the server's log lines
	Note func(string) // gets what initdb says
}

// Start makes the cluster if there is none, starts it as one of the group's services and
// returns when it answers.
func Start(ctx context.Context, group *process.Group, config Config) error {
	bin, err := config.programs()
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	for _, dir := range []string{config.Sockets, config.SliceSockets} {
		if err := config.Account.MakeDir(dir, 0o755); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
	}
	if err := config.create(ctx, bin); err != nil {
		return fmt.Errorf("postgres: make the cluster: %w", err)
	}
	if err := config.clear(ctx); err != nil {
		return fmt.Errorf("postgres: clear what a crash left: %w", err)
	}
	if err := config.writeFiles(); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	child, err := group.Start(process.Spec{
		Name: "postgres", Path: filepath.Join(bin, "postgres"), Args: []string{"-D", config.DataDir},
		Dir: "/", Account: &config.Account, ReadSearch: !config.Account.Reaches(config.DataDir),
		StopSignal: syscall.SIGINT, Grace: 30 * time.Second, // SIGINT: ends sessions; SIGTERM would wait for them
		Line: config.Line,
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return config.ready(ctx, child)
}

// URL is how a role reaches a database through the platform's socket.
func (c Config) URL(role, password, database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Path: "/" + database,
		RawQuery: url.Values{"host": {c.Sockets}}.Encode(),
	}).String()
}

// SuperuserURL is how the superuser reaches the cluster.
func (c Config) SuperuserURL() string { return c.URL(superuser, c.Password, "postgres") }

// programs is the folder of Postgres's programs: the newest on this machine for a new
// cluster, those of its own version for an old one.
func (c Config) programs() (string, error) {
	newest := packages.Postgres.Path()
	if newest == "" {
		return "", errors.New("no Postgres is installed")
	}
	if resolved, err := filepath.EvalSymlinks(newest); err == nil {
		newest = resolved // a link in PATH has no initdb beside it
	}
	version, err := os.ReadFile(filepath.Join(c.DataDir, "PG_VERSION"))
	if err != nil {
		return filepath.Dir(newest), nil
	}
	major := strings.TrimSpace(string(version))
	own := filepath.Join("/usr/lib/postgresql", major, "bin")
	if _, err := os.Stat(filepath.Join(own, "postgres")); err == nil {
		return own, nil
	}
	if strings.Contains(newest, "/"+major+"/") || !strings.HasPrefix(newest, "/usr/lib/postgresql/") {
		return filepath.Dir(newest), nil
	}
	return "", fmt.Errorf("the data in %s is of Postgres %s, which is not installed: install postgresql-%s, or move the folder away to begin anew", c.DataDir, major, major)
}

func (c Config) create(ctx context.Context, bin string) error {
	if _, err := os.Stat(filepath.Join(c.DataDir, "PG_VERSION")); err == nil {
		return nil
	}
	// Made beside and renamed, so that an interrupted initdb is never taken for a cluster.
	fresh := c.DataDir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(fresh), 0o755); err != nil {
		return err
	}
	if err := c.Account.MakeDir(fresh, 0o700); err != nil {
		return err
	}
	secret := filepath.Join(fresh + ".password")
	if err := os.WriteFile(secret, []byte(c.Password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(secret)
	if err := os.Chown(secret, int(c.Account.UID), int(c.Account.GID)); err != nil {
		return err
	}
	args := []string{
		"-D", fresh, "--username=" + superuser, "--pwfile=" + secret, "--auth=scram-sha-256",
		"--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8",
	}
	if c.Throwaway {
		args = append(args, "--no-sync")
	}
	if err := process.Run(ctx, process.Spec{
		Name: "initdb", Path: filepath.Join(bin, "initdb"), Args: args, Dir: "/",
		Account: &c.Account, ReadSearch: !c.Account.Reaches(fresh), Line: c.Note,
	}); err != nil {
		return err
	}
	return os.Rename(fresh, c.DataDir)
}

// ready waits until the superuser can log in.
func (c Config) ready(ctx context.Context, child *process.Child) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.SuperuserURL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-child.Done():
			return fmt.Errorf("postgres: did not start: %w%s", child.Err(), child.Tail())
		case <-ctx.Done():
			return fmt.Errorf("postgres: not ready (%w): %w%s", ctx.Err(), err, child.Tail())
		case <-ticker.C:
		}
	}
}
