package reclaim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/store"
)

// Controller keeps the idle slices of one server small. What it remembers may be lost: a slice is
// then watched for a while before anything more is taken of it. Its rows are reclaims, wakes and
// the floors of slices.
type Controller struct {
	Rows       Rows
	Server     string
	Settings   Settings
	Every      time.Duration // between two looks at the server
	Memory     cgroup.Memory
	Limit      int64 // bytes that a slice may have: its container's
	Traffic    Traffic
	Containers Containers
	Clock      jobs.Clock

	mu      sync.Mutex
	tenants map[int64]*tenant
	listed  time.Time            // when the containers were last asked for
	server  []cgroup.ServerUsage // of the last looks, oldest first
	wakes   sync.WaitGroup
	stopped string // why nothing is taken, as it was last told
}

// Rows are what is written down, and what an operator wants: store.Queries, in the runner.
type Rows interface {
	ReclaimWishes(ctx context.Context, server string) ([]store.ReclaimWishesRow, error)
	NoteFloors(ctx context.Context, floors store.NoteFloorsParams) error
	AddReclaims(ctx context.Context, steps []store.AddReclaimsParams) (int64, error)
	AddWake(ctx context.Context, wake store.AddWakeParams) error
	EndAskedReclaim(ctx context.Context, ended store.EndAskedReclaimParams) error
}

var _ Rows = (*store.Queries)(nil)

// Traffic is what is known of the packets of each control group.
type Traffic interface {
	// Seen gives what each group has had since it was made.
	Seen() (map[uint64]Seen, error)
}

// Seen is the traffic of one control group.
type Seen struct {
	User      time.Time // its user's last packet; zero: none yet
	UserBytes int64     // to and from its user; what tells whether they came between two looks
	Upstream  int64     // bytes to and from WhatsApp
}

// Containers tells which slices run.
type Containers interface {
	Each(ctx context.Context) ([]jobs.Container, error)
}

// tenant is a slice that runs, as the controller remembers it.
type tenant struct {
	Slice
	container jobs.Container
	group     cgroup.Group
	used      int64              // bytes of its user, as of the last look
	shield    int64              // as it was last set; -1: not yet
	interrupt context.CancelFunc // of the step that is being carried out
	woken     time.Time
	early     bool                   // it was taken from before it was idle, as an operator asked
	hot       map[int][]cgroup.Range // by process: what it read back when it last woke
}

// A container is asked for again when the groups change, and this often beside.
const listEvery = time.Minute

// kept is how long readings are remembered: what steps are judged by, and some more.
const kept = Watch + Watch/2

// Run looks at the server every so often until ctx ends. What fails is logged, and tried again by the
// next look.
func (c *Controller) Run(ctx context.Context) {
	defer c.wakes.Wait()
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	failing := ""
	for {
		switch err := c.look(ctx); {
		case err == nil || ctx.Err() != nil:
			failing = ""
		case err.Error() != failing: // once, not at every look
			failing = err.Error()
			slog.WarnContext(ctx, "slices are not kept small", "error", failing)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads everything, decides, and does it.
func (c *Controller) look(ctx context.Context) error {
	seen, err := c.Traffic.Seen()
	if err != nil {
		return fmt.Errorf("who uses their slice cannot be seen: %w", err)
	}
	wishes, err := c.Rows.ReclaimWishes(ctx, c.Server)
	if err != nil {
		return err
	}
	if err := c.list(ctx, seen); err != nil {
		return err
	}
	now, failures := c.Clock(), []error(nil)
	c.mu.Lock()
	for id, t := range c.tenants {
		if err := c.read(ctx, now, t, seen[t.group.ID]); errors.Is(err, cgroup.ErrGone) {
			delete(c.tenants, id)
			c.listed = time.Time{}
		} else if err != nil {
			failures = append(failures, fmt.Errorf("slice %d: %w", id, err))
		}
	}
	server, err := c.serverNow(now)
	if err != nil {
		c.mu.Unlock()
		return errors.Join(append(failures, err)...)
	}
	var all []Slice
	var ended []store.EndAskedReclaimParams
	for _, wish := range wishes {
		server.Paused = wish.ServerPaused
		t := c.tenants[wish.ID]
		if t == nil {
			if asked := wish.ReclaimAskedAt; asked != nil && now.Sub(*asked) >= askedFor {
				ended = append(ended, store.EndAskedReclaimParams{ID: wish.ID, Asked: *asked, Why: "it did not run for an hour"})
			}
			continue
		}
		t.Paused, t.Asked = wish.ReclaimPaused, time.Time{}
		if wish.ReclaimAskedAt != nil {
			t.Asked = *wish.ReclaimAskedAt
		}
		if t.Pace.Floor == 0 && wish.FloorBytes != nil && wish.FloorAt != nil {
			t.Pace.Floor, t.Pace.FloorAt = *wish.FloorBytes, *wish.FloorAt
		}
		all = append(all, t.Slice)
	}
	plan := Decide(now, server, all, c.Settings, c.Every)
	var floors store.NoteFloorsParams
	for id, pace := range plan.Paces {
		if t := c.tenants[id]; pace.Floor != t.Pace.Floor {
			floors.Ids, floors.Floors, floors.Ats = append(floors.Ids, id), append(floors.Floors, pace.Floor), append(floors.Ats, pace.FloorAt)
		}
		c.tenants[id].Pace = pace
	}
	for id, low := range plan.Shields {
		if err := c.shield(c.tenants[id], low); err != nil && !errors.Is(err, cgroup.ErrGone) {
			failures = append(failures, fmt.Errorf("slice %d: %w", id, err))
		}
	}
	for id, why := range plan.Ended {
		ended = append(ended, store.EndAskedReclaimParams{ID: id, Asked: c.tenants[id].Asked, Why: why})
	}
	for _, step := range plan.Steps {
		t := c.tenants[step.Slice]
		t.early = t.early || Idle(now, t.Slice) < c.Settings.After
	}
	c.mu.Unlock()
	for _, one := range ended {
		failures = append(failures, c.Rows.EndAskedReclaim(ctx, one))
	}
	if plan.Stopped != c.stopped {
		c.stopped = plan.Stopped
		slog.InfoContext(ctx, "whether idle slices are pushed out", "stopped", c.stopped)
	}
	if len(floors.Ids) > 0 {
		failures = append(failures, c.Rows.NoteFloors(ctx, floors))
	}
	return errors.Join(append(failures, c.carryOut(ctx, plan.Steps))...)
}

// list brings the tenants up to date with the containers that run.
func (c *Controller) list(ctx context.Context, seen map[uint64]Seen) error {
	c.mu.Lock()
	known := map[uint64]bool{}
	for _, t := range c.tenants {
		known[t.group.ID] = true
	}
	stale := c.Clock().Sub(c.listed) > listEvery
	c.mu.Unlock()
	for id := range seen {
		stale = stale || !known[id]
	}
	if !stale {
		return nil
	}
	containers, err := c.Containers.Each(ctx)
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants == nil {
		c.tenants = map[int64]*tenant{}
	}
	running := map[int64]bool{}
	for _, container := range containers {
		if !container.Running {
			continue
		}
		running[container.Slice] = true
		if t := c.tenants[container.Slice]; t != nil && t.container.PID == container.PID && t.container.StartedAt.Equal(container.StartedAt) {
			continue
		}
		group, err := c.Memory.Group(container.PID)
		if errors.Is(err, cgroup.ErrGone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("slice %d: %w", container.Slice, err)
		}
		// A runner that was killed in the middle of a step may have left a lower limit.
		if _, err := c.Memory.Restore(group, c.Limit); err != nil && !errors.Is(err, cgroup.ErrGone) {
			return fmt.Errorf("slice %d: %w", container.Slice, err)
		}
		c.tenants[container.Slice] = &tenant{
			Slice: Slice{ID: container.Slice, Started: container.StartedAt}, container: container, group: group, shield: -1,
		}
	}
	maps.DeleteFunc(c.tenants, func(id int64, _ *tenant) bool { return !running[id] })
	c.listed = c.Clock()
	return nil
}

// read adds what a slice has now to its history. Who was idle and is used again has woken.
func (c *Controller) read(ctx context.Context, now time.Time, t *tenant, seen Seen) error {
	usage, err := c.Memory.Usage(t.group)
	if err != nil {
		return err
	}
	if len(t.History) > 0 && seen.UserBytes > t.used && (t.early || Idle(now, t.Slice) >= c.Settings.After) {
		c.wake(ctx, t, "traffic")
	}
	t.used = seen.UserBytes
	t.History = append(slices.DeleteFunc(slices.Clone(t.History), func(r Reading) bool { return now.Sub(r.At) > kept }), Reading{
		At: now, Resident: usage.Resident, Swapped: usage.Swapped, Refaults: int64(usage.RefaultAnon + usage.RefaultFile),
		Pressure: usage.Pressure, User: seen.User, Upstream: seen.Upstream,
	})
	return nil
}

// serverNow reads the server; how fast it reads back is taken over the last few looks.
func (c *Controller) serverNow(now time.Time) (Server, error) {
	usage, err := c.Memory.Server()
	if err != nil {
		return Server{}, err
	}
	const looks = 4
	if c.server = append(c.server, usage); len(c.server) > looks {
		c.server = c.server[1:]
	}
	server := Server{SwapTotal: usage.SwapTotal, SwapUsed: usage.SwapTotal - usage.SwapFree}
	if n := len(c.server); n > 1 {
		span := c.Every * time.Duration(n-1)
		server.SwapIn = float64(usage.SwappedIn-c.server[0].SwappedIn) / span.Seconds()
	}
	return server, nil
}

// shield sets how much of a slice the kernel itself leaves alone.
func (c *Controller) shield(t *tenant, low int64) error {
	if t.shield == low {
		return nil
	}
	if err := c.Memory.Shield(t.group, low); err != nil {
		return err
	}
	t.shield = low
	return nil
}
