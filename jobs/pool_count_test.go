package jobs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/store"
	"slicegate/store/storetest"
)

// A user who is served while the pool is counted is neither waited for nor served twice.
func TestThePoolIsCountedAtOneMoment(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	server := db.Server(t)
	served := make(chan error, 1)
	go func() {
		defer close(served)
		for i := range 300 {
			var slice store.Slice
			err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) (err error) {
				queries := store.New(tx)
				if _, err = queries.CreateUser(ctx, store.CreateUserParams{Email: fmt.Sprintf("user%d@example.com", i), Now: time.Now()}); err != nil {
					return err
				}
				slice, err = queries.CreateSlice(ctx, store.CreateSliceParams{Server: server, Image: "test"})
				return err
			})
			if err == nil {
				err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
					queries := store.New(tx)
					if _, err := queries.SetPort(ctx, store.SetPortParams{ID: slice.ID, Port: int32(20000 + i), Status: "provisioning", Version: slice.Version}); err != nil {
						return err
					}
					if _, err := queries.MakeAvailable(ctx, store.MakeAvailableParams{ID: slice.ID, Version: slice.Version, Now: time.Now()}); err != nil {
						return err
					}
					_, err := store.Match(ctx, tx, "test", time.Now())
					return err
				})
			}
			if err != nil {
				served <- err
				return
			}
		}
	}()
	w, counted := &FillPool{MaxAge: time.Hour}, 0
	for {
		select {
		case err := <-served:
			if err != nil {
				t.Fatal(err)
			}
			if users, err := db.Pool.Exec(ctx, "SELECT FROM gateway.slices WHERE status = 'assigned'"); err != nil || users.RowsAffected() != 300 || counted < 100 {
				t.Errorf("%d users were served, and the pool counted %d times: %v", users.RowsAffected(), counted, err)
			}
			return
		default:
		}
		pool, err := w.count(ctx, store.New(db.Pool), server, store.ImageOfNewSlicesRow{Image: "test"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		// Each of them has a slice that is on its way.
		if missing := missingSlices(0, pool); missing != 0 {
			t.Fatalf("%d slices would be ordered that nobody waits for: %+v", missing, pool)
		}
		counted++
	}
}
