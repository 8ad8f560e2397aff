package admin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// twice sends the form of an act two times at once, and gives how they were answered, the lower first.
func (b *bundle) twice(s seat, path string, fields ...string) (statuses []int) {
	b.t.Helper()
	var both sync.WaitGroup
	answers := make([]int, 2)
	for i := range answers {
		both.Go(func() { answers[i] = b.post(path, s.cookie, fields...).status })
	}
	both.Wait()
	slices.Sort(answers)
	return answers
}

// refused sends the form of an act, and fails unless it is not done and the answer says why.
func (b *bundle) refused(s seat, status int, path, why string, fields ...string) {
	b.t.Helper()
	lines := one[int](b, "SELECT count(*)::int FROM gateway.audit")
	got := b.post(path, s.cookie, fields...)
	if says := got.page.Find(".problem").Text(); got.status != status || !strings.Contains(says, why) {
		b.t.Errorf("%s answers %d, %q, want %d, %q", path, got.status, says, status, why)
	}
	if after := one[int](b, "SELECT count(*)::int FROM gateway.audit"); after != lines {
		b.t.Errorf("%s was refused, and wrote %d lines into the audit", path, after-lines)
	}
}

func (b *bundle) jobsOf(kind string, user int64) int {
	return one[int](b, "SELECT count(*)::int FROM river.river_job WHERE kind = $1 AND args @> jsonb_build_object('user', $2::bigint)", kind, user)
}

func userPath(user int64) string { return fmt.Sprintf("/admin/users/%d", user) }

func TestAUsersSliceIsSuspendedAndResumed(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, slice := b.customer("ann@example.com", "assigned")
	path, subject := userPath(user), fmt.Sprintf("user:%d", user)
	if got := b.twice(s, path+"/suspend"); got[0] != http.StatusSeeOther || got[1] != http.StatusSeeOther {
		t.Errorf("suspended twice at once: %v", got) // an order that holds is given again without effect
	}
	if b.status(slice) != "suspended" || one[string](b, "SELECT suspended_for FROM gateway.slices WHERE id = $1", slice) != "operator" {
		t.Errorf("it is %s", b.status(slice))
	}
	if before, after := b.changed("admin.user.suspend", subject); after["sliceStatus"] != "suspended" || before["status"] != "trial" {
		t.Errorf("the audit says %v, %v", before, after)
	}
	for state, why := range map[string]string{
		"subscription_status = 'cancelled'": "Nothing is paid", "subscription_status = 'past_due', grace_ends_at = now() - interval '1 day'": "Nothing is paid",
		"held_at = now()": "release the hold", "terminate_at = now()": "being terminated",
	} {
		b.exec("UPDATE gateway.users SET " + state + " WHERE id = " + fmt.Sprint(user))
		b.refused(s, http.StatusConflict, path+"/resume", why)
		b.exec("UPDATE gateway.users SET subscription_status = 'trial', held_at = NULL, terminate_at = NULL, grace_ends_at = NULL WHERE id = $1", user)
	}
	b.did(s, path+"/resume", path)
	if b.status(slice) != "assigned" || b.jobs("start", slice) != 1 {
		t.Errorf("it is %s", b.status(slice))
	}
	b.refused(s, http.StatusConflict, userPath(b.account("none@example.com", false))+"/suspend", "no slice")
	if got := b.post("/admin/users/99999999/suspend", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("an account that is not there answers %d", got.status)
	}
}

func TestATrialIsExtendedOnce(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, _ := b.customer("ann@example.com", "assigned")
	ends := b.now.Add(48 * time.Hour)
	b.exec("UPDATE gateway.users SET trial_ends_at = $2 WHERE id = $1", user, ends)
	path := userPath(user)
	seen := func() string { return b.get(path, s.cookie).page.Find("input[name=seen]").AttrOr("value", "") }
	for _, days := range []string{"", "0", "366", "-1", "many"} {
		b.refused(s, http.StatusBadRequest, path+"/extend", "from 1 to 365", "days", days, "seen", seen())
	}
	// Who clicks twice extends it once.
	if got := b.twice(s, path+"/extend", "days", "5", "seen", seen()); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("extended twice at once: %v", got)
	}
	if got := one[time.Time](b, "SELECT trial_ends_at FROM gateway.users WHERE id = $1", user); !got.Equal(ends.AddDate(0, 0, 5)) {
		t.Errorf("it ends %s, want %s", got, ends.AddDate(0, 0, 5))
	}
	before, after := b.changed("admin.user.extend", fmt.Sprintf("user:%d", user))
	if before["trialEndsAt"] == after["trialEndsAt"] || after["trialEndsAt"] == nil || b.jobsOf("settle_account", user) != 1 || b.audited(s.id, "admin.user.extend", fmt.Sprintf("user:%d", user)) != 1 {
		t.Errorf("the audit says %v, %v; %d jobs", before, after, b.jobsOf("settle_account", user))
	}
	b.did(s, path+"/extend", path, "days", "365", "seen", seen())
	b.exec("UPDATE gateway.users SET stripe_subscription = 'sub_1' WHERE id = $1", user)
	b.refused(s, http.StatusConflict, path+"/extend", "Stripe's dashboard", "days", "5", "seen", one[time.Time](b, "SELECT trial_ends_at FROM gateway.users WHERE id = $1", user).UTC().Format(time.RFC3339Nano))
	b.refused(s, http.StatusConflict, userPath(s.id)+"/extend", "admin's account has no trial", "days", "5", "seen", "")
}

func TestAPaymentThatHasFailedIsGivenMoreTime(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, _ := b.customer("ann@example.com", "assigned")
	ends, path := b.now.Add(48*time.Hour), userPath(user)
	b.exec("UPDATE gateway.users SET stripe_subscription = 'sub_1', subscription_status = 'past_due', trial_ends_at = $2, grace_ends_at = $3 WHERE id = $1", user, b.now.Add(-time.Hour), ends)
	form := b.get(path, s.cookie).page.Find(`form[action$="/extend"]`)
	if !strings.Contains(form.Text(), "though a payment has failed") {
		t.Errorf("the form says %q", form.Text())
	}
	seen := form.Find("input[name=seen]").AttrOr("value", "")
	b.refused(s, http.StatusConflict, path+"/extend", "has changed", "days", "5", "seen", "")
	b.did(s, path+"/extend", path, "days", "5", "seen", seen)
	if got := one[time.Time](b, "SELECT grace_until FROM gateway.users WHERE id = $1", user); !got.Equal(ends.AddDate(0, 0, 5)) {
		t.Errorf("it runs until %s, want %s", got, ends.AddDate(0, 0, 5))
	}
	if got := one[time.Time](b, "SELECT trial_ends_at FROM gateway.users WHERE id = $1", user); !got.Equal(b.now.Add(-time.Hour)) || b.jobsOf("settle_account", user) != 1 {
		t.Errorf("its trial ends %s; %d jobs", got, b.jobsOf("settle_account", user))
	}
	if _, after := b.changed("admin.user.extend", fmt.Sprintf("user:%d", user)); after["graceUntil"] == nil {
		t.Errorf("the audit says %v", after)
	}
	// Of one that is over already, from now.
	b.exec("UPDATE gateway.users SET grace_ends_at = $2 WHERE id = $1", user, b.now.Add(-72*time.Hour))
	b.did(s, path+"/extend", path, "days", "1", "seen", b.get(path, s.cookie).page.Find("input[name=seen]").AttrOr("value", ""))
	if got := one[time.Time](b, "SELECT grace_until FROM gateway.users WHERE id = $1", user); !got.Equal(b.now.AddDate(0, 0, 1)) {
		t.Errorf("it runs until %s, want a day from now", got)
	}
}

func TestAHoldIsReleasedOnce(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, _ := b.customer("ann@example.com", "suspended")
	path := userPath(user)
	b.refused(s, http.StatusConflict, path+"/release", "is disputed")
	b.exec("INSERT INTO gateway.disputes (id, user_id, kind, status, open, opened_at) VALUES ('dp_1', $1, 'dispute', 'needs_response', true, $2)", user, b.now)
	b.exec("UPDATE gateway.users SET held_at = $2 WHERE id = $1", user, b.now)
	if got := b.twice(s, path+"/release"); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("released twice at once: %v", got)
	}
	if by := one[string](b, "SELECT closed_by FROM gateway.disputes"); by != fmt.Sprintf("admin:%d", s.id) || b.jobsOf("settle_account", user) != 1 {
		t.Errorf("released by %s, %d jobs", by, b.jobsOf("settle_account", user))
	}
}

func TestMailsAreSentAgain(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, other := b.account("ann@example.com", false), b.account("bob@example.com", false)
	path := userPath(user)
	mail := func(kind, detail string) int64 {
		return one[int64](b, "INSERT INTO gateway.emails (user_id, kind, detail, created_at, sent_at) VALUES ($1, $2, $3, $4, $4) RETURNING id", user, kind, detail, b.now.Add(-time.Hour))
	}
	owed := func(kind string) int {
		return one[int](b, "SELECT count(*)::int FROM gateway.emails e JOIN river.river_job j ON j.kind = 'send_email' AND j.args @> jsonb_build_object('email', e.id) WHERE e.user_id = $1 AND e.kind = $2", user, kind)
	}
	again := func(id int64) string { return fmt.Sprintf("%s/mails/%d/resend", path, id) }
	ends := fmt.Sprintf(`{"at": %q}`, b.now.Add(24*time.Hour).Format(time.RFC3339))
	trial, over := mail("trial_ends", ends), mail("ended", ends)

	if got := b.twice(s, path+"/verify"); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict || owed("verify") != 1 {
		t.Errorf("two clicks: %v, %d mails", got, owed("verify"))
	}
	if got := b.twice(s, again(trial)); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict || owed("trial_ends") != 1 {
		t.Errorf("two clicks: %v, %d mails", got, owed("trial_ends"))
	}
	if before, after := b.changed("admin.user.resend", fmt.Sprintf("user:%d", user)); before["kind"] != "trial_ends" || after["sentAgain"] != true {
		t.Errorf("the audit says %v, %v", before, after)
	}
	b.now = b.now.Add(2 * time.Minute)
	b.did(s, path+"/verify", path)
	b.refused(s, http.StatusConflict, again(over), "is over, or is not so any more") // the account is not cancelled
	b.exec("UPDATE gateway.users SET subscription_status = 'active' WHERE id = $1", user)
	b.refused(s, http.StatusConflict, again(trial), "is over, or is not so any more")
	for _, kind := range []string{"alert", "reset", "password_changed", "address_changed"} {
		b.refused(s, http.StatusConflict, again(mail(kind, "{}")), "is not sent again")
	}
	b.refused(s, http.StatusConflict, again(mail("place_free", fmt.Sprintf(`{"at": %q}`, b.now.Add(-time.Hour).Format(time.RFC3339)))), "is over")
	b.exec("UPDATE gateway.users SET email_verified_at = $2 WHERE id = $1", user, b.now)
	b.refused(s, http.StatusConflict, path+"/verify", "confirmed already")
	if got := b.post(fmt.Sprintf("%s/mails/%d/resend", userPath(other), trial), s.cookie); got.status != http.StatusNotFound {
		t.Errorf("another one's mail answers %d", got.status)
	}
}

func TestAnAccountIsTerminated(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, slice := b.customer("ann@example.com", "assigned")
	b.exec("UPDATE gateway.users SET stripe_customer = 'cus_1', stripe_subscription = 'sub_1', subscription_status = 'active' WHERE id = $1", user)
	b.login(user)
	path := userPath(user) + "/terminate"
	page := b.get(path, s.cookie)
	if page.status != http.StatusOK || !strings.Contains(page.page.Find("main").Text(), "customer at Stripe is deleted") {
		t.Fatalf("its page answers %d: %s", page.status, page.page.Find("main").Text())
	}
	b.refused(s, http.StatusBadRequest, path, "address does not match", "address", "bob@example.com")
	b.refused(s, http.StatusConflict, userPath(s.id)+"/terminate", "An admin's account", "address", "op@example.com")
	if got := b.twice(s, path, "address", " Ann@Example.com "); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("terminated twice at once: %v", got)
	}
	if b.status(slice) != "suspended" || one[int](b, "SELECT count(*)::int FROM gateway.sessions WHERE user_id = $1", user) != 0 || b.jobsOf("terminate_account", user) != 1 {
		t.Errorf("the slice is %s, %d jobs", b.status(slice), b.jobsOf("terminate_account", user))
	}
	// Nothing is told to Stripe by a function: the customer is still there for the job.
	if got := one[string](b, "SELECT stripe_customer FROM gateway.users WHERE id = $1 AND terminate_at IS NOT NULL", user); got != "cus_1" {
		t.Errorf("the customer is %q", got)
	}
	if before, after := b.changed("admin.user.terminate", fmt.Sprintf("user:%d", user)); before["status"] != "active" || after["terminateAt"] == nil || b.audited(s.id, "admin.user.terminate", fmt.Sprintf("user:%d", user)) != 1 {
		t.Errorf("the audit says %v, %v", before, after)
	}
	shown := b.get(userPath(user), s.cookie).page
	if !strings.Contains(shown.Find(".problem").Text(), "is being terminated") || shown.Find(`form[action$="/extend"], a[href$="/terminate"]`).Length() != 0 {
		t.Errorf("its page says %s", shown.Find("main").Text())
	}
	for _, line := range []string{"ann@example.com", "cus_1"} {
		if got := one[int](b, "SELECT count(*)::int FROM gateway.audit WHERE detail::text LIKE '%' || $1 || '%'", line); got != 0 {
			t.Errorf("%q is in the audit", line)
		}
	}
}

func TestNobodyIsTerminatedWhoseCustomerCannotBeDeleted(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.without(func(a *settings) { a.Billing.StripeKey = "" })
	user, slice := b.customer("ann@example.com", "assigned")
	b.exec("UPDATE gateway.users SET stripe_customer = 'cus_1' WHERE id = $1", user)
	b.refused(s, http.StatusConflict, userPath(user)+"/terminate", "no STRIPE_KEY", "address", "ann@example.com")
	if b.status(slice) != "assigned" {
		t.Errorf("the slice is %s", b.status(slice))
	}
}

func TestAnAdminIsMadeAndUnmade(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user := b.account("ann@example.com", false)
	path, subject := userPath(user), fmt.Sprintf("user:%d", user)
	b.refused(s, http.StatusConflict, path+"/unmake-admin", "is no admin")
	b.refused(s, http.StatusConflict, userPath(s.id)+"/unmake-admin", "from yourself")
	if got := b.twice(s, path+"/make-admin"); got[0] != http.StatusOK || got[1] != http.StatusConflict {
		t.Fatalf("made twice at once: %v", got)
	}
	if before, after := b.changed("admin.user.make_admin", subject); before["admin"] != false || after["admin"] != true || b.audited(s.id, "admin.user.make_admin", subject) != 1 {
		t.Errorf("the audit says %v, %v", before, after)
	}
	b.now = b.now.Add(90 * time.Second)
	made := b.post(path+"/make-admin", s.cookie) // the first code is lost
	word := made.page.Find("code.secret").Text()
	if made.status != http.StatusOK || len(word) < 20 || made.header.Get("Cache-Control") != "no-store" || made.header.Get("Set-Cookie") != "" {
		t.Fatalf("a new code is shown by %d: %s", made.status, made.page.Find("main").Text())
	}
	if got := one[int](b, "SELECT count(*)::int FROM gateway.audit WHERE detail::text LIKE '%' || $1 || '%'", word); got != 0 {
		t.Error("the code is in the audit")
	}
	cookie := b.login(user)
	if got := b.post("/admin/second-factor/begin", cookie, "code", word); got.status != http.StatusSeeOther {
		t.Errorf("with the code the set-up begins with %d", got.status)
	}
	b.exec("UPDATE gateway.second_factors SET confirmed_at = $2 WHERE user_id = $1", user, b.now)
	b.now = b.now.Add(90 * time.Second)
	b.refused(s, http.StatusConflict, path+"/make-admin", "have a second factor")
	b.did(s, path+"/unmake-admin", path)
	if got := b.get("/admin", cookie); got.status != http.StatusNotFound || one[int](b, "SELECT count(*)::int FROM gateway.second_factors WHERE user_id = $1", user) != 0 {
		t.Errorf("they still get %d", got.status)
	}
}

func TestOfTwoAdminsWhoRemoveEachOtherOneStays(t *testing.T) {
	b := setup(t)
	first, second := b.admin("one@example.com"), b.admin("two@example.com")
	b.account("three@example.com", true)
	// Both are let in as admins before either is removed.
	ctx := context.Background()
	held, err := b.db.Pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback(ctx) }()
	if _, err := held.Exec(ctx, "SELECT FROM gateway.users WHERE is_admin FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Go(func() { b.post(userPath(second.id)+"/unmake-admin", first.cookie) })
	both.Go(func() { b.post(userPath(first.id)+"/unmake-admin", second.cookie) })
	for deadline := time.Now().Add(30 * time.Second); one[int](b, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") < 2; {
		if time.Now().After(deadline) {
			t.Fatal("the two do not wait for the rows of the admins")
		}
	}
	if err := held.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	both.Wait()
	if left := one[int](b, "SELECT count(*)::int FROM gateway.users WHERE is_admin"); left != 2 {
		t.Errorf("%d admins are left", left)
	}
}

func TestWhoIsAnAdminAsksForAFreshFactor(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, slice := b.customer("ann@example.com", "assigned")
	b.now = b.now.Add(10 * time.Minute)
	for _, path := range []string{userPath(user) + "/make-admin", userPath(user) + "/unmake-admin", userPath(user) + "/terminate", "/admin/recovery-codes"} {
		got := b.do("POST", path, s.cookie, map[string][]string{"address": {"ann@example.com"}}, "Referer", b.server.URL+userPath(user))
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.location(), "/admin/second-factor?then=%2Fadmin%2Fusers%2F") {
			t.Errorf("%s answers %d, %s", path, got.status, got.location())
		}
	}
	if b.status(slice) != "assigned" || one[bool](b, "SELECT is_admin FROM gateway.users WHERE id = $1", user) {
		t.Error("something was done")
	}
}

func TestUsersAreFilteredByState(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	for _, status := range []string{"trial", "active", "past_due", "cancelled", "unpaid"} {
		b.exec("INSERT INTO gateway.users (email, password_hash, subscription_status) VALUES ($1 || '@example.com', '', $1)", status)
	}
	user, slice := b.customer("held@example.com", "suspended")
	b.exec("UPDATE gateway.users SET held_at = $2, subscription_status = 'active' WHERE id = $1", user, b.now)
	b.exec("UPDATE gateway.users SET waiting_since = $1 WHERE email = 'trial@example.com'", b.now)
	for query, want := range map[string]string{
		"state=trial": "trial", "state=active": "held active", "state=past_due": "past_due", "state=cancelled": "cancelled", "state=unpaid": "unpaid",
		"state=waiting": "trial", "state=held": "held", "state=admin": "op", "state=active&q=hel": "held", "state=nonsense&q=held": "held", fmt.Sprintf("q=%d", slice): "held",
	} {
		var found []string
		for _, address := range texts(b.get("/admin/users?"+query, s.cookie).page.Find(".lines .address")) {
			found = append(found, strings.TrimSuffix(address, "@example.com"))
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
}
