package reclaim_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/swap"
)

// BenchmarkDensity starts as many slices as FIT bytes of RAM hold when they are left alone, and then three times as
// many that together may not have more than that, with what they have compressed in RAM: `make bench-density`. Each is
// used for a moment when it is there; IDLE after the last of them, some users come back, one after the other. PROFILES
// is the kind of slices.
func BenchmarkDensity(b *testing.B) {
	var asked config.Bytes
	if err := asked.UnmarshalText([]byte(cmp.Or(os.Getenv("FIT"), "8G"))); err != nil || asked < 1<<30 {
		b.Fatalf("FIT must be at least 1G, not %q", os.Getenv("FIT"))
	}
	fit := int64(asked)
	idle, err := time.ParseDuration(cmp.Or(os.Getenv("IDLE"), "10m"))
	if err != nil || idle < time.Minute {
		b.Fatalf("IDLE must be a duration of at least 1m, not %q", os.Getenv("IDLE"))
	}
	profile := cmp.Or(os.Getenv("PROFILES"), "lean")
	fmt.Println("swap:", cgrouptest.ServerSwap(b, 4*fit))

	alone := newArm(b, profile, leftAlone)
	for len(alone.residents) == 0 || alone.above(b, "usage") <= fit {
		alone.startSome(atOnce)
	}
	for alone.above(b, "usage") > fit {
		alone.removeLast()
	}
	n := len(alone.residents)
	fmt.Printf("%s: %d slices fit into %s when they are left alone\n", profile, n, gb(fit))
	for len(alone.residents) > 10 { // the others' RAM is wanted
		alone.removeLast()
	}

	pool := poolOf(b, fit)
	room := fit - pool
	fmt.Printf("the others have %s of it, and zswap %s\n", gb(room), gb(pool))
	packed := newArm(b, profile, ours)
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	all.Go(func() { packed.controller.Run(ctx) })
	for len(packed.residents) < 3*n {
		packed.startSome(min(atOnce, 3*n-len(packed.residents)))
		packed.bound(b, room)
		fmt.Printf("  %d slices hold %s\n", len(packed.residents), gb(packed.above(b, "usage")))
	}
	before, metBefore := serverNow(b), packed.above(b, "met")
	rest(idle)
	after := serverNow(b)
	packed.leaveOutEnded()
	held, peak, met := packed.above(b, "usage"), packed.above(b, "peak"), packed.above(b, "met")
	state, err := swap.Status(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for i := range max(5, n/4) { // more would be there at once than there is room for, as nowhere
		packed.wake(ctx, packed.residents[i*len(packed.residents)/max(5, n/4)])
	}
	for _, r := range alone.residents {
		alone.wake(ctx, r)
	}
	ready := packed.ready(ctx)
	cancel()
	all.Wait()

	fmt.Printf("\n%d slices, %.1f times %d: %d ended, %d say that they are ready\n", len(packed.residents)+packed.ended, float64(len(packed.residents)+packed.ended)/float64(n), n, packed.ended, ready)
	fmt.Printf("%v after the last one came they hold %s (%d MB each), at most %s of the %s that they may have; they met that %d times while they were started, and %d times after\n",
		idle, gb(held), (held>>20)/int64(len(packed.residents)), gb(peak), gb(room), metBefore, met-metBefore)
	fmt.Printf("in swap %s, as compressed pages in RAM %s, so %s of RAM in all; the server read %.0f pages a second back and pushed %.0f out\n", gb(state.Used), gb(state.RAM), gb(held+state.RAM),
		float64(after.SwappedIn-before.SwappedIn)/idle.Seconds(), float64(after.SwappedOut-before.SwappedOut)/idle.Seconds())
	for _, a := range []*arm{alone, packed} {
		first := a.times(func(r *resident) []time.Duration { return r.first })
		fmt.Printf("%-10s the first answers to %d users: median %.1f ms, 90 %% %.1f ms, worst %.1f ms\n", a.way, len(first), ms(first[len(first)/2]), ms(first[len(first)*9/10]), ms(first[len(first)-1]))
	}
}

// atOnce is how many slices are started at the same time: each may use half a core.
const atOnce = 4

// startSome starts slices, and each is used for a moment. A start that fails ends its own goroutine alone.
func (a *arm) startSome(count int) {
	before := len(a.residents)
	var all sync.WaitGroup
	for range count {
		all.Go(a.start)
	}
	all.Wait()
	if a.b.Failed() {
		a.b.FailNow()
	}
	for _, r := range a.residents[before:] {
		r.session(a.b)
	}
}

func (a *arm) removeLast() {
	last := len(a.residents) - 1
	if err := a.engine.Remove(a.b.Context(), a.residents[last].id); err != nil {
		a.b.Fatal(err)
	}
	a.residents = a.residents[:last]
}

// poolOf has zswap take the share of so much RAM that it has of this server's, and tells how many bytes that is;
// 0 where there is no zswap.
func poolOf(b *testing.B, ram int64) int64 {
	b.Helper()
	state, err := swap.Status(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if state.Kind != swap.Zswap {
		return 0
	}
	const file = "/sys/module/zswap/parameters/max_pool_percent" // removing the swap puts it back
	content, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	percent, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	total := serverNow(b).MemoryTotal
	percent = max(1, percent*ram/total)
	if err := os.WriteFile(file, []byte(strconv.FormatInt(percent, 10)), 0); err != nil {
		b.Fatal(err)
	}
	return total / 100 * percent
}

func serverNow(b *testing.B) cgroup.ServerUsage {
	b.Helper()
	usage, err := kernel.Server()
	if err != nil {
		b.Fatal(err)
	}
	return usage
}

func gb(bytes int64) string { return fmt.Sprintf("%.2f GB", float64(bytes)/(1<<30)) }

// above is a figure of the control group that all slices of an arm are in: what it has ("usage"), the most that it had
// ("peak"), in bytes, and how often it met its bound ("met").
func (a *arm) above(b *testing.B, figure string) int64 {
	b.Helper()
	files := map[string]string{"usage": "memory.usage_in_bytes", "peak": "memory.max_usage_in_bytes", "met": "memory.failcnt"}
	if cgrouptest.Pure() {
		files = map[string]string{"usage": "memory.current", "peak": "memory.peak", "met": "memory.events"}
	}
	content, err := os.ReadFile(a.parent(files[figure]))
	if err != nil {
		b.Fatal(err)
	}
	text := strings.TrimSpace(string(content))
	if _, events, found := strings.Cut(text, "\nmax "); found {
		text, _, _ = strings.Cut(events, "\n")
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// bound keeps all slices of an arm together from having more than this, as a server with no more RAM would.
func (a *arm) bound(b *testing.B, bytes int64) {
	b.Helper()
	file := "memory.limit_in_bytes"
	if cgrouptest.Pure() {
		file = "memory.max"
	}
	if err := os.WriteFile(a.parent(file), []byte(strconv.FormatInt(bytes, 10)), 0); err != nil {
		b.Fatal(err)
	}
}

func (a *arm) parent(file string) string {
	if cgrouptest.Pure() {
		return filepath.Join("/sys/fs/cgroup", a.engine.CgroupParent(), file)
	}
	return filepath.Join("/sys/fs/cgroup/memory", a.engine.CgroupParent(), file)
}

// ready is how many slices of an arm say that their phone is connected.
func (a *arm) ready(ctx context.Context) (count int) {
	for _, r := range a.residents {
		running, up, err := a.engine.Find(ctx, r.id)
		if err != nil || !up {
			continue
		}
		if status, err := a.engine.Probe(ctx, running); err == nil && status.State == "ready" {
			count++
		}
	}
	return count
}
