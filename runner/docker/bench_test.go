package docker_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slicegate/runner/docker/dockertest"
)

// weight is what one slice costs, at each step of its way to sleep and back. Sizes in bytes.
type weight struct {
	image             int64
	toCode            time.Duration
	code, ready       uint64
	node, browser     uint64 // of ready: each process's share of what it shares
	out, soon, later  uint64 // pushed to swap: at once, 10 s and 60 s later
	awake, firstAwake time.Duration
}

// BenchmarkSlice prints what a slice weighs with the simulated phone and with Chromium in both
// profiles, in one run: `make bench-slice`.
func BenchmarkSlice(b *testing.B) {
	withSwap(b)
	var lean weight
	fmt.Printf("\n%-10s %7s %9s %8s %8s %8s %8s %8s %8s %8s %9s %9s\n", "", "image", "to code", "at code", "ready",
		"Node.js", "Chromium", "pushed", "10 s", "60 s", "woken", "again")
	for _, profile := range []string{"simulated", "lean", "sandboxed"} {
		b.Run(profile, func(b *testing.B) {
			w := weigh(b, profile)
			w.print(profile)
			switch profile {
			case "lean":
				lean = w
			case "sandboxed":
				if lean.ready > 0 {
					fmt.Printf("%-10s %7s %9.2f %8s %8.2f %8s %8s %8.2f %8.2f %8.2f %9.2f\n", "of lean", "",
						w.toCode.Seconds()/lean.toCode.Seconds(), "", ratio(w.ready, lean.ready), "", "",
						ratio(w.out, lean.out), ratio(w.soon, lean.soon), ratio(w.later, lean.later),
						w.firstAwake.Seconds()/lean.firstAwake.Seconds())
				}
			}
			b.ReportMetric(float64(w.ready)/(1<<20), "MB-ready")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func ratio(a, b uint64) float64 { return float64(a) / float64(b) }

func weigh(b *testing.B, profile string) (w weight) {
	var p *phone
	if profile == "simulated" {
		p = newPhone(b, dockertest.Image(b), nil)
	} else {
		p = newPhone(b, dockertest.WebJSImage(b), withChromium(profile))
	}
	image, err := p.api.ImageInspect(context.Background(), p.spec.Image)
	if err != nil {
		b.Fatal(err)
	}
	w.image = image.Size
	began := time.Now()
	p.run()
	p.state("qr")
	w.toCode = time.Since(began)
	rest(3 * time.Second)
	w.code = p.memory()
	p.must(http.MethodPost, "/api/simulated/scan", nil, nil)
	p.state("ready")
	rest(20 * time.Second) // the sync of the address book is over
	w.ready = p.memory()
	w.node, w.browser = p.shares()
	p.pushOut()
	w.out = p.memory()
	rest(10 * time.Second)
	w.soon = p.memory()
	rest(50 * time.Second)
	w.later = p.memory()
	p.pushOut()
	w.firstAwake, w.awake = p.answer(), p.answer()
	return w
}

func (w weight) print(profile string) {
	mb := func(bytes uint64) string { return fmt.Sprintf("%d MB", bytes>>20) }
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }
	fmt.Printf("%-10s %7s %9s %8s %8s %8s %8s %8s %8s %8s %9s %9s\n", profile, mb(uint64(w.image)),
		fmt.Sprintf("%.1f s", w.toCode.Seconds()), mb(w.code), mb(w.ready), mb(w.node), mb(w.browser),
		mb(w.out), mb(w.soon), mb(w.later), ms(w.firstAwake), ms(w.awake))
}

// rest lets time pass, which is what is measured here.
func rest(d time.Duration) { <-time.After(d) }

// answer is how long the backend takes for an answer that needs the database and the page's state.
func (p *phone) answer() time.Duration {
	p.t.Helper()
	began := time.Now()
	p.must(http.MethodGet, "/api/chats", nil, nil)
	return time.Since(began)
}

// shares divides the slice's memory between Node.js and Chromium.
func (p *phone) shares() (node, browser uint64) {
	p.t.Helper()
	for pid, command := range p.pids() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has ended
		}
		var size uint64
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Pss_Anon:") {
				_, _ = fmt.Sscanf(line, "Pss_Anon: %d kB", &size)
			}
		}
		if strings.Contains(command, "chrom") {
			browser += size << 10
		} else {
			node += size << 10
		}
	}
	return node, browser
}

// pushOut moves all that can be moved to swap, as often as the kernel needs to be asked.
func (p *phone) pushOut() {
	p.t.Helper()
	found, err := p.api.ContainerInspect(context.Background(), p.name())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, try := range []struct{ pattern, file, what string }{
		{"/sys/fs/cgroup/memory/" + p.fleet + "s*/*" + found.ID + "*", "memory.force_empty", "0"},
		{"/sys/fs/cgroup/" + p.fleet + "s*/*" + found.ID + "*", "memory.reclaim", "1G"},
	} {
		groups, _ := filepath.Glob(try.pattern)
		for _, group := range groups {
			if _, err := os.Stat(filepath.Join(group, try.file)); err != nil {
				continue
			}
			for range 3 {
				// It answers EAGAIN when it got less than asked: what there was is what we want.
				_ = os.WriteFile(filepath.Join(group, try.file), []byte(try.what), 0o200)
			}
			return
		}
	}
	p.t.Fatal("this kernel offers no reclaim for control groups")
}

// withSwap gives the machine a swap file for the time of the benchmark, if it has none.
func withSwap(b *testing.B) {
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil {
		b.Fatal(err)
	}
	if strings.Count(string(swaps), "\n") > 1 {
		return
	}
	file := filepath.Join(dockertest.Scratch(b), "swap")
	for _, command := range [][]string{
		{"fallocate", "-l", "2G", file}, {"chmod", "600", file}, {"mkswap", file}, {"swapon", file},
	} {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %v: %s", command, err, output)
		}
	}
	b.Cleanup(func() {
		if output, err := exec.Command("swapoff", file).CombinedOutput(); err != nil {
			b.Errorf("swapoff: %v: %s", err, output)
		}
	})
}
