package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/cgroup"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/figures"
	"slicegate/runner/firewall"
	"slicegate/runner/host"
	"slicegate/runner/schemas"
	"slicegate/store"
	"slicegate/store/storetest"
)

// TestMain also is the runner that some tests kill.
func TestMain(m *testing.M) {
	if os.Getenv("RUNNER_TO_KILL") != "" {
		beKilled()
		return
	}
	flag.Parse()
	// These tests wait for containers and for River more than they compute. The engine has
	// addresses for some thirty networks, one for each of them.
	_ = flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}

// bundle is a server of a test's own: database, fleet, directories and ports. Its slices are of the small
// image: most of what a runner does is the same whatever a slice is, and the real one starts in ten times the time.
type bundle struct {
	t        testing.TB
	db       storetest.Database
	queries  *store.Queries
	api      *client.Client
	settings config.Runner
	first    int64 // the lowest id of its slices
}

func setup(t *testing.T, change func(*config.Runner)) *bundle {
	t.Helper()
	t.Parallel()
	return newBundle(t, change)
}

func newBundle(t testing.TB, change func(*config.Runner)) *bundle {
	t.Helper()
	b := &bundle{t: t, db: storetest.New(t), api: dockertest.Client(t)}
	b.queries = store.New(b.db.Pool)
	b.settings = config.Runner{
		DatabaseURL: b.db.URL, SlicesDatabaseURL: storetest.SlicesURL(t), SliceSocketDir: dockertest.Sockets(t),
		SliceRoleKey: config.Key{9}, Server: "test", DataRoot: dockertest.Scratch(t), DockerHost: os.Getenv("DOCKER_HOST"),
		SliceImage: dockertest.SmallImage(t), Fleet: dockertest.Fleet(t), PoolSize: 1, MaxSlices: 3,
		SliceMemory: 512 << 20, SliceReservation: 256 << 20, SliceSwap: 256 << 20, SliceCPUs: 0.5, SliceCPUShare: 0.25,
		SlicePids: 128, MediaQuota: 2 << 30, WAEngine: "simulated", RestartPause: time.Second,
		RolloutBatch: 5, RolloutPatience: time.Hour, RolloutAnswer: time.Minute, RolloutReady: time.Minute, RolloutLife: time.Minute,
		PoolRetry: time.Second, PoolMaxAge: 24 * time.Hour, MinFreeMemory: 1 << 30, StartConcurrency: 8, FillEvery: 30 * time.Second, ReconcileEvery: 15 * time.Second, JobTimeout: 20 * time.Second, RescueAfter: 21 * time.Second, SampleEvery: 10 * time.Second,
		CheckEvery: 30 * time.Second, MeasureEvery: 5 * time.Minute, AskWithin: 5 * time.Second,
		Alerts: config.Alerts{
			WhatsApp: 2 * time.Minute, Page: time.Minute, Mute: 15 * time.Minute, Memory: 0.9, Storage: 0.9, Disk: 0.85, RAM: 0.9, CPU: 0.9,
			CPUFor: 5 * time.Minute, SwapIn: 1000, SwapInFor: 5 * time.Minute, JobsBehind: 5 * time.Minute, PoolEmpty: 10 * time.Minute,
			Settle: 5 * time.Minute, Group: 30 * time.Second, Repeat: 4 * time.Hour, Incident: 5, IncidentPart: 0.1, Within: 10 * time.Minute,
		},
		Mail: config.Mail{By: "file", Dir: t.TempDir(), From: "Slicegate <mail@example.com>", AppURL: "http://app.localhost", Brand: "Slicegate", LinkKey: config.Key{7}},
	}
	b.settings.SlicePorts.First, b.settings.SlicePorts.Last = dockertest.Ports(50)
	if change != nil {
		change(&b.settings)
	}
	if err := b.db.Pool.QueryRow(context.Background(), "SELECT last_value FROM gateway.slices_id_seq").Scan(&b.first); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.dropSchemas)
	return b
}

func (b *bundle) hands() jobs.Hands {
	b.t.Helper()
	engine, err := docker.Open(context.Background(), engineConfig(b.settings, nil))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = engine.Close() })
	return jobs.Hands{
		Containers:  engine,
		Schemas:     &schemas.Schemas{Pool: storetest.Slices(b.t), Key: b.settings.SliceRoleKey},
		Directories: host.Directories{Root: b.settings.DataRoot},
		Ports:       host.Ports{},
		Walls:       walls(b.settings),
		Memory:      cgroup.Memory{Root: "/"},
		Gauges:      gauges{cgroup.Memory{Root: "/"}},
		Traffic:     traffic{why: errors.New("this test counts no packets")},
		Archives:    engine,
		Exports:     host.Exports{Root: b.settings.DataRoot, Group: -1},
		Quotas:      engine,
		Images:      images{b.settings},
		Software:    software{engine},
	}
}

// walls are real, and let slices out nowhere. dockertest takes them away with the fleet.
func walls(settings config.Runner) firewall.Wall {
	return firewall.Wall{Fleet: settings.Fleet, Bridge: firewall.Bridge(settings.Fleet)}
}

// client inserts jobs.
func (b *bundle) client() *river.Client[pgx.Tx] {
	b.t.Helper()
	client, err := river.NewClient(riverpgxv5.New(b.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// work runs a runner in this process until stop.
func (b *bundle) work(hands jobs.Hands, besides ...func(context.Context)) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Work(ctx, b.settings, b.db.Pool, hands, figures.NewWorked(time.Now), besides...) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("runner: %v", err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// until waits for a condition that the runner brings about.
func (b *bundle) until(what string, within time.Duration, condition func() bool) {
	b.t.Helper()
	deadline := time.After(within)
	for !condition() {
		select {
		case <-deadline:
			b.t.Fatalf("never in %s: %s\n%s", within, what, b.picture())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *bundle) count(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bundle) slices(status string) int {
	b.t.Helper()
	return b.count("SELECT count(*) FROM gateway.slices WHERE status = $1", status)
}

// picture is what a person would look at when a test waits in vain.
func (b *bundle) picture() string {
	var out strings.Builder
	for _, sql := range []string{
		"SELECT format('slice %s %s port %s user %s', id, status, port, user_id) FROM gateway.slices ORDER BY id",
		"SELECT format('job %s %s %s attempt %s %s', id, kind, state, attempt, errors[array_upper(errors, 1)]->>'error') FROM river.river_job ORDER BY id DESC LIMIT 12",
		"SELECT format('rollout %s %s paused %s finished %s: %s', id, state, paused, finished_at, reason) FROM gateway.rollouts ORDER BY id",
		"SELECT format('of it slice %s %s batch %s canary %s was %s asked %s: %s', slice_id, state, batch, canary, wa_state, asked_at, note) FROM gateway.rollout_slices ORDER BY rollout_id, slice_id",
	} {
		rows, err := b.db.Pool.Query(context.Background(), sql)
		if err != nil {
			return err.Error()
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err == nil {
				fmt.Fprintln(&out, line)
			}
		}
		rows.Close()
	}
	return out.String()
}

// onServer lists the ids of the slices that have a container, a schema, a role, a directory.
func (b *bundle) onServer() map[string][]int64 {
	b.t.Helper()
	ctx, found := context.Background(), map[string][]int64{}
	containers, err := b.api.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", docker.LabelFleet+"="+b.settings.Fleet)),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, one := range containers {
		id, err := strconv.ParseInt(one.Labels[docker.LabelSlice], 10, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		found["container"] = append(found["container"], id)
	}
	pool := storetest.Slices(b.t)
	for kind, sql := range map[string]string{
		"schema": "SELECT substr(nspname, 7)::bigint FROM pg_namespace WHERE nspname ~ '^slice_[0-9]+$'",
		"role":   "SELECT substr(rolname, 7)::bigint FROM pg_roles WHERE rolname ~ '^slice_[0-9]+$'",
	} {
		rows, err := pool.Query(ctx, sql)
		if err != nil {
			b.t.Fatal(err)
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				b.t.Fatal(err)
			}
			if id >= b.first && id < b.first+1000 { // the others belong to other tests
				found[kind] = append(found[kind], id)
			}
		}
		rows.Close()
	}
	entries, err := os.ReadDir(filepath.Join(b.settings.DataRoot, "slices"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	for _, entry := range entries {
		id, err := strconv.ParseInt(entry.Name(), 10, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		found["directory"] = append(found["directory"], id)
	}
	return found
}

func (b *bundle) dropSchemas() {
	s := &schemas.Schemas{Pool: storetest.Slices(b.t), Key: b.settings.SliceRoleKey}
	found := b.onServer()
	for _, id := range append(found["schema"], found["role"]...) {
		if err := s.Drop(context.Background(), id); err != nil {
			b.t.Error(err)
		}
	}
}

// answers tells whether a slice's backend does.
func answers(hands jobs.Hands, running jobs.Running) bool {
	_, err := hands.Containers.Status(context.Background(), running)
	return err == nil
}
