package reclaim_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/reclaim"
	"slicegate/store"
)

const mb = 1 << 20

// rows are the controller's, in memory: the kernel is what these tests are about, and where they run
// on version 2 there is no Postgres.
type rows struct {
	mu     sync.Mutex
	slices map[int64]*store.ReclaimWishesRow
	steps  []store.AddReclaimsParams
	wakes  []store.AddWakeParams
	ended  []store.EndAskedReclaimParams
}

func (r *rows) add(slice int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slices[slice] = &store.ReclaimWishesRow{ID: slice}
}

func (r *rows) ReclaimWishes(context.Context, string) ([]store.ReclaimWishesRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []store.ReclaimWishesRow
	for _, id := range slices.Sorted(maps.Keys(r.slices)) {
		all = append(all, *r.slices[id])
	}
	return all, nil
}

func (r *rows) NoteFloors(_ context.Context, floors store.NoteFloorsParams) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, id := range floors.Ids {
		r.slices[id].FloorBytes, r.slices[id].FloorAt = &floors.Floors[i], &floors.Ats[i]
	}
	return nil
}

func (r *rows) AddReclaims(_ context.Context, steps []store.AddReclaimsParams) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, steps...)
	return int64(len(steps)), nil
}

func (r *rows) AddWake(_ context.Context, wake store.AddWakeParams) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakes = append(r.wakes, wake)
	return nil
}

func (r *rows) EndAskedReclaim(_ context.Context, ended store.EndAskedReclaimParams) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slices[ended.ID].ReclaimAskedAt = nil
	r.ended = append(r.ended, ended)
	return nil
}

// of gives the steps of one slice.
func (r *rows) of(slice int64) (steps []store.AddReclaimsParams) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, step := range r.steps {
		if step.SliceID == slice {
			steps = append(steps, step)
		}
	}
	return steps
}

// house is a server with tenants for slices.
type house struct {
	t       *testing.T
	rows    *rows
	tenants map[int64]*cgrouptest.Tenant
	began   time.Time
	after   time.Duration // without its user, and a slice is idle

	mu   sync.Mutex
	user map[int64]reclaim.Seen
}

func newHouse(t *testing.T, swap int64) *house {
	cgrouptest.Swap(t, swap)
	return &house{t: t, rows: &rows{slices: map[int64]*store.ReclaimWishesRow{}}, tenants: map[int64]*cgrouptest.Tenant{}, began: time.Now(), after: 2 * time.Second, user: map[int64]reclaim.Seen{}}
}

func (h *house) add(slice int64, bytes int64) {
	tenant := cgrouptest.Start(h.t, cgrouptest.Make(h.t))
	tenant.Hold(bytes)
	h.tenants[slice] = tenant
	h.rows.slices[slice] = &store.ReclaimWishesRow{ID: slice}
}

// Each implements reclaim.Containers.
func (h *house) Each(context.Context) ([]jobs.Container, error) {
	var all []jobs.Container
	for id, tenant := range h.tenants {
		all = append(all, jobs.Container{Slice: id, Running: true, PID: tenant.PID, StartedAt: h.began})
	}
	return all, nil
}

// Seen implements reclaim.Traffic.
func (h *house) Seen() (map[uint64]reclaim.Seen, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[uint64]reclaim.Seen{}
	for id, tenant := range h.tenants {
		all[tenant.Group.ID] = h.user[id]
	}
	return all, nil
}

func (h *house) use(slice int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.user[slice] = reclaim.Seen{User: time.Now(), UserBytes: h.user[slice].UserBytes + 100}
}

// run runs a controller until stop.
func (h *house) run() (c *reclaim.Controller, stop func()) {
	c = &reclaim.Controller{
		Rows: h.rows, Server: "test", Every: time.Second, Memory: cgroup.Memory{Root: "/"}, Traffic: h, Containers: h, Clock: time.Now,
		Limit: 1 << 30,
		Settings: reclaim.Settings{
			After: h.after, SwapUse: 0.9, Rate: 100 * mb, SwapIn: 1e6, Refaults: 64, Upstream: 16 << 10, Watch: 6 * time.Second, Reserve: 50 * mb,
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	h.t.Cleanup(stop)
	return c, stop
}

func (h *house) usage(slice int64) cgroup.Usage {
	h.t.Helper()
	usage, err := cgroup.Memory{Root: "/"}.Usage(h.tenants[slice].Group)
	if err != nil {
		h.t.Fatal(err)
	}
	return usage
}

// until touches what slices use, each second, until a condition is true.
func (h *house) until(what string, within time.Duration, hot map[int64]int64, condition func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			h.t.Fatalf("not within %v: %s", within, what)
		}
		for slice, bytes := range hot {
			h.tenants[slice].Touch(bytes)
		}
		<-tick.C
	}
}

func TestHybridTheControllerTakesWhatIsNotUsed(t *testing.T) {
	if cgrouptest.Pure() {
		t.Skip("this machine has no cgroup v1, as a server should")
	}
	takesWhatIsNotUsed(t)
}

func TestV2TheControllerTakesWhatIsNotUsed(t *testing.T) {
	cgrouptest.NeedPure(t)
	takesWhatIsNotUsed(t)
}

// most is what the kernel may take when it is asked for so much. Through memory.reclaim, Linux 6.1 was seen
// to take up to twice of it, and some MB of a small step: it goes through its lists in batches.
func most(asked int64) int64 {
	if cgrouptest.Pure() {
		return 2*asked + 4*mb
	}
	return asked + asked/4 + mb
}

// takesWhatIsNotUsed: of two slices of 120 MB, of which 30 are used, one is in a session. The other is
// taken down to what it uses, in steps; it comes back when it is wanted, and a new controller knows
// what it needs.
func takesWhatIsNotUsed(t *testing.T) {
	h := newHouse(t, 400*mb)
	const idle, used = 1, 2
	h.add(idle, 120*mb)
	h.add(used, 120*mb)
	whole := h.usage(idle).Resident
	c, stop := h.run()
	hot := map[int64]int64{idle: 30 * mb, used: 30 * mb}
	session := func(condition func() bool) func() bool {
		return func() bool {
			h.use(used)
			return condition()
		}
	}
	// What a Go process has beside what it holds is used as well: some MB.
	h.until("the idle slice is near what it uses", 10*time.Minute, hot, session(func() bool {
		return h.usage(idle).Resident < 45*mb
	}))
	h.until("its floor is known", 10*time.Minute, hot, session(func() bool {
		h.rows.mu.Lock()
		defer h.rows.mu.Unlock()
		return h.rows.slices[idle].FloorBytes != nil
	}))
	if floor := *h.rows.slices[idle].FloorBytes; floor < 28*mb || floor > 50*mb {
		t.Errorf("it uses 30 MB, and its floor is taken for %d", floor/mb)
	}
	steps := h.rows.of(idle)
	var taken int64
	for _, step := range steps {
		taken += step.GivenBytes
		if step.AskedBytes > whole/4 || step.GivenBytes > most(step.AskedBytes) {
			t.Errorf("asked for %d bytes of %d, %d came", step.AskedBytes, step.RssBefore, step.GivenBytes)
		}
	}
	if back := int64(h.usage(idle).RefaultAnon) * 4096; len(steps) < 5 || back > taken/3+8*mb {
		t.Errorf("%d steps took %d MB, of which %d came back", len(steps), taken/mb, back/mb)
	}
	if steps := h.rows.of(used); len(steps) > 0 {
		t.Errorf("%d steps into a slice in session", len(steps))
	}

	c.Wake(t.Context(), idle, "login")
	h.until("the wake is written down", time.Minute, nil, session(func() bool {
		h.rows.mu.Lock()
		defer h.rows.mu.Unlock()
		return len(h.rows.wakes) == 1
	}))
	wake := h.rows.wakes[0]
	if wake.Cause != "login" || wake.SliceID != idle || wake.SwapBefore < 60*mb || wake.PrefetchedBytes < 30*mb || *wake.BackBytes < 25*mb {
		t.Errorf("%+v, %d bytes came back", wake, *wake.BackBytes)
	}
	for _, step := range h.rows.of(idle) {
		if began := step.At.Add(-time.Duration(step.TookUs) * time.Microsecond); began.After(wake.At) {
			t.Errorf("a step into a slice whose user is on their way, %v after that was told", began.Sub(wake.At))
		}
	}
	stop()

	// The user has not come; another runner begins where the floor is known.
	h.rows.steps = nil
	h.run()
	h.until("it is down again", 5*time.Minute, hot, session(func() bool { return h.usage(idle).Resident < 50*mb }))
	if again := len(h.rows.of(idle)); again >= len(steps) {
		t.Errorf("%d steps the second time, %d the first", again, len(steps))
	}
}

func TestHybridWhatIsAskedForIsTakenUntilTheUserComes(t *testing.T) {
	if cgrouptest.Pure() {
		t.Skip("this machine has no cgroup v1, as a server should")
	}
	takesWhatIsAskedFor(t)
}

func TestV2WhatIsAskedForIsTakenUntilTheUserComes(t *testing.T) {
	cgrouptest.NeedPure(t)
	takesWhatIsAskedFor(t)
}

// takesWhatIsAskedFor: of two slices that are not idle yet an operator asks for one. It is taken from, in steps
// that say so, until its user comes; then what was asked is forgotten, and the slice woken.
func takesWhatIsAskedFor(t *testing.T) {
	h := newHouse(t, 400*mb)
	const asked, other = 1, 2
	h.add(asked, 120*mb)
	h.add(other, 120*mb)
	h.began, h.after = time.Now().Add(-5*time.Minute), time.Hour
	h.run()
	at := time.Now()
	h.rows.mu.Lock()
	h.rows.slices[asked].ReclaimAskedAt = &at
	h.rows.mu.Unlock()
	h.until("it is taken from", 2*time.Minute, nil, func() bool { return h.usage(asked).Swapped > 20*mb })
	for _, step := range h.rows.of(asked) {
		if !strings.HasPrefix(step.Reason, "asked for by an operator") {
			t.Errorf("a step for %q", step.Reason)
		}
	}
	h.use(asked)
	h.until("it is forgotten", time.Minute, nil, func() bool {
		h.rows.mu.Lock()
		defer h.rows.mu.Unlock()
		return len(h.rows.ended) == 1
	})
	steps := len(h.rows.of(asked))
	h.until("its wake is written down", time.Minute, nil, func() bool {
		h.rows.mu.Lock()
		defer h.rows.mu.Unlock()
		return len(h.rows.wakes) == 1 && h.rows.wakes[0].Cause == "traffic"
	})
	if why := h.rows.ended[0].Why; why != "its user is on their way" && !strings.HasPrefix(why, "its user is there") {
		t.Errorf("it is forgotten since %q", why)
	}
	if more := len(h.rows.of(asked)); more != steps {
		t.Errorf("%d steps after its user came", more-steps)
	}
	if n := len(h.rows.of(other)); n != 0 {
		t.Errorf("%d steps into the one that nobody asked for", n)
	}
}
