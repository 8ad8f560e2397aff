package reclaim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"slicegate/runner/cgroup"
	"slicegate/store"
)

// atOnce steps are carried out at the same time: the kernel looks for pages on the CPU of who asks.
const atOnce = 2

// carryOut does the steps and writes them down, in one statement.
func (c *Controller) carryOut(ctx context.Context, steps []Step) error {
	if len(steps) == 0 {
		return nil
	}
	var mu sync.Mutex
	var rows []store.AddReclaimsParams
	var failures []error
	group := errgroup.Group{}
	group.SetLimit(atOnce)
	for _, step := range steps {
		group.Go(func() error {
			row, err := c.take(ctx, step)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !errors.Is(err, cgroup.ErrGone) && !errors.Is(err, context.Canceled) {
				failures = append(failures, fmt.Errorf("take %d bytes of slice %d: %w", step.Bytes, step.Slice, err))
			}
			if row != nil {
				rows = append(rows, *row)
			}
			return nil
		})
	}
	_ = group.Wait()
	// Also when the runner is being stopped: it was done.
	if _, err := c.Rows.AddReclaims(context.WithoutCancel(ctx), rows); err != nil {
		failures = append(failures, fmt.Errorf("steps are not written down: %w", err))
	}
	return errors.Join(failures...)
}

// take carries out one step, unless its slice has come into use since it was decided; who comes
// while it is being carried out ends it.
func (c *Controller) take(ctx context.Context, step Step) (*store.AddReclaimsParams, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := c.Traffic.Seen()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	t := c.tenants[step.Slice]
	if t == nil || c.Clock().Before(t.Awake) || seen[t.group.ID].UserBytes > t.used {
		c.mu.Unlock()
		return nil, nil
	}
	t.interrupt = cancel
	before, began := t.History[len(t.History)-1], time.Now()
	c.mu.Unlock()

	given, err := c.Memory.Reclaim(ctx, t.group, step.Bytes)
	now := c.Clock()
	took := time.Since(began)
	after := before
	if usage, err := c.Memory.Usage(t.group); err == nil {
		after.Resident, after.Swapped, after.Pressure = usage.Resident, usage.Swapped, usage.Pressure
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.interrupt = nil
	t.Pace.Note(now, given)
	return &store.AddReclaimsParams{
		SliceID: step.Slice, At: now, Kind: "step", AskedBytes: step.Bytes, GivenBytes: given, TookUs: took.Microseconds(),
		RssBefore: before.Resident, RssAfter: after.Resident, SwapAfter: after.Swapped, RefaultsBefore: before.Refaults,
		PressureBeforeUs: before.Pressure.Microseconds(), PressureAfterUs: after.Pressure.Microseconds(), Reason: step.Reason,
	}, err
}
