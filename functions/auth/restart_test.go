package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/store"
)

func TestASliceIsRestartedByItsUser(t *testing.T) {
	b := setup(t)
	b.db.Server(t)
	got := b.register("ann@example.com")
	user, cookie := got.me.User.ID, got.cookie
	restart := func() reply { return b.do("POST", "/auth/slice/restart", "", "Cookie", cookie.String()) }
	refused := func(when, says string) {
		t.Helper()
		if got := restart(); got.status != http.StatusConflict || !strings.Contains(got.problem, says) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	refused("without a slice", "no workspace")
	slice := b.slice()
	b.register("bob@example.com") // whoever comes by matches all who wait
	set := func(status string) {
		b.exec("UPDATE gateway.slices SET status = $1, recycle_at = NULL WHERE id = $2", status, slice.ID)
	}
	audit := func(action string) int {
		return b.count("SELECT count(*) FROM gateway.audit WHERE actor = $1 AND action = $2 AND subject = $3", fmt.Sprintf("user:%d", user), action, fmt.Sprintf("slice:%d", slice.ID))
	}

	set("suspended")
	refused("suspended", "suspended")
	set("assigned")
	if got := restart(); got.status != http.StatusNoContent || b.jobs("recycle") != 1 || audit("slice.recycle") != 1 {
		t.Errorf("%+v, %d jobs, %d lines", got, b.jobs("recycle"), audit("slice.recycle"))
	}
	if n := b.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND recycle_at = $2 AND status = 'assigned'", slice.ID, b.now); n != 1 {
		t.Error("its row does not say so")
	}
	b.now = b.now.Add(time.Minute)
	if got := restart(); got.status != http.StatusTooManyRequests || got.retryAfter != "240" || !strings.Contains(got.problem, "4 minutes") || b.jobs("recycle") != 1 {
		t.Errorf("a minute later: %+v, %d jobs", got, b.jobs("recycle"))
	}
	set("suspended")
	refused("suspended since", "suspended") // and not: try again in four minutes
	b.now = b.now.Add(4 * time.Minute)
	refused("suspended, after five minutes", "suspended")
	set("failed")
	if got := restart(); got.status != http.StatusNoContent || b.jobs("start") != 1 || audit("slice.resume") != 1 || b.me(cookie).me.Slice.Status != "assigned" {
		t.Errorf("failed: %+v, %d jobs, %+v", got, b.jobs("start"), b.me(cookie).me.Slice)
	}
	b.now = b.now.Add(5 * time.Minute)
	set("destroying")
	refused("destroying", "deleted")
	set("suspended")
	target, err := store.New(b.db.Pool).CreateSlice(t.Context(), store.CreateSliceParams{Server: slice.Server, Image: "none"})
	if err != nil {
		t.Fatal(err)
	}
	b.exec("UPDATE gateway.slices SET moved_from = $1, moved_status = 'assigned' WHERE id = $2", slice.ID, target.ID)
	refused("on its way elsewhere", "being moved")
	if b.jobs("recycle") != 1 || b.jobs("start") != 1 {
		t.Errorf("%d and %d jobs in the end", b.jobs("recycle"), b.jobs("start"))
	}
}

func TestOfManyRestartsAtOnceOneIsGiven(t *testing.T) {
	b := setup(t)
	b.slice()
	cookie := b.register("ann@example.com").cookie
	var given, refused atomic.Int32
	var everyone sync.WaitGroup
	for range 10 {
		everyone.Go(func() {
			switch got := b.do("POST", "/auth/slice/restart", "", "Cookie", cookie.String()); got.status {
			case http.StatusNoContent:
				given.Add(1)
			case http.StatusTooManyRequests:
				refused.Add(1)
			default:
				t.Errorf("%+v", got)
			}
		})
	}
	everyone.Wait()
	if given.Load() != 1 || refused.Load() != 9 || b.jobs("recycle") != 1 {
		t.Errorf("%d given, %d refused, %d jobs", given.Load(), refused.Load(), b.jobs("recycle"))
	}
}
