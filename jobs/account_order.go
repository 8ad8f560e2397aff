package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// What an operator does to an account, each in one transaction with its audit and the job that settles it.

// Extend lets an account run for some days more without paying, from now or from when that ends by itself: its trial or,
// where a payment has failed, its grace. One whose subscription is paid is Stripe's to extend, and an admin's has no
// trial: ErrRefused.
func Extend(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, days int, actor string, now time.Time) error {
	switch {
	case user.IsAdmin:
		return fmt.Errorf("%w: an admin's account has no trial", ErrRefused)
	case user.TerminateAt != nil:
		return errEnding
	case user.HasGrace():
		if err := store.New(tx).ExtendGrace(ctx, store.ExtendGraceParams{ID: user.ID, Days: int32(days), Now: now}); err != nil {
			return fmt.Errorf("extend: %w", err)
		}
		return settleFor(ctx, tx, client, user.ID, "extend", map[string]any{"days": days, "of": "grace"}, actor, now)
	case user.StripeSubscription != nil:
		return fmt.Errorf("%w: this account pays by a subscription: give it more time in Stripe's dashboard, and it follows", ErrRefused)
	}
	queries := store.New(tx)
	if err := queries.ExtendTrial(ctx, store.ExtendTrialParams{ID: user.ID, Days: int32(days), Now: now}); err != nil {
		return fmt.Errorf("extend: %w", err)
	}
	refill, err := ForServers(ctx, tx, func(server string) river.JobArgs { return FillPoolArgs{Server: server} })
	if err != nil {
		return err
	}
	if len(refill) > 0 { // it may wait for a slice
		if _, err := client.InsertManyFastTx(ctx, tx, refill); err != nil {
			return fmt.Errorf("extend: %w", err)
		}
	}
	return settleFor(ctx, tx, client, user.ID, "extend", map[string]any{"days": days}, actor, now)
}

// ReleaseHold lets an account run although payments of it are doubted: an operator has looked at them. Nothing is
// doubted: ErrRefused.
func ReleaseHold(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, actor string, now time.Time) error {
	queries := store.New(tx)
	changed, err := queries.ReleaseHold(ctx, store.ReleaseHoldParams{UserID: user.ID, Actor: actor})
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if changed == 0 {
		return fmt.Errorf("%w: no payment of this account is disputed", ErrRefused)
	}
	if err := queries.SettleNow(ctx, store.SettleNowParams{ID: user.ID, Now: now}); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return settleFor(ctx, tx, client, user.ID, "release", map[string]any{"payments": changed}, actor, now)
}

// EndAccount ends an account now: its slice is destroyed, and then it is forgotten. Its customer at Stripe must
// have been forgotten before, or it would go on to pay.
func EndAccount(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, terms billing.Terms, actor string, now time.Time) error {
	queries := store.New(tx)
	if user.IsAdmin {
		return errAdminStays
	}
	// Their names are gone from the row then.
	if err := queries.ForgetStripeEvents(ctx, store.ForgetStripeEventsParams{UserID: user.ID, Customer: user.StripeCustomer, Subscription: user.StripeSubscription}); err != nil {
		return fmt.Errorf("end account: %w", err)
	}
	over := now.Add(-terms.Grace - terms.Retention)
	if err := queries.EndAccount(ctx, store.EndAccountParams{ID: user.ID, TrialEndsAt: over, Now: now}); err != nil {
		return fmt.Errorf("end account: %w", err)
	}
	return settleFor(ctx, tx, client, user.ID, "end", map[string]any{"from": user.SubscriptionStatus}, actor, now)
}

// Why an account is not ended, and nothing else is done to it.
var (
	errAdminStays = fmt.Errorf("%w: an admin's account is not forgotten", ErrRefused)
	errEnding     = fmt.Errorf("%w: this account is being ended already", ErrRefused)
)

// Terminate ends an account by the hand of an operator: its user is signed out and its slice stopped now. What Stripe
// has to be told first, and what cannot be undone, is done by the job of the same name.
func Terminate(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user store.User, actor string, now time.Time) error {
	switch {
	case user.IsAdmin:
		return errAdminStays
	case user.TerminateAt != nil:
		return errEnding
	}
	queries := store.New(tx)
	if err := queries.TerminateAccount(ctx, store.TerminateAccountParams{ID: user.ID, Now: now, Actor: actor}); err != nil {
		return fmt.Errorf("terminate: %w", err)
	}
	if err := queries.DeleteSessionsOf(ctx, user.ID); err != nil {
		return fmt.Errorf("terminate: %w", err)
	}
	slice, err := queries.SliceByUser(ctx, user.ID)
	if err == nil {
		// One that takes no order now is destroyed all the same, when it does.
		err = Give(ctx, tx, client, OrderSuspend, slice.ID, actor, now)
	}
	if err != nil && !store.IsNone(err) && !errors.Is(err, ErrRefused) {
		return fmt.Errorf("terminate: %w", err)
	}
	if err := queries.RecordAccount(ctx, actor, "terminate", user.ID, map[string]any{"from": user.SubscriptionStatus}); err != nil {
		return err
	}
	if _, err := client.InsertTx(ctx, tx, TerminateAccountArgs{User: user.ID}, nil); err != nil {
		return fmt.Errorf("terminate: enqueue: %w", err)
	}
	return nil
}

func settleFor(ctx context.Context, tx pgx.Tx, client *river.Client[pgx.Tx], user int64, what string, detail map[string]any, actor string, now time.Time) error {
	if err := store.New(tx).RecordAccount(ctx, actor, what, user, detail); err != nil {
		return err
	}
	if _, err := client.InsertTx(ctx, tx, SettleAccountArgs{User: user, Asked: now}, nil); err != nil {
		return fmt.Errorf("%s: enqueue: %w", what, err)
	}
	return nil
}
