package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// BenchmarkPages is how long each page takes with 200 slices, 100,000 finished jobs, 100,000 lines of the
// audit and 20,000 alerts that are over.
func BenchmarkPages(bench *testing.B) {
	b := start(bench)
	s := b.admin("op@example.com")
	var user, slice int64
	for i := range 200 {
		user, slice = b.customer(fmt.Sprintf("user%d@example.com", i), "assigned")
	}
	b.exec("INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at, finalized_at) SELECT jsonb_build_object('server', 'test', 'slice', $1::bigint - i % 200), 'start', 3, 'server-test', 'completed', now(), now() - i * interval '1 second' FROM generate_series(1, 100000) i", slice)
	b.exec("INSERT INTO gateway.audit (actor, action, subject) SELECT 'operator', 'slice.recycle', 'slice:' || ($1::bigint - i % 200) FROM generate_series(1, 100000) i", slice)
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at, closed_at) SELECT 'slice.down', 'slice:' || ($1::bigint - i % 200), 'warning', 'It was down.', now() - interval '1 hour', now() FROM generate_series(1, 20000) i", slice)
	b.exec("ANALYZE")
	for name, path := range map[string]string{
		"servers": "/admin", "slices": "/admin/slices", "slice": fmt.Sprintf("/admin/slices/%d", slice), "alerts": "/admin/alerts",
		"users": "/admin/users", "search": "/admin/users?q=user1", "user": fmt.Sprintf("/admin/users/%d", user),
		"jobs": "/admin/jobs/api/jobs?state=completed&limit=20",
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
