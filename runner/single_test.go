package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/figures"
	"slicegate/store/storetest"
)

func TestAServerHasOneRunner(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	first, err := takeLease(ctx, db.Pool, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer first.release()
	other, err := takeLease(ctx, db.Pool, "two")
	if err != nil {
		t.Fatalf("another server: %v", err)
	}
	other.release()
	impatient, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := takeLease(impatient, db.Pool, "one"); err == nil || !strings.Contains(err.Error(), "another runner works for server one") {
		t.Fatalf("a second runner of the same server: %v", err)
	}
}

func TestALeaseSurvivesItsConnectionUnlessAnotherWasFaster(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	first, err := takeLease(ctx, db.Pool, "one")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.keep(ctx) }()
	end := func(pid uint32) {
		t.Helper()
		if _, err := db.Pool.Exec(ctx, "SELECT pg_terminate_backend($1)", pid); err != nil {
			t.Fatal(err)
		}
	}
	before := holder(t, db, "one")
	end(before)
	deadline := time.After(30 * time.Second)
	for now := holder(t, db, "one"); now == 0 || now == before; now = holder(t, db, "one") {
		select {
		case err := <-ended:
			t.Fatalf("the runner gave up: %v", err)
		case <-deadline:
			t.Fatal("the lock was not taken again")
		case <-time.After(20 * time.Millisecond):
		}
	}

	// The next one to hold it is somebody else: all connections of the first are kept from it.
	rival, err := db.Pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rival.Release()
	if _, err := rival.Exec(ctx, "SET lock_timeout = '20s'"); err != nil {
		t.Fatal(err)
	}
	took := make(chan error, 1)
	go func() {
		_, err := rival.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended('runner one', 0))")
		took <- err
	}()
	end(holder(t, db, "one"))
	if err := <-took; err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "another runner works for server one") {
		t.Fatalf("the first runner ended with %v", err)
	}
	first.release()
}

// holder is the backend that has a server's lock, 0 if none has.
func holder(t *testing.T, db storetest.Database, server string) (pid uint32) {
	t.Helper()
	if err := db.Pool.QueryRow(context.Background(), `SELECT coalesce(max(pid), 0) FROM pg_locks, (SELECT hashtextextended('runner ' || $1::text, 0) AS key) k
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND classid::bigint = (key >> 32) & 4294967295 AND objid::bigint = key & 4294967295`, server).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestWhatAKilledRunnerWasAtGoesOnWithTheNextOfItsServer(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	for i, runner := range []string{clientID("one", time.Now()), clientID("one-and-a-half", time.Now()), "some_host_2026"} {
		inserted, err := client.Insert(ctx, jobs.ReconcileArgs{Server: fmt.Sprint("job-", i)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[runner] = inserted.Job.ID
		if _, err := db.Pool.Exec(ctx, "UPDATE river.river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY['other', $2] WHERE id = $1", inserted.Job.ID, runner); err != nil {
			t.Fatal(err)
		}
	}
	if taken, err := takeOver(ctx, db.Pool, "one"); err != nil || taken != 1 {
		t.Fatalf("took %d jobs over, %v", taken, err)
	}
	for runner, id := range ids {
		job, err := client.JobGet(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.HasPrefix(runner, "one:")
		if (job.State == "available" && job.Attempt == 0 && len(job.Errors) == 1) != ours {
			t.Errorf("%s: %s, attempt %d, errors %v", runner, job.State, job.Attempt, job.Errors)
		}
		// There is one leader at a time.
		if _, err := db.Pool.Exec(ctx, `INSERT INTO river.river_leader (elected_at, expires_at, leader_id, name) VALUES (now(), now() + '1 minute', $1, 'default')
			ON CONFLICT (name) DO UPDATE SET leader_id = $1`, runner); err != nil {
			t.Fatal(err)
		}
		if _, err := takeOver(ctx, db.Pool, "one"); err != nil {
			t.Fatal(err)
		}
		var leads bool
		if err := db.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM river.river_leader WHERE leader_id = $1)", runner).Scan(&leads); err != nil || leads == ours {
			t.Errorf("%s leads: %v, %v", runner, leads, err)
		}
	}
}

// stopper tells its runner to stop when it sends a statement.
type stopper struct {
	at   string
	stop func()
}

func (s stopper) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, s.at) {
		s.stop()
	}
	return ctx
}

func (stopper) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestARunnerThatIsToldToStopWhileItBeginsHasNotFailed(t *testing.T) {
	b := setup(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	parsed, err := pgxpool.ParseConfig(b.db.URL)
	if err != nil {
		t.Fatal(err)
	}
	parsed.ConnConfig.Tracer, parsed.MaxConns = stopper{"name: SlicesInStatus", stop}, 30
	pool, err := pgxpool.NewWithConfig(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := Work(ctx, b.settings, pool, b.hands(), figures.NewWorked(time.Now)); err != nil || ctx.Err() == nil {
		t.Errorf("it ended with %v, told to stop: %v", err, ctx.Err())
	}
}
