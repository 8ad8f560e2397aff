package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/store"
)

var errWaitsNot = fmt.Errorf("%w: this account does not wait for a slice, or has just been given one", ErrRefused)

// PutFirst puts an account, whose row is locked, before all others who wait, and serves it at once if a slice is ready:
// served tells that. It does not wait: ErrRefused.
func PutFirst(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, actor string, now time.Time) (served bool, err error) {
	queries := store.New(tx)
	changed, err := queries.PutFirst(ctx, store.PutFirstParams{ID: user.ID, Now: now})
	if err != nil {
		return false, fmt.Errorf("put first: %w", err)
	}
	if changed == 0 {
		return false, errWaitsNot
	}
	if err := queries.RecordAccount(ctx, actor, "put_first", user.ID, nil); err != nil {
		return false, err
	}
	matched, err := store.Match(ctx, tx, actor, now)
	if err != nil {
		return false, err
	}
	for _, slice := range matched {
		served = served || *slice.UserID == user.ID
	}
	refill, err := ForServers(ctx, tx, func(server string) river.JobArgs { return FillPoolArgs{Server: server} })
	if err != nil || len(refill) == 0 {
		return served, err
	}
	_, err = client.InsertManyFastTx(ctx, tx, refill)
	return served, err
}

// TakeOffList ends the wait of an account, whose row is locked. One that has paid is owed its slice: ErrRefused.
func TakeOffList(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, actor string, now time.Time) error {
	if user.SubscriptionStatus == "active" {
		return fmt.Errorf("%w: this account has paid and is owed a slice; give it one, or terminate it", ErrRefused)
	}
	changed, err := store.New(tx).TakeOffList(ctx, store.TakeOffListParams{ID: user.ID, Now: now})
	if err != nil {
		return fmt.Errorf("take off the list: %w", err)
	}
	if changed == 0 {
		return errWaitsNot
	}
	return settleFor(ctx, tx, client, user.ID, "take_off_list", nil, actor, now)
}
