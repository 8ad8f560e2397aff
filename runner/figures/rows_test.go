package figures_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"slicegate/runner/figures"
	"slicegate/store/storetest"
)

// rows is a collector over a database of the test's own, of a server "one" that is sampled every minute.
func rows(db storetest.Database, now time.Time) *figures.Rows {
	return &figures.Rows{Pool: db.Pool, Server: "one", SampleEvery: time.Minute, Clock: func() time.Time { return now }}
}

// expect compares the samples of some figures, in the format of Prometheus without its comments.
func expect(t *testing.T, collector prometheus.Collector, want string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	found, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	help, names := map[string]string{}, map[string]bool{}
	for _, family := range found {
		help[family.GetName()] = "# HELP " + family.GetName() + " " + family.GetHelp() + "\n# TYPE " + family.GetName() + " " + strings.ToLower(family.GetType().String()) + "\n"
	}
	var text strings.Builder
	for line := range strings.Lines(want) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "{")
		name, _, _ = strings.Cut(name, " ")
		if name != "" && !names[name] {
			names[name] = true
			text.WriteString(help[name])
		}
		text.WriteString(strings.TrimSpace(line) + "\n")
	}
	var all []string
	for name := range names {
		all = append(all, name)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(text.String()), all...); err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, db storetest.Database, sql string, args ...any) {
	t.Helper()
	if _, err := db.Pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestTheNewestSampleOfEachSliceThatShouldRunIsShown(t *testing.T) {
	t.Parallel()
	db, now := storetest.New(t), time.Now().UTC()
	run(t, db, "INSERT INTO gateway.servers (name) VALUES ('one'), ('two')")
	run(t, db, "INSERT INTO gateway.users (id, email, password_hash) OVERRIDING SYSTEM VALUE VALUES (1, 'ann@example.com', ''), (2, 'bob@example.com', ''), (3, 'cho@example.com', '')")
	run(t, db, `INSERT INTO gateway.slices (id, server, image, status, port, user_id, wa_connected, linked_at, wa_phone) OVERRIDING SYSTEM VALUE VALUES
		(1, 'one', 'i', 'assigned', 5001, 1, true, now(), '4915112345678'), (2, 'one', 'i', 'assigned', 5003, 2, false, now(), NULL), (3, 'one', 'i', 'available', 5005, NULL, false, NULL, NULL),
		(4, 'one', 'i', 'suspended', 5007, 3, false, now(), NULL), (5, 'two', 'i', 'available', 5001, NULL, false, NULL, NULL), (6, 'one', 'i', 'destroyed', NULL, NULL, false, NULL, NULL)`)
	run(t, db, `INSERT INTO gateway.telemetry (slice_id, timestamp, started_at, rss_bytes, swap_bytes, idle_seconds, cpu_percent)
		SELECT id, $1::timestamptz - age, $1, rss, swap, idle, cpu FROM (VALUES
			(1, interval '2 minutes', 900, 10, 60, 50.0), (1, interval '1 minute', 1000, 20, 120, 12.5), (2, interval '4 minutes', 1, 1, 1, 1.0),
			(3, interval '10 seconds', 300, 0, NULL, NULL), (4, interval '1 minute', 5, 5, 5, 5.0), (5, interval '1 minute', 7, 7, 7, 7.0)) AS s (id, age, rss, swap, idle, cpu)`, now)
	expect(t, rows(db, now), `
		slicegate_slice_up{server="one",slice="1"} 1
		slicegate_slice_up{server="one",slice="2"} 0
		slicegate_slice_up{server="one",slice="3"} 1
		slicegate_slice_resident_bytes{server="one",slice="1"} 1000
		slicegate_slice_resident_bytes{server="one",slice="3"} 300
		slicegate_slice_swap_bytes{server="one",slice="1"} 20
		slicegate_slice_swap_bytes{server="one",slice="3"} 0
		slicegate_slice_idle_seconds{server="one",slice="1"} 120
		slicegate_slice_cpu_ratio{server="one",slice="1"} 0.125
		slicegate_slice_wa_connected{server="one",slice="1"} 1
		slicegate_slice_wa_connected{server="one",slice="2"} 0
		slicegate_slices{server="one",status="assigned"} 2
		slicegate_slices{server="one",status="available"} 1
		slicegate_slices{server="one",status="suspended"} 1
		slicegate_slices{server="two",status="available"} 1
		slicegate_scrape_errors_total 0
	`)
	registry := prometheus.NewRegistry()
	registry.MustRegister(rows(db, now))
	found, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range found {
		if text := family.String(); strings.Contains(text, "example.com") || strings.Contains(text, "49151") {
			t.Errorf("something of a customer's is shown: %s", text)
		}
	}
}

func TestTheServersNewestSampleIsShownAndTheAgeOfEachServers(t *testing.T) {
	t.Parallel()
	db, now := storetest.New(t), time.Now().UTC().Truncate(time.Second)
	run(t, db, "INSERT INTO gateway.servers (name, registered_at) VALUES ('one', $1), ('two', $1::timestamptz - interval '3 days'), ('three', $1::timestamptz - interval '30 seconds')", now)
	sample := `INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes, swap_in_rate, swap_out_rate,
		cpu_percent, disk_used_bytes, disk_total_bytes, active_slices, total_slices, slices_rss_bytes, slices_swap_bytes, memory_pressure_us, io_pressure_us, cpu_pressure_us, seconds)
		VALUES ($1, $2, $3, 64000, 10, 32000, 5, 700, 800, 25, 40, 100, 3, 9, 1, 1, 6000000, 3000000, NULL, 60)`
	run(t, db, sample, "one", now.Add(-2*time.Minute), 1)
	run(t, db, sample, "one", now.Add(-15*time.Second), 48000)
	expect(t, rows(db, now), `
		slicegate_server_memory_used_bytes{server="one"} 48000
		slicegate_server_memory_total_bytes{server="one"} 64000
		slicegate_server_swap_used_bytes{server="one"} 10
		slicegate_server_swap_total_bytes{server="one"} 32000
		slicegate_server_swap_ram_bytes{server="one"} 5
		slicegate_server_swap_in_pages_per_second{server="one"} 700
		slicegate_server_swap_out_pages_per_second{server="one"} 800
		slicegate_server_cpu_ratio{server="one"} 0.25
		slicegate_server_disk_used_bytes{server="one"} 40
		slicegate_server_disk_total_bytes{server="one"} 100
		slicegate_server_slices_active{server="one"} 3
		slicegate_server_slices_running{server="one"} 9
		slicegate_server_pressure_ratio{resource="io",server="one"} 0.05
		slicegate_server_pressure_ratio{resource="memory",server="one"} 0.1
		slicegate_server_sample_age_seconds{server="one"} 15
		slicegate_server_sample_age_seconds{server="three"} 30
		slicegate_server_sample_age_seconds{server="two"} 86400
	`)
	// What is old says nothing of now, but for its age.
	later := now.Add(time.Hour)
	expect(t, rows(db, later), `
		slicegate_server_sample_age_seconds{server="one"} 3615
		slicegate_server_sample_age_seconds{server="three"} 3630
		slicegate_server_sample_age_seconds{server="two"} 86400
	`)
	if n := testutil.CollectAndCount(rows(db, later), "slicegate_server_memory_used_bytes"); n != 0 {
		t.Errorf("a sample of an hour ago is shown as if it were new: %d", n)
	}
}

func TestUsersAlertsMailsAndJobsAreCounted(t *testing.T) {
	t.Parallel()
	db, now := storetest.New(t), time.Now().UTC().Truncate(time.Second)
	run(t, db, "INSERT INTO gateway.users (email, password_hash, subscription_status) VALUES ('ann@example.com', '', 'trial'), ('bob@example.com', '', 'active'), ('cho@example.com', '', 'trial')")
	run(t, db, `INSERT INTO gateway.alerts (kind, subject, severity, detail, closed_at) VALUES
		('slice.failed', 'slice:1', 'critical', '', NULL), ('slice.failed', 'slice:2', 'critical', '', NULL), ('server.full', 'server:one', 'warning', '', NULL), ('server.full', 'server:two', 'warning', '', now() + interval '1 minute')`)
	run(t, db, `INSERT INTO gateway.emails (kind, created_at, sent_at, failed_at) SELECT 'alert', $1::timestamptz - age, $1::timestamptz - sent, $1::timestamptz - failed FROM (VALUES
		(interval '5 minutes', NULL::interval, NULL::interval), (interval '1 minute', NULL, NULL), (interval '1 day', interval '1 day', NULL),
		(interval '1 hour', NULL, interval '10 minutes'), (interval '1 day', interval '1 day', interval '20 minutes'), (interval '1 day', NULL, interval '2 hours')) AS m (age, sent, failed)`, now)
	run(t, db, `INSERT INTO river.river_job (args, kind, queue, state, scheduled_at, max_attempts, finalized_at, attempted_at, attempt) SELECT '{}', 'check', queue, state::river.river_job_state, $1::timestamptz - age, 5,
			CASE WHEN state IN ('completed', 'discarded') THEN $1::timestamptz END, $1, 1 FROM (VALUES
		('default', 'available', interval '90 seconds'), ('default', 'available', interval '10 seconds'), ('default', 'completed', interval '1 hour'),
		('server-one', 'running', interval '1 hour'), ('server-one', 'retryable', interval '20 seconds'), ('server-one', 'scheduled', interval '-1 hour'),
		('server-one', 'discarded', interval '1 hour'), ('server-two', 'scheduled', interval '-1 hour')) AS j (queue, state, age)`, now)
	expect(t, rows(db, now), `
		slicegate_users{subscription_status="active"} 1
		slicegate_users{subscription_status="trial"} 2
		slicegate_alerts_open{kind="server.full",severity="warning"} 1
		slicegate_alerts_open{kind="slice.failed",severity="critical"} 2
		slicegate_mails_owed 2
		slicegate_mails_oldest_owed_seconds 300
		slicegate_mails_failed 2
		slicegate_jobs{queue="default",state="available"} 2
		slicegate_jobs{queue="server-one",state="discarded"} 1
		slicegate_jobs{queue="server-one",state="retryable"} 1
		slicegate_jobs{queue="server-one",state="running"} 1
		slicegate_jobs{queue="server-one",state="scheduled"} 1
		slicegate_jobs{queue="server-two",state="scheduled"} 1
		slicegate_jobs_oldest_waiting_seconds{queue="default"} 90
		slicegate_jobs_oldest_waiting_seconds{queue="server-one"} 20
		slicegate_jobs_oldest_waiting_seconds{queue="server-two"} 0
	`)
}

// unreachable gives pools behind which nobody answers: to a port that is closed, and to one where somebody
// takes the connection and says nothing.
func unreachable(t *testing.T) map[string]*pgxpool.Pool {
	t.Helper()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn); conn.Close() }()
		}
	}()
	pools := map[string]*pgxpool.Pool{}
	for name, listener := range map[string]net.Listener{"closed": closed, "silent": silent} {
		pool, err := pgxpool.New(context.Background(), "postgres://nobody@"+listener.Addr().String()+"/none?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		pools[name] = pool
	}
	return pools
}

func TestAScrapeEndsWithoutPostgresAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, pool := range unreachable(t) {
		collector := &figures.Rows{Pool: pool, Server: "one", SampleEvery: time.Minute, Clock: time.Now}
		if err := testutil.CollectAndCompare(collector, strings.NewReader(`
# HELP slicegate_scrape_errors_total Questions to Postgres that were not answered while figures were read; those figures were left out.
# TYPE slicegate_scrape_errors_total counter
slicegate_scrape_errors_total 8
`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
