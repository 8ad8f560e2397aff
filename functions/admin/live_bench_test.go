package admin_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"slicegate/functions/admin/live"
)

// cpu is what this process has used of it.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkLive is what a live grid of 200 slices costs: the bytes of what a page is told, at first and for
// each change, and the CPU of a look, which all pages share. Its reader and the change are this process's too.
func BenchmarkLive(bench *testing.B) {
	b := start(bench)
	s := b.admin("op@example.com")
	var slice int64
	for i := range 200 {
		_, slice = b.customer(fmt.Sprintf("user%d@example.com", i), "assigned")
	}
	b.exec("ANALYZE")
	first := func(address string) int {
		stream := b.open(address, s.cookie)
		defer stream.leave()
		return len(stream.next("change").data)
	}
	whole, same := first("/admin/live/slices"), first(b.streamOf("/admin/slices", s.cookie))
	grid := b.open(b.streamOf("/admin/slices", s.cookie), s.cookie)
	grid.next("change")
	bytes, looks, used, n := 0, b.function.Live().Looks, cpu(bench), 0
	for bench.Loop() {
		n++
		want := fmt.Sprintf("%d MB RAM", n%500)
		b.exec("UPDATE gateway.slices SET memory_bytes = $2, measured_at = now() WHERE id = $1", slice, int64(n%500)<<20)
		bytes += len(fmt.Sprint(grid.change(want, func(c live.Change) bool { return strings.Contains(c.Parts[tile(slice)], want) }).Parts))
	}
	bench.ReportMetric(float64(whole), "bytes/first")
	bench.ReportMetric(float64(same), "bytes/first-unchanged")
	bench.ReportMetric(float64(bytes)/float64(n), "bytes/change")
	bench.ReportMetric(float64((cpu(bench)-used).Microseconds())/1000/float64(b.function.Live().Looks-looks), "cpu-ms/look")
}
