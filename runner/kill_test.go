package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/docker"
	"slicegate/runner/figures"
	"slicegate/runner/host"
	"slicegate/runner/schemas"
)

// killPoints are the moments at which a runner is killed: before or after a statement, a
// request to the engine, or the making of directories. Each is a point at which something
// has been done that no later statement has written down yet.
var killPoints = []string{
	"before sql name: CreateSlice", "after sql name: CreateSlice",
	"before sql name: SetPort", "after sql name: SetPort",
	"before sql CREATE ROLE", "after sql CREATE ROLE",
	"after sql ALTER ROLE",
	"after sql CREATE SCHEMA",
	"before sql DO $$ DECLARE made", "after sql DO $$ DECLARE made",
	"before sql schema_version set version", "after sql schema_version set version",
	"before directories", "after directories",
	"before docker POST /containers/create", "after docker POST /containers/create",
	"before docker /start", "after docker /start",
	"before answer", "after answer",
	"before sql name: MakeAvailable", "after sql name: MakeAvailable",
	"after sql name: MatchNext",
}

func TestKilledAnywhere(t *testing.T) {
	for _, point := range killPoints {
		t.Run(point, func(t *testing.T) {
			b := setup(t, nil)
			b.killedAt(point)
			b.secondRunner(func() {
				b.until("a slice is ready", 3*time.Minute, func() bool { return b.slices("available") == 1 })
			})
			ids := []int64{int64(b.count("SELECT id FROM gateway.slices WHERE status = 'available'"))}
			if all := b.count("SELECT count(*) FROM gateway.slices"); all != 1 {
				t.Errorf("%d slices in the end", all)
			}
			for _, kind := range []string{"container", "schema", "role", "directory"} {
				if got := b.onServer()[kind]; !slices.Equal(got, ids) {
					t.Errorf("%s of %v, want %v", kind, got, ids)
				}
			}
		})
	}
}

// killedAt works jobs with a runner that is killed at a point.
func (b *bundle) killedAt(point string) {
	b.t.Helper()
	// A runner that lives on was never there: it is told to stop, and the test fails.
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := b.child(patience, point).Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		b.t.Fatalf("the runner was not killed there: %v\n%s", err, b.picture())
	}
}

// secondRunner works jobs until wait returns, and is then stopped in order.
func (b *bundle) secondRunner(wait func()) {
	b.t.Helper()
	second := b.child(context.Background(), "")
	if err := second.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	b.t.Cleanup(func() { _ = second.Process.Kill() })
	wait()
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	if err := <-ended; err != nil {
		b.t.Errorf("the second runner ended with %v", err)
	}
}

// child is a runner in a process of its own.
func (b *bundle) child(ctx context.Context, killAt string) *exec.Cmd {
	b.t.Helper()
	program, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	log, err := os.CreateTemp(b.t.TempDir(), "runner")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if b.t.Failed() {
			content, _ := os.ReadFile(log.Name())
			b.t.Logf("runner's log:\n%s", content)
		}
		_ = log.Close()
	})
	s := b.settings
	child := exec.CommandContext(ctx, program)
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no runner outlives its test
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.Stderr = log
	child.Env = append(os.Environ(), "RUNNER_TO_KILL=yes", "KILL_AT="+killAt,
		"DATABASE_URL="+s.DatabaseURL, "SLICES_DATABASE_URL="+s.SlicesDatabaseURL, "SLICE_SOCKET_DIR="+s.SliceSocketDir,
		fmt.Sprintf("SLICE_ROLE_KEY=%x", s.SliceRoleKey[:]), fmt.Sprintf("LINK_KEY=%x", s.Mail.LinkKey[:]), "MAIL_DIR="+s.Mail.Dir, "RUNNER_METRICS=off", "SERVER="+s.Server, "DATA_ROOT="+s.DataRoot,
		"SLICE_IMAGE="+s.SliceImage, "FLEET="+s.Fleet, fmt.Sprintf("MAX_SLICES=%d", s.MaxSlices), "SLICE_ENV="+strings.Join(s.SliceEnv, " "), "JOB_TIMEOUT=10s", "RESCUE_AFTER=11s", "ASK_WITHIN=3s",
		fmt.Sprintf("SLICE_PORTS=%d-%d", s.SlicePorts.First, s.SlicePorts.Last))
	return child
}

// beKilled is the child: a runner as it is, whose connections to Postgres and to the engine
// pass by a killer.
func beKilled() {
	ctx, stop := signalContext()
	defer stop()
	killer := killer(os.Getenv("KILL_AT"))
	settings, err := config.LoadRunner()
	fail(err)
	pool, err := killer.pool(ctx, settings.DatabaseURL)
	fail(err)
	slicesPool, err := killer.pool(ctx, settings.SlicesDatabaseURL)
	fail(err)
	settings.DockerHost, err = killer.engine(settings.DockerHost)
	fail(err)
	engine, err := docker.Open(ctx, engineConfig(settings, nil))
	fail(err)
	fail(Work(ctx, settings, pool, jobs.Hands{
		Containers:  watchedContainers{engine, killer},
		Schemas:     &schemas.Schemas{Pool: slicesPool, Key: settings.SliceRoleKey},
		Directories: watchedDirectories{host.Directories{Root: settings.DataRoot}, killer},
		Ports:       host.Ports{},
		Walls:       walls(settings),
		Memory:      cgroup.Memory{Root: "/"},
		Gauges:      gauges{cgroup.Memory{Root: "/"}},
		Traffic:     traffic{why: errors.New("this test counts no packets")},
		Archives:    engine,
		Exports:     host.Exports{Root: settings.DataRoot, Group: -1},
		Quotas:      engine,
		Images:      images{settings},
		Software:    software{engine},
	}, figures.NewWorked(time.Now)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// killer knows the moment.
type killer string

func (k killer) at(when, what string) {
	wanted := strings.SplitN(strings.ToLower(string(k)), " ", 3) // when, what kind, which one
	kind, which, _ := strings.Cut(strings.ToLower(what), " ")
	if wanted[0] == when && wanted[1] == kind && (len(wanted) == 2 || strings.Contains(which, wanted[2])) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

func (k killer) pool(ctx context.Context, address string) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	parsed.ConnConfig.Tracer, parsed.MaxConns = k, 30
	return pgxpool.NewWithConfig(ctx, parsed)
}

type statement struct{}

func (k killer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	k.at("before", "sql "+data.SQL)
	return context.WithValue(ctx, statement{}, data.SQL)
}

func (k killer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	sql, _ := ctx.Value(statement{}).(string)
	k.at("after", "sql "+sql)
}

// engine is a socket of this process's own, behind which is the real engine.
func (k killer) engine(host string) (string, error) {
	_, real, _ := strings.Cut(host, "://")
	dir, err := os.MkdirTemp("", "sg")
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "docker.sock"))
	if err != nil {
		return "", err
	}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	forward.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", real)
	}}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // less the version
			what := "docker " + r.Method + " /" + path
			if strings.HasSuffix(path, "/start") {
				what = "docker /start"
			}
			k.at("before", what)
			forward.ServeHTTP(w, r)
			k.at("after", what)
		}))
	}()
	return "unix://" + listener.Addr().String(), nil
}

type watchedContainers struct {
	jobs.Containers
	killer killer
}

func (w watchedContainers) Status(ctx context.Context, running jobs.Running) (jobs.Status, error) {
	w.killer.at("before", "answer")
	status, err := w.Containers.Status(ctx, running)
	if err == nil {
		w.killer.at("after", "answer")
	}
	return status, err
}

type watchedDirectories struct {
	jobs.Directories
	killer killer
}

func (w watchedDirectories) Remove(ctx context.Context, slice int64) error {
	w.killer.at("before", "removal")
	err := w.Directories.Remove(ctx, slice)
	w.killer.at("after", "removal")
	return err
}

func (w watchedDirectories) Move(ctx context.Context, from, to int64) error {
	w.killer.at("before", "moving")
	err := w.Directories.Move(ctx, from, to)
	w.killer.at("after", "moving")
	return err
}

func (w watchedDirectories) Ensure(ctx context.Context, slice int64) (string, int, error) {
	w.killer.at("before", "directories")
	path, owner, err := w.Directories.Ensure(ctx, slice)
	w.killer.at("after", "directories")
	return path, owner, err
}
