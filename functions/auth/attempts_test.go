package auth

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"slicegate/store/storetest"
)

// A password that was not looked at has not been wrong.
func TestWhoLeavesBeforeTheirTurnHasNotTried(t *testing.T) {
	t.Parallel()
	hasher, err := NewHasher(1, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.New(t)
	a := &Auth{Pool: db.Pool, Hasher: hasher, Clock: time.Now}
	hasher.running <- struct{}{} // one that takes long
	try := func(ctx context.Context) (bool, error) {
		if err := a.mayTry(ctx, "ann@example.com"); err != nil {
			return false, err
		}
		return a.rightPassword(ctx, "ann@example.com", "", "wrong horse!")
	}
	for range passwordTries + 5 {
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() { _, err := try(ctx); failed <- err }()
		for len(hasher.waiting) == 0 {
			select {
			case err := <-failed:
				t.Fatal(err)
			default:
				runtime.Gosched()
			}
		}
		leave()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	<-hasher.running
	if right, err := try(t.Context()); err != nil || right {
		t.Errorf("%v, %v", right, err)
	}
	var failures int
	if err := db.Pool.QueryRow(t.Context(), "SELECT failures FROM gateway.login_failures").Scan(&failures); err != nil || failures != 1 {
		t.Errorf("%d, %v", failures, err)
	}
}
