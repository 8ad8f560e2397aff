package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/store"
)

// Turns lets AtOnce slices of a server start at a time, from their container's start until they
// answer: all at once, as after a reboot, they would keep each other from ever answering. Those
// that somebody waits for go first, then those with a user, then the pool's.
type Turns struct {
	Pool   *pgxpool.Pool
	AtOnce int
	Clock  Clock
}

// A job asks again every second or two; one that has not for this long has lost its runner.
const turnLostAfter = time.Minute

// PresentWithin is how lately a session must have been used for its user to be there, and their
// slice in use.
const PresentWithin = 5 * time.Minute

// ask tells whether the slice may start now, or go on starting.
func (t Turns) ask(ctx context.Context, slice store.Slice) (granted bool, err error) {
	now := t.Clock()
	err = pgx.BeginFunc(ctx, t.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.LockStarts(ctx, slice.Server); err != nil {
			return err
		}
		if err := queries.AskStart(ctx, store.AskStartParams{
			SliceID: slice.ID, Now: now, PresentSince: now.Add(-PresentWithin), AliveSince: now.Add(-turnLostAfter),
		}); err != nil {
			return err
		}
		changed, err := queries.BeginStart(ctx, store.BeginStartParams{
			SliceID: slice.ID, Now: now, AliveSince: now.Add(-turnLostAfter), AtOnce: int64(t.AtOnce),
		})
		granted = changed > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ask for a turn: %w", err)
	}
	return granted, nil
}

// end gives the turn to the next.
func (t Turns) end(ctx context.Context, slice int64) error {
	if err := store.New(t.Pool).EndStart(ctx, slice); err != nil {
		return fmt.Errorf("end turn: %w", err)
	}
	return nil
}
