package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"slicegate/deploy/local/fleet"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/store/answers"
)

// BenchmarkPages is how long each page takes with 200 slices and their telemetry of 30 days, 100,000
// finished jobs, 100,000 lines of the audit and 20,000 alerts that are over.
func BenchmarkPages(bench *testing.B) {
	b := start(bench)
	s := b.admin("op@example.com")
	slice := b.fleet()
	user := one[int64](b, "SELECT user_id FROM gateway.slices WHERE id = $1", slice)
	b.exec("INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at, finalized_at) SELECT jsonb_build_object('server', 'test', 'slice', $1::bigint - i % 200), 'start', 3, 'server-test', 'completed', now(), now() - i * interval '1 second' FROM generate_series(1, 100000) i", slice)
	b.exec("INSERT INTO gateway.audit (actor, action, subject) SELECT 'operator', 'slice.recycle', 'slice:' || ($1::bigint - i % 200) FROM generate_series(1, 100000) i", slice)
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at, closed_at) SELECT 'slice.down', 'slice:' || ($1::bigint - i % 200), 'warning', 'It was down.', now() - i * interval '2 minutes', now() FROM generate_series(1, 20000) i", slice)
	b.exec("VACUUM ANALYZE")
	of := fmt.Sprintf("/admin/slices/%d", slice)
	for name, path := range map[string]string{
		"servers": "/admin", "slices": "/admin/slices", "slice": of, "alerts": "/admin/alerts",
		"users": "/admin/users", "search": "/admin/users?q=user1", "user": fmt.Sprintf("/admin/users/%d", user),
		"jobs":         "/admin/jobs/api/jobs?state=completed&limit=20",
		"telemetry24h": "/admin/telemetry", "telemetry7d": "/admin/telemetry?range=7d", "telemetry30d": "/admin/telemetry?range=30d",
		"telemetry-script": "/admin/telemetry/plots",
		"slice7d":          of + "?range=7d", "slice30d": of + "?range=30d", "timeline-script": of + "/timeline",
		"capacity": "/admin/capacity", "answers": "/admin/answers",
	} {
		bench.Run(name, func(bench *testing.B) {
			var took []time.Duration
			for bench.Loop() {
				began := time.Now()
				if got := b.get(path, s.cookie); got.status != http.StatusOK {
					bench.Fatalf("%s answers %d", path, got.status)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			bench.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// fleet makes 200 slices with users, and what 30 days write down of them, and gives the last slice.
func (b *bundle) fleet() (last int64) {
	b.t.Helper()
	ctx, end := context.Background(), b.now.UTC().Truncate(5*time.Minute)
	if _, err := fleet.Write(ctx, b.db.Pool, fleet.Options{Slices: 199, Days: 30, Seed: 5, Every: 5 * time.Minute, End: end, Server: b.db.Server(b.t)}, nil); err != nil {
		b.t.Fatal(err)
	}
	for _, days := range jobs.AnsweredDays {
		found, err := answers.Read(ctx, b.db.Pool, answers.Options{Now: end, Days: days, MinFree: 1 << 30})
		if err != nil {
			b.t.Fatal(err)
		}
		if err := found.Save(ctx, store.New(b.db.Pool)); err != nil {
			b.t.Fatal(err)
		}
	}
	// The minutes between the samples, and the steps in which idle slices were pushed out.
	b.exec(`INSERT INTO gateway.telemetry SELECT slice_id, timestamp + n * interval '1 minute', started_at, rss_bytes, swap_bytes, wa_state, idle_seconds + 60 * n, cpu_percent,
		user_bytes, platform_bytes, upstream_bytes, refaults, pressure_us, oom_kills, 60 FROM gateway.telemetry, generate_series(1, 4) n`)
	b.exec(`INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes, swap_in_rate, swap_out_rate, cpu_percent,
		disk_used_bytes, disk_total_bytes, active_slices, total_slices, slices_rss_bytes, slices_swap_bytes, memory_pressure_us, io_pressure_us, cpu_pressure_us, oom_kills, seconds)
		SELECT server, timestamp + n * interval '1 minute', ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes, swap_in_rate, swap_out_rate, cpu_percent,
		disk_used_bytes, disk_total_bytes, active_slices, total_slices, slices_rss_bytes, slices_swap_bytes, memory_pressure_us, io_pressure_us, cpu_pressure_us, oom_kills, 60
		FROM gateway.server_telemetry, generate_series(1, 4) n`)
	b.exec(`INSERT INTO gateway.reclaims SELECT slice_id, timestamp, 'step', 8 << 20, 7 << 20, 20000, rss_bytes + (7 << 20), rss_bytes, swap_bytes, 0, 0, 0, 'idle'
		FROM gateway.telemetry WHERE idle_seconds BETWEEN 300 AND 4000`)
	b.exec("INSERT INTO gateway.users (email, password_hash) SELECT 'user' || id || '@example.com', 'none' FROM gateway.slices")
	b.exec(`UPDATE gateway.slices s SET status = 'assigned', port = 5001 + 2 * (s.id % 1000), user_id = u.id, wa_state = 'ready', linked_at = now(), last_health_at = now()
		FROM gateway.users u WHERE u.email = 'user' || s.id || '@example.com'`)
	return one[int64](b, "SELECT max(id) FROM gateway.slices")
}
