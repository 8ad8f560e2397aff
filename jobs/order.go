package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// Order is what an operator, or the account of a customer, asks of a slice.
type Order string

// The orders, as they are named on the command line and in the audit ("slice.suspend").
const (
	OrderSuspend Order = "suspend" // stop the container, keep the data and the user
	OrderResume  Order = "resume"  // the way back, also of one that has failed
	OrderRecycle Order = "recycle" // restart in order
	OrderDestroy Order = "destroy" // delete everything, for good
)

// ActorBilling gives the orders that follow from what is paid. It resumes only what it has suspended.
const ActorBilling = "billing"

// Known tells whether there is such an order.
func (o Order) Known() bool { return orders[o].job != nil }

// orders says in which statuses each may be given, where it takes the slice, and which job does it.
var orders = map[Order]struct {
	from []string
	to   string // "" where it stays
	job  func(server string, slice int64, asked time.Time) river.JobArgs
}{
	OrderSuspend: {[]string{"assigned", "failed"}, "suspended", func(server string, slice int64, asked time.Time) river.JobArgs {
		return StopArgs{server, slice, asked}
	}},
	OrderResume: {[]string{"suspended", "failed"}, "assigned", func(server string, slice int64, asked time.Time) river.JobArgs {
		return StartArgs{Server: server, Slice: slice, Asked: asked}
	}},
	OrderRecycle: {[]string{"available", "assigned"}, "", func(server string, slice int64, asked time.Time) river.JobArgs {
		return RecycleArgs{server, slice, asked}
	}},
	OrderDestroy: {[]string{"available", "assigned", "suspended", "failed"}, "destroying", func(server string, slice int64, asked time.Time) river.JobArgs {
		return DestroyArgs{server, slice, asked}
	}},
}

// ErrRefused is an order that a slice does not take where it stands; the error says why.
var ErrRefused = errors.New("refused")

// Give writes an order into the slice's row and the audit and enqueues its job, all in tx. An
// order that was given before and still holds is given again without effect but the job's. Each
// order has a job of its own: as one of several that are alike, River would drop it while
// another, which has looked at the row before, is just finishing.
func Give(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], order Order, slice int64, actor string, now time.Time) error {
	known := orders[order]
	if !order.Known() {
		return fmt.Errorf("%w: there is no order %q", ErrRefused, order)
	}
	queries := store.New(tx)
	changed, err := write(ctx, queries, order, slice, now)
	switch {
	case err == nil:
		if err := queries.RecordSlice(ctx, actor, "slice."+string(order), slice, nil); err != nil {
			return err
		}
		if err := closeAlert(ctx, queries, alertSliceFailed, subjectSlice(slice), now); err != nil {
			return err // somebody acts
		}
	case store.IsNone(err):
		if changed, err = queries.SliceByID(ctx, slice); store.IsNone(err) {
			return fmt.Errorf("%w: there is no slice %d", ErrRefused, slice)
		} else if err != nil {
			return fmt.Errorf("%s slice %d: %w", order, slice, err)
		}
		if moving, err := queries.IsMoving(ctx, slice); err != nil {
			return fmt.Errorf("%s slice %d: %w", order, slice, err)
		} else if moving {
			return fmt.Errorf("%w: slice %d is being moved to another; give the order to that one when it has been, in a minute or two", ErrRefused, slice)
		}
		if changed.Status != known.to {
			return fmt.Errorf("%w: slice %d is %s; only what is %s can be told to %s", ErrRefused, slice, changed.Status, strings.Join(known.from, " or "), order)
		}
	default:
		return fmt.Errorf("%s slice %d: %w", order, slice, err)
	}
	if order == OrderSuspend {
		reason := "operator"
		if actor == ActorBilling {
			reason = ActorBilling
		}
		if err := queries.SuspendFor(ctx, store.SuspendForParams{ID: slice, Reason: reason}); err != nil {
			return fmt.Errorf("%s slice %d: %w", order, slice, err)
		}
	}
	if _, err := client.InsertTx(ctx, tx, known.job(changed.Server, slice, now), nil); err != nil {
		return fmt.Errorf("%s slice %d: enqueue: %w", order, slice, err)
	}
	return nil
}

func write(ctx context.Context, queries *store.Queries, order Order, slice int64, now time.Time) (store.Slice, error) {
	from := slices.Clone(orders[order].from)
	if order == OrderRecycle {
		return queries.AskRecycle(ctx, store.AskRecycleParams{ID: slice, FromStatuses: from, Now: now})
	}
	return queries.MoveSlice(ctx, store.MoveSliceParams{ID: slice, FromStatuses: from, ToStatus: orders[order].to})
}
