package reclaim_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/config"
	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/swap"
)

// BenchmarkDensity starts as many slices as FIT bytes of this server's RAM have room for when they are left alone, and
// then TIMES as many under the controller: `make bench-density`. All that they cost counts, such as what the engine and
// Postgres need for each. Each is used for a moment when it is there; IDLE after the last of them, some users come back,
// one after the other. PROFILES is the kind of slices. With ROOM, the server has no more RAM than that left when the
// controller's slices start; POOL is the percent of it that zswap may take.
func BenchmarkDensity(b *testing.B) {
	fit := bytesOf(b, "FIT", "8G")
	total := serverNow(b).MemoryTotal
	room := total
	if os.Getenv("ROOM") != "" {
		room = min(total, bytesOf(b, "ROOM", ""))
	}
	idle, err := time.ParseDuration(cmp.Or(os.Getenv("IDLE"), "10m"))
	if err != nil || idle < time.Minute {
		b.Fatalf("IDLE must be a duration of at least 1m, not %q", os.Getenv("IDLE"))
	}
	times, err := strconv.ParseFloat(cmp.Or(os.Getenv("TIMES"), "3"), 64)
	if err != nil || times < 1 {
		b.Fatalf("TIMES must be a number of at least 1, not %q", os.Getenv("TIMES"))
	}
	pool, err := strconv.Atoi(cmp.Or(os.Getenv("POOL"), strconv.Itoa(swap.DefaultPool)))
	if err == nil {
		err = swap.CheckPool(pool)
	}
	if err != nil {
		b.Fatalf("POOL: %v", err)
	}
	profile := cmp.Or(os.Getenv("PROFILES"), "lean")
	share := max(1, int(int64(pool)*room/total)) // of this server's RAM, as the kernel reckons
	fmt.Println("swap:", cgrouptest.ServerSwap(b, swap.Config{Size: 4 * fit, Pool: share}))

	alone := newArm(b, profile, leftAlone)
	available := serverNow(b).MemoryAvailable
	for available-serverNow(b).MemoryAvailable <= fit {
		alone.startSome(atOnce)
	}
	for len(alone.residents) > 1 && available-serverNow(b).MemoryAvailable > fit {
		alone.removeLast()
	}
	n := len(alone.residents)
	fmt.Printf("%s: %d slices fit into %s when they are left alone, and hold %s of it themselves\n", profile, n, gb(fit), gb(alone.usage(b)))
	for len(alone.residents) > 10 { // the others' RAM is wanted
		alone.removeLast()
	}

	alone.keepIn()
	packed := newArm(b, profile, ours)
	if room < total {
		leave(b, room)
	}
	fmt.Printf("others have %s, and zswap at most %s of it\n", gb(serverNow(b).MemoryAvailable), gb(total/100*int64(share)))
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	all.Go(func() { packed.controller.Run(ctx) })
	wanted := int(times * float64(n))
	for len(packed.residents) < wanted {
		packed.startSome(min(atOnce, wanted-len(packed.residents)))
		fmt.Printf("  %d slices hold %s, %s of RAM are available\n", len(packed.residents), gb(packed.usage(b)), gb(serverNow(b).MemoryAvailable))
	}
	before := serverNow(b)
	rest(idle)
	after := serverNow(b)
	packed.leaveOutEnded()
	held := packed.usage(b)
	state, err := swap.Status(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if cgrouptest.Pure() {
		held -= state.RAM // which the kernel counts in
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
	fmt.Printf("%v after the last one came they hold %s (%d MB each), and %s as compressed pages, so %s of RAM\n",
		idle, gb(held), (held>>20)/int64(len(packed.residents)), gb(state.RAM), gb(held+state.RAM))
	fmt.Printf("in swap %s; the server read %.0f pages a second back and pushed %.0f out\n", gb(state.Used),
		float64(after.SwappedIn-before.SwappedIn)/idle.Seconds(), float64(after.SwappedOut-before.SwappedOut)/idle.Seconds())
	for _, a := range []*arm{alone, packed} {
		first := a.times(func(r *resident) []time.Duration { return r.first })
		fmt.Printf("%-10s the first answers to %d users: median %.1f ms, 90 %% %.1f ms, worst %.1f ms\n", a.way, len(first), ms(first[len(first)/2]), ms(first[len(first)*9/10]), ms(first[len(first)-1]))
	}
}

// bytesOf is a size that the environment gives.
func bytesOf(b *testing.B, name, otherwise string) int64 {
	b.Helper()
	var size config.Bytes
	if err := size.UnmarshalText([]byte(cmp.Or(os.Getenv(name), otherwise))); err != nil || size < 1<<30 {
		b.Fatalf("%s must be at least 1G, not %q", name, os.Getenv(name))
	}
	return int64(size)
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

func serverNow(b *testing.B) cgroup.ServerUsage {
	b.Helper()
	usage, err := kernel.Server()
	if err != nil {
		b.Fatal(err)
	}
	return usage
}

func gb(bytes int64) string { return fmt.Sprintf("%.2f GB", float64(bytes)/(1<<30)) }

// usage is how many bytes the control group has that all slices of an arm are in.
func (a *arm) usage(b *testing.B) int64 {
	b.Helper()
	file := "memory.usage_in_bytes"
	if cgrouptest.Pure() {
		file = "memory.current"
	}
	content, err := os.ReadFile(a.parent(file))
	if err != nil {
		b.Fatal(err)
	}
	bytes, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// keepIn has the kernel push nothing of the slices out that are there.
func (a *arm) keepIn() {
	file := "memory.swappiness"
	if cgrouptest.Pure() {
		file = "memory.swap.max"
	}
	files, err := filepath.Glob(filepath.Join(a.parent("*"), file))
	if err == nil && len(files) < len(a.residents) {
		err = fmt.Errorf("%d slices have %d control groups in %s", len(a.residents), len(files), a.parent(""))
	}
	for _, file := range files {
		err = errors.Join(err, os.WriteFile(file, []byte("0"), 0))
	}
	if err != nil {
		a.b.Fatal(err)
	}
}

// leave takes RAM until only so much is available: the server is then as one that has no more, and its kernel pushes out,
// compresses and writes to the disk as it would there. It is given back with the benchmark's end, however that ends.
func leave(b *testing.B, bytes int64) {
	b.Helper()
	surplus := serverNow(b).MemoryAvailable - bytes
	if surplus <= 0 {
		b.Fatalf("%s of RAM are available: ROOM must be less", gb(bytes+surplus))
	}
	// Whoever has most is ended first when there is no more: that would be this benchmark.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0); err != nil && !errors.Is(err, fs.ErrPermission) {
		b.Fatal(err)
	}
	taken, err := unix.Mmap(-1, 0, int(surplus), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := unix.Munmap(taken); err != nil {
			b.Error(err)
		}
	})
	if err := errors.Join(unix.Madvise(taken, unix.MADV_HUGEPAGE), unix.Mlock(taken)); err != nil {
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
