package reclaim_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/host"
	"slicegate/runner/probe"
	"slicegate/runner/reclaim"
	"slicegate/runner/schemas"
	"slicegate/runner/swap"
	"slicegate/store"
	"slicegate/store/storetest"
)

// arm is a fleet of real slices that are treated alike.
type arm struct {
	profile, way string
	b            *testing.B
	fleet        string
	engine       *docker.Engine
	probe        *probe.Probe
	gateway      *store.Queries
	server       string
	data         schemas.Schemas
	folders      host.Directories
	rows         *rows
	mu           sync.Mutex // of residents, while they are started
	residents    []*resident
	ended        int // residents whose container did not live to the end; the others are what is measured
	controller   *reclaim.Controller
}

// resident is one slice of an arm.
type resident struct {
	id      int64
	port    int
	group   cgroup.Group
	held    int64 // bytes at the end of its last session
	after   int64 // at the end of the idle time
	swapped int64
	before  cgroup.Usage
	saved   float64 // byte-seconds less than held
	first   []time.Duration
	second  []time.Duration
}

var kernel = cgroup.Memory{Root: "/"}

// The ways that are compared: nothing is done; the script that the project began with, which pushes
// out everything of whoever was idle for ten seconds; and the controller.
const (
	leftAlone = "left alone"
	script    = "script"
	ours      = "ours"
)

// BenchmarkMemory prints what idle slices hold and what waking them costs, in each of the three ways
// at the same time: `make bench-memory`. SLICES is how many of each kind, IDLE how long they are idle,
// SWAP=file leaves out zswap, RECORD is a folder for what the controllers saw of one slice each.
func BenchmarkMemory(b *testing.B) {
	count, idle := 4, 30*time.Minute
	if text := os.Getenv("SLICES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			b.Fatalf("SLICES must be a number, not %q", text)
		}
		count = n
	}
	if text := os.Getenv("IDLE"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Minute {
			b.Fatalf("IDLE must be a duration of at least 1m, not %q", text)
		}
		idle = d
	}
	profiles := strings.Fields(cmp.Or(os.Getenv("PROFILES"), "simulated lean sandboxed"))
	fmt.Println("swap:", cgrouptest.ServerSwap(b, swap.Config{Size: int64(count) * int64(len(profiles)) * 2 * 400 * mb}))
	var arms []*arm
	for _, profile := range profiles {
		for _, way := range []string{leftAlone, script, ours} {
			arms = append(arms, newArm(b, profile, way))
		}
	}
	for _, a := range arms {
		for range count {
			a.start()
		}
		fmt.Printf("%s, %s: %d slices are ready\n", a.profile, a.way, count)
	}
	rest(20 * time.Second) // the sync of their address books is over
	each(arms, func(_ *arm, r *resident) { r.session(b) })

	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for _, a := range arms {
		switch a.way {
		case script:
			all.Go(func() { a.runScript(ctx) })
		case ours:
			all.Go(func() { a.controller.Run(ctx) })
		}
	}
	cpuBefore := processor(b)
	began := time.Now()
	last := began
	const look = 5 * time.Second
	recordings := map[*arm]*recording{}
	for _, a := range arms {
		if a.way == ours {
			recordings[a] = &recording{reclaim.Recorded{Profile: a.profile}}
		}
	}
	for time.Since(began) < idle {
		for range look / time.Second { // oftener than the controllers look, so that none of it is missed
			rest(time.Second)
			for a, r := range recordings {
				r.look(a)
			}
		}
		now := time.Now()
		each(arms, func(_ *arm, r *resident) {
			if usage, err := kernel.Usage(r.group); err == nil {
				r.saved += float64(r.held-usage.Resident) * now.Sub(last).Seconds()
			}
		})
		last = now
		if int(now.Sub(began).Minutes()) != int((now.Sub(began) - look).Minutes()) {
			progress(arms, now.Sub(began))
		}
	}
	cpu := processor(b) - cpuBefore
	for _, a := range arms {
		a.leaveOutEnded()
	}
	each(arms, func(_ *arm, r *resident) {
		usage, err := kernel.Usage(r.group)
		if err != nil {
			b.Error(err)
		}
		r.after, r.swapped = usage.Resident, usage.Swapped
	})
	results := map[*arm]result{}
	for _, a := range arms {
		results[a] = a.measure(idle)
	}
	if dir := os.Getenv("RECORD"); dir != "" {
		for a, r := range recordings {
			r.write(a, dir)
		}
	}
	// One after the other: what is measured is one user who comes.
	each(arms, func(a *arm, r *resident) { a.wake(ctx, r) })
	rest(15 * time.Second) // until the wakes are written down
	cancel()
	all.Wait()
	print(arms, results, idle, cpu)
}

// recording is of the first slice of an arm: recorded_test.go replays it.
type recording struct{ reclaim.Recorded }

func (r *recording) look(a *arm) {
	reading, started, there := a.controller.Newest(a.residents[0].id)
	if n := len(r.Readings); there && (n == 0 || reading.At.After(r.Readings[n-1].At)) {
		r.Started, r.Readings = started, append(r.Readings, reading)
	}
}

func (r *recording) write(a *arm, dir string) {
	for _, step := range a.rows.of(a.residents[0].id) {
		r.Steps = append(r.Steps, reclaim.RecordedStep{At: step.At, Asked: step.AskedBytes, Given: step.GivenBytes})
	}
	content, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, a.profile+".json"), append(content, '\n'), 0o600)
	}
	if err != nil {
		a.b.Error(err)
	}
}

func each(arms []*arm, do func(*arm, *resident)) {
	for _, a := range arms {
		for _, r := range a.residents {
			do(a, r)
		}
	}
}

func rest(d time.Duration) { <-time.After(d) }

func newArm(b *testing.B, profile, way string) *arm {
	a := &arm{profile: profile, way: way, b: b, fleet: dockertest.Fleet(b), rows: &rows{slices: map[int64]*store.ReclaimWishesRow{}}}
	config := docker.Config{
		Host: os.Getenv("DOCKER_HOST"), Fleet: a.fleet, SocketDir: dockertest.Sockets(b), WAEngine: "simulated",
		Limits: docker.Limits{Memory: 512 * mb, Reservation: 256 * mb, Swap: 512 * mb, CPUs: 0.5, CPUReservation: 0.25, Pids: 256, MediaQuota: 2 << 30},
	}
	if profile != "simulated" {
		config.WAEngine, config.StandIn, config.ChromiumProfile = "webjs", true, profile
	}
	db := storetest.New(b)
	a.gateway, a.server = store.New(db.Pool), db.Server(b)
	a.data = schemas.Schemas{Pool: storetest.Slices(b), Key: [32]byte{9}}
	a.folders = host.Directories{Root: dockertest.Scratch(b)}
	var err error
	if a.engine, err = docker.Open(b.Context(), config); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.engine.Close() })
	dir, err := probe.Parent(a.engine.CgroupParent())
	if err != nil {
		b.Fatal(err)
	}
	pins := filepath.Join("/sys/fs/bpf", "slicegate-"+a.fleet)
	if a.probe, err = probe.Open(b.Context(), probe.Config{Parent: dir, Pins: pins}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(a.probe.Close(), probe.Remove(pins)); err != nil {
			b.Error(err)
		}
	})
	a.controller = &reclaim.Controller{
		Rows: a.rows, Server: "bench", Every: 5 * time.Second, Memory: kernel, Limit: 512 * mb, Traffic: a, Containers: a.engine, Clock: time.Now,
		Settings: reclaim.Settings{
			// What the server reads back is the script's doing here, and no reason to stop.
			After: 2 * time.Minute, SwapUse: 0.8, Rate: 40 * mb, SwapIn: 1e9, Refaults: 128, Upstream: 16 << 10, Watch: reclaim.Watch, Reserve: 256 * mb,
		},
	}
	return a
}

// Seen implements reclaim.Traffic.
func (a *arm) Seen() (map[uint64]reclaim.Seen, error) {
	read, err := a.probe.Read()
	all := map[uint64]reclaim.Seen{}
	for group, counters := range read {
		all[group] = reclaim.Seen{User: counters.User.Last, UserBytes: int64(counters.User.Bytes), Upstream: int64(counters.Upstream.Bytes)}
	}
	return all, err
}

// start starts one slice and links its phone. Several may be started at once.
func (a *arm) start() {
	b, ctx := a.b, context.Background()
	image := dockertest.Image(b)
	if a.profile != "simulated" {
		image = dockertest.WebJSImage(b)
	}
	row, err := a.gateway.CreateSlice(ctx, store.CreateSliceParams{Server: a.server, Image: image})
	if err != nil {
		b.Fatal(err)
	}
	address, err := a.data.Ensure(ctx, row.ID)
	if err != nil {
		b.Fatal(err)
	}
	directory, owner, err := a.folders.Ensure(ctx, row.ID)
	if err != nil {
		b.Fatal(err)
	}
	r := &resident{id: row.ID, port: dockertest.Port()}
	b.Cleanup(func() {
		if err := errors.Join(a.engine.Remove(ctx, r.id), a.data.Drop(ctx, r.id)); err != nil {
			b.Error(err)
		}
	})
	if _, err := a.engine.Run(ctx, jobs.Spec{Slice: r.id, Image: image, Port: r.port, DatabaseURL: address, Directory: directory, Owner: owner}); err != nil {
		b.Fatal(err)
	}
	r.until(b, "qr")
	if _, err := r.ask(http.MethodPost, "/api/simulated/scan"); err != nil {
		b.Fatal(err)
	}
	r.until(b, "ready")
	if a.profile == "simulated" {
		if _, err := r.send(http.MethodPut, "/api/simulated/memory", fmt.Sprintf(`{"bytes": %d}`, browser)); err != nil {
			b.Fatal(err)
		}
	}
	container, there, err := a.engine.Look(ctx, r.id)
	if err != nil || !there {
		b.Fatalf("the container of slice %d is there: %v, %v", r.id, there, err)
	}
	if r.group, err = kernel.Group(container.PID); err != nil {
		b.Fatal(err)
	}
	a.rows.add(r.id)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.residents = append(a.residents, r)
}

// browser is what a phone that has none holds in place of Chromium: what that weighs beside its backend.
const browser = 115 * mb

func (r *resident) ask(method, path string) (string, error) { return r.send(method, path, "") }

// send asks with a body of JSON, if it is not empty.
func (r *resident) send(method, path, body string) (string, error) {
	request, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", r.port, path), strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Close = true // a connection that is closed later is traffic of a user who has left
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return string(text), err
}

func (r *resident) until(b *testing.B, state string) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; {
		text, err := r.ask(http.MethodGet, "/api/status")
		var status struct{ State string }
		if err == nil {
			err = json.Unmarshal([]byte(text), &status)
		}
		if err == nil && status.State == state {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("slice %d is not %s: %s, %v", r.id, state, text, err)
		}
		rest(100 * time.Millisecond)
	}
}

// session is a user who looks at their chats for some seconds.
func (r *resident) session(b *testing.B) {
	for range 20 {
		r.answer(b)
	}
	usage, err := kernel.Usage(r.group)
	if err != nil {
		b.Fatal(err)
	}
	r.before, r.held = usage, usage.Resident
}

// answer is how long the backend takes for an answer that needs the database and its own state.
func (r *resident) answer(b *testing.B) time.Duration {
	began := time.Now()
	if _, err := r.ask(http.MethodGet, "/api/chats"); err != nil {
		b.Error(err)
	}
	return time.Since(began)
}

// runScript pushes out everything of whoever had no user traffic for ten seconds, and again whenever
// that is so.
func (a *arm) runScript(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		seen, err := a.Seen()
		if err != nil {
			a.b.Error(err)
			return
		}
		for _, r := range a.residents {
			if time.Since(seen[r.group.ID].User) < 10*time.Second {
				continue
			}
			if usage, err := kernel.Usage(r.group); err == nil {
				_, _ = kernel.Reclaim(ctx, r.group, usage.Resident)
			}
		}
	}
}

// passwordHash is what a login takes before the first request comes: bcrypt at cost 12.
const passwordHash = 228 * time.Millisecond

// wake is the user who comes back: they log in, and ask.
func (a *arm) wake(ctx context.Context, r *resident) {
	if a.way == ours {
		a.controller.Wake(ctx, r.id, "login")
	}
	rest(passwordHash)
	r.first = append(r.first, r.answer(a.b))
	r.second = append(r.second, r.answer(a.b))
}

// result is what an arm came to. Sizes are means of a slice.
type result struct {
	held, after, swapped float64
	refaults             float64 // pages of a slice
	savedMB              float64 // mean over the idle time
	stalled              time.Duration
}

func (a *arm) measure(idle time.Duration) (m result) {
	n := float64(len(a.residents))
	for _, r := range a.residents {
		usage, err := kernel.Usage(r.group)
		if err != nil {
			a.b.Error(err)
			continue
		}
		m.held += float64(r.held) / n
		m.after += float64(r.after) / n
		m.swapped += float64(r.swapped) / n
		m.refaults += float64(usage.RefaultAnon+usage.RefaultFile-r.before.RefaultAnon-r.before.RefaultFile) / n
		m.savedMB += r.saved / idle.Seconds() / mb / n
		m.stalled += (usage.Pressure - r.before.Pressure) / time.Duration(len(a.residents))
	}
	return m
}

// leaveOutEnded leaves out whoever has ended: what a way does to its slices is a result too, but no mean has it.
func (a *arm) leaveOutEnded() {
	a.residents = slices.DeleteFunc(a.residents, func(r *resident) bool {
		_, err := kernel.Usage(r.group)
		if err != nil {
			a.ended++
			fmt.Printf("%s, %s: slice %d has ended: %s\n", a.profile, a.way, r.id, a.engine.LastWords(context.Background(), r.id))
		}
		return err != nil
	})
	if len(a.residents) == 0 {
		a.b.Fatalf("%s, %s: no slice lived to the end", a.profile, a.way)
	}
}

func progress(arms []*arm, after time.Duration) {
	var line strings.Builder
	for _, a := range arms {
		var sum int64
		for _, r := range a.residents {
			if usage, err := kernel.Usage(r.group); err == nil {
				sum += usage.Resident
			}
		}
		fmt.Fprintf(&line, "  %s %s %d MB", a.profile, a.way, sum/int64(len(a.residents))/mb)
	}
	fmt.Printf("%4.0f min%s\n", after.Minutes(), line.String())
}

// print shows each way, and ours as a ratio to the others.
func print(arms []*arm, results map[*arm]result, idle time.Duration, cpu time.Duration) {
	fmt.Printf("\n%-10s %-11s %6s %7s %6s %8s %9s %12s %8s %19s %19s\n", "", "", "held", "after", "given", "in swap", "refaults",
		"per MB saved", "stalled", "first answer", "second answer")
	fmt.Printf("%-10s %-11s %6s %7s %6s %8s %9s %12s %8s %19s %19s\n", "", "", "MB", "MB", "back", "MB", "pages", "pages", "ms", "p50 / worst, ms", "p50 / worst, ms")
	byWay := map[string]map[string]*arm{}
	for _, a := range arms {
		if byWay[a.profile] == nil {
			byWay[a.profile] = map[string]*arm{}
		}
		byWay[a.profile][a.way] = a
		m := results[a]
		first, second := a.times(func(r *resident) []time.Duration { return r.first }), a.times(func(r *resident) []time.Duration { return r.second })
		fmt.Printf("%-10s %-11s %6.0f %7.0f %5.0f%% %8.0f %9.0f %12.1f %8.0f %9.1f / %7.1f %9.1f / %7.1f\n", a.profile, a.way, m.held/mb, m.after/mb,
			100*(1-m.after/m.held), m.swapped/mb, m.refaults, m.refaults/max(1, m.savedMB), m.stalled.Seconds()*1e3,
			ms(first[len(first)/2]), ms(first[len(first)-1]), ms(second[len(second)/2]), ms(second[len(second)-1]))
	}
	fmt.Println()
	for _, a := range arms {
		if a.ended > 0 {
			fmt.Printf("%-10s %-11s %d of %d slices ended before their users came back\n", a.profile, a.way, a.ended, a.ended+len(a.residents))
		}
	}
	for _, a := range arms {
		if a.way != ours {
			continue
		}
		mine, its, none := results[a], results[byWay[a.profile][script]], results[byWay[a.profile][leftAlone]]
		first := a.times(func(r *resident) []time.Duration { return r.first })
		alone := byWay[a.profile][leftAlone].times(func(r *resident) []time.Duration { return r.first })
		scripts := byWay[a.profile][script].times(func(r *resident) []time.Duration { return r.first })
		fmt.Printf("%-10s ours: %.2f of the memory of those left alone (script: %.2f); refaults per MB saved %.3f of the script's; worst first answer %.2f of those left alone (script: %.2f)\n",
			a.profile, mine.after/none.after, its.after/none.after, (mine.refaults/max(1, mine.savedMB))/(its.refaults/max(1, its.savedMB)),
			ms(first[len(first)-1])/ms(alone[len(alone)-1]), ms(scripts[len(scripts)-1])/ms(alone[len(alone)-1]))
	}
	for _, a := range arms {
		if a.way == ours {
			fmt.Printf("%-10s %s\n", a.profile, a.rows.broughtBack())
		}
	}
	fmt.Printf("\nCPU of controllers, script and this benchmark together: %.2f %% of a core over %v\n", 100*cpu.Seconds()/idle.Seconds(), idle)
}

// broughtBack says in words what the wakes did, of the mean slice.
func (r *rows) broughtBack() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ahead, took, back, refaults, n float64
	for _, wake := range r.wakes {
		n++
		ahead, took, back, refaults = ahead+float64(wake.PrefetchedBytes), took+float64(wake.PrefetchUs), back+float64(*wake.BackBytes), refaults+float64(*wake.Refaults)
	}
	if n == 0 {
		return "nobody was woken"
	}
	return fmt.Sprintf("woken %.0f times: %.0f MB were brought back ahead in %.0f ms; after ten seconds %.0f MB were back, by %.0f refaults", n, ahead/n/mb, took/n/1e3, back/n/mb, refaults/n)
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

func (a *arm) times(of func(*resident) []time.Duration) (all []time.Duration) {
	for _, r := range a.residents {
		all = append(all, of(r)...)
	}
	slices.Sort(all)
	return all
}

func processor(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
