package jobs

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkSweep measures what looking at 200 slices takes, Postgres included: a sample, which asks a few and
// writes all, and a check, which judges. The engine and the slices are the test's own; theirs comes on top.
func BenchmarkSweep(b *testing.B) {
	const slices = 200
	w := newGuard(b, slices)
	w.sample()
	ours, theirs := cpu(b), w.postgres()
	for b.Loop() {
		w.now = w.now.Add(time.Minute)
		w.sample()
		w.check()
		w.check()
	}
	per := func(spent time.Duration) float64 { return spent.Seconds() * 1000 / float64(b.N) / slices }
	b.ReportMetric(per(cpu(b)-ours), "ms-CPU/slice")
	b.ReportMetric(per(w.postgres()-theirs), "ms-Postgres/slice")
	b.ReportMetric(0, "ns/op")
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// postgres is the CPU that the connections of the test's database have taken.
func (w *guard) postgres() (sum time.Duration) {
	w.t.Helper()
	rows, err := w.db.Pool.Query(context.Background(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			w.t.Fatal(err)
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			w.t.Fatal(err)
		}
		// The name in brackets may have spaces; user and system time are the 12th and 13th field after it.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(field)
			if err != nil {
				w.t.Fatal(err)
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}
