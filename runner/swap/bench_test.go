package swap_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/swap"
)

// heap is a program that holds what a slice's backend does: parsed messages and contacts, and some
// media that does not compress.
const heap = `
const crypto = require("crypto"), words = "the a order invoice please thanks delivery tomorrow price photo yes no when where how address total paid".split(" ")
const text = n => Array.from({length: 4 + n % 23}, (_, i) => words[(n * 7 + i * 13) % words.length]).join(" ")
const kept = [], media = []
for (let n = 0; n % 1000 || process.memoryUsage().rss < 450 * 1048576; n++) {
  kept.push(JSON.parse(JSON.stringify({id: {fromMe: n % 3 === 0, remote: (4915100000000 + n * 977) + "@c.us", id: crypto.randomBytes(16).toString("hex")},
    body: text(n), timestamp: 1700000000 + n * 31, ack: n % 4, type: "chat", hasMedia: false, mentionedIds: [], links: []})))
  if (n % 200 === 0) media.push(crypto.randomBytes(8192))
}
if (process.env.READ) for (let n = 0; n < 3; n++) require("fs").readFileSync(process.env.READ)
console.log("ready")
process.stdin.on("data", () => {})
`

// BenchmarkKinds pushes 400 MB of a Node.js process out and takes them back in, on every kind of swap
// that this kernel has. Times are of one run on one machine: compare them with each other.
func BenchmarkKinds(b *testing.B) {
	for _, kind := range []struct{ name, cluster string }{
		{"zram/lzo-rle", "0"}, {"zram/lz4", "0"}, {"zram/zstd", "0"}, {"zram/lz4", "3"},
		{"zswap/lzo", "0"}, {"zswap/lz4", "0"}, {"zswap/zstd", "0"}, {"file", "0"}, {"file", "3"},
	} {
		b.Run(kind.name+"/page-cluster-"+kind.cluster, func(b *testing.B) { benchmark(b, kind.name, kind.cluster) })
	}
}

func benchmark(b *testing.B, kind, cluster string) {
	cgrouptest.Lock(b)
	ram, err := swap.Try(b, kind, 700<<20)
	if errors.Is(err, errors.ErrUnsupported) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	set(b, "/proc/sys/vm/page-cluster", cluster)
	pid, group := node(b)
	before := ram()
	started := time.Now()
	given, err := (cgroup.Memory{Root: "/"}).Reclaim(context.Background(), group, 400<<20)
	out := time.Since(started)
	if err != nil || given < 350<<20 {
		b.Fatalf("of 400 MB went %d bytes, %v", given, err)
	}
	cost := ram() - before
	ranges, err := cgroup.Swapped(pid)
	if err != nil {
		b.Fatal(err)
	}
	back := pagesBack(b, pid, ranges, 3000)
	if ranges, err = cgroup.Swapped(pid); err != nil {
		b.Fatal(err)
	}
	started = time.Now()
	brought, err := cgroup.Prefetch(context.Background(), pid, ranges)
	if err != nil {
		b.Fatal(err)
	}
	in := time.Since(started)
	for b.Loop() { // it was all in one go
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(out.Seconds()/(float64(given)/400e6), "s-out/400MB")
	b.ReportMetric(in.Seconds()/(float64(brought)/400e6), "s-back/400MB")
	b.ReportMetric(float64(back[len(back)/2])/1e3, "µs-page-p50")
	b.ReportMetric(float64(back[len(back)*99/100])/1e3, "µs-page-p99")
	b.ReportMetric(float64(cost)/float64(given), "RAM-share")
}

// BenchmarkSwappiness tells what goes when 200 MB are asked of a process that has 450 MB of its own and
// has read 100 MB of a file three times.
func BenchmarkSwappiness(b *testing.B) {
	for _, value := range []string{"20", "60", "100", "150"} {
		b.Run(value, func(b *testing.B) {
			cgrouptest.Lock(b)
			if _, err := swap.Try(b, "file", 700<<20); err != nil {
				b.Fatal(err)
			}
			set(b, "/proc/sys/vm/swappiness", value) // a group of version 1 takes it over when it is made
			file := filepath.Join("/var/tmp", "slicegate-test-read")
			b.Cleanup(func() { _ = os.Remove(file) })
			if err := exec.Command("dd", "if=/dev/urandom", "of="+file, "bs=1M", "count=100", "oflag=direct").Run(); err != nil {
				b.Fatal(err)
			}
			b.Setenv("READ", file)
			_, group := node(b)
			memory := cgroup.Memory{Root: "/"}
			before, err1 := memory.Usage(group)
			given, err2 := memory.Reclaim(context.Background(), group, 200<<20)
			after, err3 := memory.Usage(group)
			if err := errors.Join(err1, err2, err3); err != nil {
				b.Fatal(err)
			}
			for b.Loop() { // it was all in one go
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(before.File)/1e6, "MB-of-files-before")
			b.ReportMetric(float64(before.File-after.File)/float64(given), "share-of-files")
		})
	}
}

// pagesBack takes pages out of swap in random order and gives how long each took, the shortest first.
func pagesBack(b *testing.B, pid int, ranges []cgroup.Range, count int) []time.Duration {
	page := uint64(os.Getpagesize())
	var pages []uint64
	for _, one := range ranges {
		for at := one.Start; at < one.End; at += page {
			pages = append(pages, at)
		}
	}
	rand.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
	var times []time.Duration
	for _, at := range pages[:min(count, len(pages))] {
		var to [1]byte
		local := []unix.Iovec{{Base: &to[0], Len: 1}}
		started := time.Now()
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: 1}}, 0)
		times = append(times, time.Since(started))
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.SortFunc(times, cmp.Compare)
	return times
}

// node starts the program in a group of its own.
func node(b *testing.B) (int, cgroup.Group) {
	path, err := exec.LookPath("node")
	if err != nil {
		b.Skip("there is no Node.js, whose memory this is measured on")
	}
	group := cgrouptest.Make(b)
	cmd := exec.Command(path, "-e", heap)
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	cgrouptest.Enter(b, group, cmd.Process.Pid)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		b.Fatalf("%q, %v", line, err)
	}
	found, err := (cgroup.Memory{Root: "/"}).Group(cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	return cmd.Process.Pid, found
}

// set writes a kernel's setting for the time of a test.
func set(t testing.TB, path, value string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(value), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, before, 0); err != nil {
			t.Error(err)
		}
	})
}
