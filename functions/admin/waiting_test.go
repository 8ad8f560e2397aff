package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"slicegate/store"
)

// waits makes an account that has waited for so long, and gives its number.
func (b *bundle) waits(name, status string, lasts time.Duration) int64 {
	b.t.Helper()
	user := b.account(name+"@example.com", false)
	b.exec("UPDATE gateway.users SET subscription_status = $2, waiting_since = $3, trial_ends_at = $3 WHERE id = $1", user, status, b.now.Add(-lasts))
	return user
}

// line is the waiting list: the names in their order.
func (b *bundle) line(s seat) string {
	b.t.Helper()
	got := b.get("/admin/users/waiting", s.cookie)
	if got.status != http.StatusOK || got.page.Find("h1").Text() != "Waiting list" {
		b.t.Fatalf("the list answers %d: %s", got.status, got.body)
	}
	return strings.ReplaceAll(strings.Join(texts(got.page.Find(".lines .address")), " "), "@example.com", "")
}

func TestTheWaitingListIsInTheOrderOfService(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	if got := b.get("/admin/users/waiting", s.cookie).page.Find(".mark.ok").Text(); got != "Nobody waits" {
		t.Errorf("an empty list says %q", got)
	}
	b.waits("long", "trial", 3*time.Hour)
	short := b.waits("short", "trial", time.Hour)
	b.waits("paid", "active", time.Minute)
	kept := b.waits("kept", "trial", 30*time.Second)
	b.exec("UPDATE gateway.users SET place_until = $2 WHERE id = $1", kept, b.now.Add(time.Hour))
	listed := b.account("listed@example.com", false)
	b.exec("UPDATE gateway.users SET subscription_status = 'unpaid', wait_listed = true WHERE id = $1", listed)
	if got := b.line(s); got != "paid kept long short listed" {
		t.Errorf("they are served as %s", got)
	}
	if said := b.did(s, userPath(short)+"/put-first", "/admin/users/waiting"); !strings.Contains(said, "first to get a place") {
		t.Errorf("it says %q", said)
	}
	if got := b.line(s); got != "short paid kept long listed" {
		t.Errorf("they are served as %s", got)
	}
	if before, after := b.changed("admin.user.put_first", fmt.Sprintf("user:%d", short)); before["putFirstAt"] != nil || after["putFirstAt"] == nil || b.audited(s.id, "admin.user.put_first", fmt.Sprintf("user:%d", short)) != 1 {
		t.Errorf("the audit says %v, %v", before, after)
	}
	// Each is told their own place.
	for i, name := range []string{"short", "paid", "kept", "long"} {
		user := one[int64](b, "SELECT id FROM gateway.users WHERE email = $1 || '@example.com'", name)
		if before, err := store.New(b.db.Pool).WaitingBefore(context.Background(), store.WaitingBeforeParams{ID: user, Now: b.now}); err != nil || before != int64(i) {
			t.Errorf("before %s are %d, %v", name, before, err)
		}
	}
	// And in that order they are served.
	ready := []int64{b.slice("available", nil), b.slice("available", nil)}
	if said := b.did(s, userPath(short)+"/put-first", "/admin/users/waiting"); !strings.Contains(said, "has a slice now") {
		t.Errorf("it says %q", said)
	}
	for i, want := range []string{"short", "paid"} {
		if got := one[string](b, "SELECT coalesce((SELECT u.email FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id WHERE s.id = $1), 'nobody')", ready[i]); got != want+"@example.com" {
			t.Errorf("the slice is %s's, not %s's", got, want)
		}
	}
	if got := b.line(s); got != "kept long listed" {
		t.Errorf("%s are left", got)
	}
}

func TestWhoIsPutFirstHasASliceThatIsReady(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.waits("long", "trial", time.Hour)
	user := b.waits("ann", "trial", time.Minute)
	slice := b.slice("available", nil)
	if got := b.twice(s, userPath(user)+"/put-first"); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("put first twice at once: %v", got)
	}
	if got := one[int64](b, "SELECT user_id FROM gateway.slices WHERE id = $1", slice); got != user {
		t.Errorf("the slice is user %d's", got)
	}
	if got := one[int](b, "SELECT count(*)::int FROM gateway.users WHERE id = $1 AND waiting_since IS NULL AND put_first_at IS NULL", user); got != 1 {
		t.Error("they wait still")
	}
	b.refused(s, http.StatusConflict, userPath(user)+"/put-first", "does not wait")
	b.refused(s, http.StatusConflict, userPath(b.account("none@example.com", false))+"/put-first", "does not wait")
}

func TestSomebodyIsTakenOffTheList(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, paid := b.waits("ann", "trial", time.Hour), b.waits("paid", "active", time.Hour)
	b.refused(s, http.StatusConflict, userPath(paid)+"/take-off", "has paid and is owed a slice")
	if got := b.twice(s, userPath(user)+"/take-off"); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("taken off twice at once: %v", got)
	}
	if got := b.line(s); got != "paid" || b.jobsOf("settle_account", user) != 1 || b.audited(s.id, "admin.user.take_off_list", fmt.Sprintf("user:%d", user)) != 1 {
		t.Errorf("%s wait; %d jobs", got, b.jobsOf("settle_account", user))
	}
}
