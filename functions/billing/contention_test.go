package billing_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/jobs/billing"
	"slicegate/store"
)

// payFor is what a customer does at their page, at the same time as others.
func (s *stripe) payFor(user int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	customer := fmt.Sprintf("cus_%d", user)
	s.subscriptions[customer] = &billing.Subscription{ID: "sub_" + customer, Status: "active", PaidUntil: s.now().Add(30 * 24 * time.Hour)}
}

// Customers pay, others register for a trial, and the pool is looked at, all at the same time and for fewer
// slices than there are people: whoever has paid has a slice when they return, and nobody waits for a lock for good.
func TestWhoHasPaidHasASliceHoweverManyCome(t *testing.T) {
	b := setup(t)
	const slices, paying, trying = 10, 16, 16
	for range slices {
		b.slice("available", 0)
	}
	b.room(0)
	var users []customer
	for range paying {
		users = append(users, b.user())
	}
	match := func(first func(context.Context, *store.Queries) error, then func(context.Context, *store.Queries) error) {
		ctx := context.Background()
		if err := pgx.BeginFunc(ctx, b.db.Pool, func(tx pgx.Tx) error {
			if err := first(ctx, store.New(tx)); err != nil {
				return err
			}
			if _, err := store.Match(ctx, tx, "test", b.now); err != nil {
				return err
			}
			return then(ctx, store.New(tx))
		}); err != nil {
			t.Error(err)
		}
	}
	var paid, full atomic.Int32
	var everyone, pool sync.WaitGroup
	over := make(chan struct{})
	pool.Go(func() { // as fill_pool does
		for {
			select {
			case <-over:
				return
			default:
			}
			match(func(ctx context.Context, queries *store.Queries) error { return queries.LockPool(ctx, "test") },
				func(ctx context.Context, queries *store.Queries) error {
					return queries.NoteRoom(ctx, store.NoteRoomParams{Name: "test", Room: 0})
				})
		}
	})
	for i := range trying {
		everyone.Go(func() { // as a registration does
			match(func(ctx context.Context, queries *store.Queries) error {
				ends := b.now.Add(time.Hour)
				_, err := queries.CreateUser(ctx, store.CreateUserParams{Email: fmt.Sprintf("trial%d@example.com", i), PasswordHash: "-", TrialEndsAt: &ends, Now: b.now})
				return err
			}, func(context.Context, *store.Queries) error { return nil })
		})
	}
	for _, u := range users {
		everyone.Go(func() {
			switch got := u.checkout(); {
			case got.refused(http.StatusConflict, "no place free"):
				full.Add(1)
			case got.code != http.StatusCreated:
				t.Errorf("Checkout: %d %s", got.code, got.body)
			default:
				b.stripe.payFor(u.id)
				if got := u.post("/billing/refresh", "{}"); got.code != http.StatusOK || got.status.Status != "active" || got.status.SliceStatus != "assigned" {
					t.Errorf("return: %d %s", got.code, got.body)
				}
				paid.Add(1)
			}
		})
	}
	everyone.Wait()
	close(over)
	pool.Wait()
	given := b.count("SELECT count(*) FROM gateway.slices WHERE status = 'assigned'")
	if int(paid.Load()+full.Load()) != paying || given != slices || b.count("SELECT count(*) FROM gateway.users WHERE subscription_status = 'active' AND waiting_since IS NOT NULL") != 0 {
		t.Errorf("%d have paid, %d were refused; %d of %d slices were given", paid.Load(), full.Load(), given, slices)
	}
}
