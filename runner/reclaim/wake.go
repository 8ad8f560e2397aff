package reclaim

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"slicegate/runner/cgroup"
	"slicegate/store"
)

const (
	// A slice that is wanted is exempt so long; then its traffic speaks for it.
	awakeFor = 2 * time.Minute
	// One that is wanted again within this is awake already.
	wokenFor = 10 * time.Second
	// What a slice reads back in this time after it woke is what its user needed.
	settled = 10 * time.Second
	// With less than this in swap there is nothing to wake.
	asleep = 8 << 20
	// Of a slice that has not taught yet what it needs, at most so much is brought back unasked.
	untaught = 96 << 20
)

// Wake exempts a slice whose user is on their way, and brings its memory back ahead of them. That is a
// hint: the slice of a user who does not come is idle again soon.
func (c *Controller) Wake(ctx context.Context, slice int64, cause string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tenants[slice]; t != nil {
		c.wake(ctx, t, cause)
	}
}

// wake exempts a slice, and brings back what it needed the last time. c.mu is held.
func (c *Controller) wake(ctx context.Context, t *tenant, cause string) {
	now := c.Clock()
	idle := Idle(now, t.Slice)
	t.Awake, t.early = now.Add(awakeFor), false
	if t.interrupt != nil {
		t.interrupt()
	}
	if now.Sub(t.woken) < wokenFor {
		return
	}
	if err := c.shield(t, c.Settings.Reserve); err != nil && !errors.Is(err, cgroup.ErrGone) {
		slog.WarnContext(ctx, "slice is not shielded", "slice", t.ID, "error", err.Error())
	}
	before, err := c.Memory.Usage(t.group)
	if err != nil || before.Swapped < asleep {
		return
	}
	t.woken = now
	waking := waking{slice: t.ID, group: t.group, cause: cause, at: now, idle: idle, before: before, hot: t.hot}
	c.wakes.Go(func() { c.bringBack(ctx, waking) })
}

// waking is a slice that is being woken.
type waking struct {
	slice  int64
	group  cgroup.Group
	cause  string
	at     time.Time
	idle   time.Duration
	before cgroup.Usage
	hot    map[int][]cgroup.Range
}

// bringBack reads a slice's pages ahead of its user, and sees what they go on to use: that is what is
// read ahead the next time.
func (c *Controller) bringBack(ctx context.Context, w waking) {
	began := time.Now()
	swapped, err := c.swapped(w.group)
	var brought int64
	for _, one := range swapped {
		ahead := cgroup.Both(one.pages, w.hot[one.pid])
		if len(w.hot) == 0 {
			ahead = upTo(one.pages, untaught-brought)
		}
		bytes, prefetch := cgroup.Prefetch(ctx, one.pid, ahead)
		brought += bytes
		err = errors.Join(err, prefetch)
	}
	took := time.Since(began)
	if err != nil && !errors.Is(err, cgroup.ErrGone) && ctx.Err() == nil {
		slog.WarnContext(ctx, "a slice's memory is not brought back ahead of its user", "slice", w.slice, "error", err.Error())
	}
	select {
	case <-time.After(settled - took):
	case <-ctx.Done():
		return
	}
	after, err := c.Memory.Usage(w.group)
	if err != nil {
		return // it has ended
	}
	hot := map[int][]cgroup.Range{}
	for _, one := range swapped {
		if present, err := cgroup.Present(one.pid); err == nil {
			hot[one.pid] = needed(one.pages, w.hot[one.pid], present)
		}
	}
	c.mu.Lock()
	if t := c.tenants[w.slice]; t != nil && t.group == w.group {
		t.hot = hot
	}
	c.mu.Unlock()
	back, stall := max(0, after.Resident-w.before.Resident), (after.Pressure - w.before.Pressure).Microseconds()
	refaults := int64(after.RefaultAnon + after.RefaultFile - w.before.RefaultAnon - w.before.RefaultFile)
	idle := int32(w.idle.Seconds())
	err = c.Rows.AddWake(ctx, store.AddWakeParams{
		SliceID: w.slice, At: w.at, Cause: w.cause, IdleSeconds: &idle, RssBefore: w.before.Resident, SwapBefore: w.before.Swapped,
		PrefetchedBytes: brought, PrefetchUs: took.Microseconds(), BackBytes: &back, Refaults: &refaults, StallUs: &stall,
	})
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "a wake is not written down", "slice", w.slice, "error", err.Error())
	}
}

// needed is what a process is taken to need when it wakes: what it has of what was in swap, and of what
// it needed the last time. That which was brought back and that it did not touch is not mapped, and so
// not present: it is forgotten again.
func needed(swapped, before, present []cgroup.Range) []cgroup.Range {
	return cgroup.Both(cgroup.Either(swapped, before), present)
}

// process is what one process of a group has in swap.
type process struct {
	pid   int
	pages []cgroup.Range
}

// swapped lists the processes of a group, the oldest first: a slice's backend, which answers its user,
// comes before the browser that it started.
func (c *Controller) swapped(group cgroup.Group) ([]process, error) {
	pids, err := c.Memory.Processes(group)
	if err != nil {
		return nil, err
	}
	slices.Sort(pids)
	var all []process
	var failures []error
	for _, pid := range pids {
		pages, err := cgroup.Swapped(pid)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		all = append(all, process{pid, pages})
	}
	return all, errors.Join(failures...)
}

// upTo is the first bytes of the ranges.
func upTo(ranges []cgroup.Range, bytes int64) (first []cgroup.Range) {
	for _, one := range ranges {
		if bytes <= 0 {
			break
		}
		one.End = min(one.End, one.Start+uint64(bytes))
		first, bytes = append(first, one), bytes-int64(one.End-one.Start)
	}
	return first
}
