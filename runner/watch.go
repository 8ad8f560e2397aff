package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/rivertype"

	"slicegate/config"
	"slicegate/config/observe"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/figures"
	"slicegate/runner/heartbeat"
	"slicegate/store"
)

// checkedBy is the kind of the job whose runs are this server's checks.
var checkedBy = jobs.CheckArgs{}.Kind()

// watch is what a runner shows of itself while it works: its figures, whether it is ready, its heartbeat.
type watch struct {
	worked *figures.Worked
	beats  *observe.Loop
	url    string // of the heartbeat
	held   atomic.Bool
}

// newWatch fills the endpoint; the runner's work moves what it shows.
func newWatch(settings config.Runner, shown *observe.Endpoint, pool *pgxpool.Pool, engine func(context.Context) error) *watch {
	w := &watch{
		worked: figures.NewWorked(time.Now), url: settings.HeartbeatURL,
		beats: &observe.Loop{Name: "heartbeat", Within: 3 * heartbeat.Every, Clock: time.Now},
	}
	shown.Registry.MustRegister(w.worked, &figures.Rows{Pool: pool, Server: settings.Server, SampleEvery: settings.SampleEvery, Clock: time.Now})
	shown.Alive = []observe.Check{w.beats.Check()}
	shown.Ready = []observe.Check{
		{Name: "postgres", Ask: pool.Ping},
		{Name: "schema", Ask: func(ctx context.Context) error { return migrations.Newest(ctx, pool) }},
		{Name: "engine", Ask: engine},
		{Name: "lease", Ask: func(ctx context.Context) error { return w.holds(ctx, store.New(pool), settings.Server) }},
	}
	return w
}

// holds tells whether the server is this runner's, also by what Postgres has: a lock is lost with its connection.
func (w *watch) holds(ctx context.Context, queries *store.Queries, server string) error {
	if !w.held.Load() {
		return errors.New("this runner does not work for its server (yet): another may, or it is being stopped")
	}
	locked, err := queries.ServerIsLocked(ctx, server)
	if err != nil {
		return fmt.Errorf("lock of server %s: %w", server, err)
	}
	if !locked {
		return fmt.Errorf("the lock of server %s was lost with its connection, and is being taken again", server)
	}
	return nil
}

// hold is what Work does besides, and so as long as the server is this runner's.
func (w *watch) hold(ctx context.Context) {
	w.held.Store(true)
	defer w.held.Store(false)
	<-ctx.Done()
}

// beat sends heartbeats until its context ends.
func (w *watch) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat.Every)
	defer tick.Stop()
	h := heartbeat.Heartbeat{
		URL: w.url, Clock: time.Now, Turn: w.beats.Turn,
		Checked: func() time.Time { return w.worked.LastWell(checkedBy) },
	}
	h.Run(ctx, tick.C)
}

// plugins are River's: what each job is about goes along with it, and its end is counted.
func plugins(worked *figures.Worked) []rivertype.Plugin {
	return []rivertype.Plugin{&jobs.Trace{}, worked}
}
