package admin_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/store"
)

// tries a code in a session of its own, and tells whether it opened the seat.
func (b *bundle) opens(s seat, code string) bool {
	b.t.Helper()
	cookie := b.login(s.id)
	got := b.post("/admin/second-factor", cookie, "code", code)
	passed := b.get("/admin", cookie).status == http.StatusOK
	if passed != (got.status == http.StatusSeeOther) {
		b.t.Errorf("%d, and it opened: %v", got.status, passed)
	}
	return passed
}

// forgive lets codes be tried anew.
func (b *bundle) forgive() {
	b.exec("UPDATE gateway.second_factors SET failures = 0, failed_at = NULL")
}

func TestCodesOfTheStepsBesideThisOneAreTaken(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.now = b.now.Truncate(30 * time.Second).Add(10 * time.Minute) // a step begins
	for _, try := range []struct {
		after time.Duration // from the begin of the step that the code is of to when it is tried
		right bool
	}{{0, true}, {29 * time.Second, true}, {30 * time.Second, true}, {59 * time.Second, true}, {60 * time.Second, false}, {-time.Second, true}, {-30 * time.Second, true}, {-31 * time.Second, false}} {
		b.forgive()
		b.now = b.now.Truncate(30 * time.Second).Add(10 * time.Minute)
		of := b.now
		b.now = of.Add(try.after)
		if got := b.opens(s, b.code(s.secret, of)); got != try.right {
			t.Errorf("%v after its step began a code opens: %v", try.after, got)
		}
	}
}

func TestNoCodeWorksTwice(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	code := b.code(s.secret, b.now)
	if !b.opens(s, code[:3]+" "+code[3:]) {
		t.Fatal("a code with a space in it does not open")
	}
	b.now = b.now.Add(20 * time.Second)
	if b.opens(s, code) {
		t.Error("a code works twice")
	}
	if b.opens(s, b.code(s.secret, b.now.Add(-50*time.Second))) {
		t.Error("an older code works after a newer one")
	}
	b.now = b.now.Add(30 * time.Second)
	if !b.opens(s, b.code(s.secret, b.now)) {
		t.Error("the next code does not work")
	}
}

func TestOfACodeThatIsTriedManyTimesAtOnceOneWorks(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	code := b.code(s.secret, b.now)
	cookies := make([]*http.Cookie, 4)
	for i := range cookies {
		cookies[i] = b.login(s.id)
	}
	var opened atomic.Int32
	var all sync.WaitGroup
	for _, cookie := range cookies {
		all.Go(func() {
			if b.post("/admin/second-factor", cookie, "code", code).status == http.StatusSeeOther {
				opened.Add(1)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 {
		t.Errorf("it opened %d times", opened.Load())
	}
}

func TestRecoveryCodesWorkOnce(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	other := b.admin("other@example.com")
	if b.opens(s, other.recovery[0]) {
		t.Error("another admin's recovery code works")
	}
	if !b.opens(s, strings.ToLower(s.recovery[3])) {
		t.Fatal("a recovery code does not work")
	}
	if b.opens(s, s.recovery[3]) {
		t.Error("a recovery code works twice")
	}
	if got := b.get("/admin/second-factor", b.login(s.id)); !strings.Contains(got.body, "9 recovery codes left") {
		t.Errorf("what is left: %s", got.page.Find(".note").Text())
	}
}

func TestAfterFiveWrongCodesNoneIsLookedAt(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	cookie := b.login(s.id)
	for i := range 5 {
		if got := b.post("/admin/second-factor", cookie, "code", "12345x"); got.status != http.StatusForbidden || got.page.Find(".problem").Length() != 1 {
			t.Fatalf("wrong code %d answers %d: %s", i+1, got.status, got.body)
		}
	}
	for what, code := range map[string]string{"a right code": b.code(s.secret, b.now), "a recovery code": s.recovery[0]} {
		got := b.post("/admin/second-factor", b.login(s.id), "code", code)
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "900" {
			t.Errorf("%s is answered with %d, Retry-After %q", what, got.status, got.header.Get("Retry-After"))
		}
	}
	if got := one[int](b, "SELECT count(*)::int FROM gateway.audit WHERE action = 'admin.second_factor_wrong' AND detail->>'from' = '192.0.2.7'"); got != 5 {
		t.Errorf("%d wrong codes are in the audit", got)
	}
	// Whoever is inside stays there.
	if got := b.get("/admin", s.cookie); got.status != http.StatusOK {
		t.Errorf("the admin who sits there gets %d", got.status)
	}
	b.now = b.now.Add(15*time.Minute - time.Second)
	if b.opens(s, b.code(s.secret, b.now)) {
		t.Error("a code is looked at before the wait is over")
	}
	b.now = b.now.Add(time.Second)
	if !b.opens(s, b.code(s.secret, b.now)) {
		t.Error("the wait has no end")
	}
	if got := one[int](b, "SELECT failures FROM gateway.second_factors WHERE user_id = $1", s.id); got != 0 {
		t.Errorf("a right code leaves %d wrong ones", got)
	}
}

func TestManyWrongCodesAtOnceAreNoMore(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	cookie := b.login(s.id)
	var looked atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if b.post("/admin/second-factor", cookie, "code", "000000x").status == http.StatusForbidden {
				looked.Add(1)
			}
		})
	}
	all.Wait()
	if looked.Load() != 5 {
		t.Errorf("%d codes were looked at", looked.Load())
	}
}

func TestASetUpBelongsToWhoeverHasItsCode(t *testing.T) {
	b := setup(t)
	id := b.account("op@example.com", true)
	mine, stolen := b.login(id), b.login(id)
	if got := b.post("/admin/second-factor/begin", mine, "code", ""); got.status != http.StatusForbidden {
		t.Errorf("a set-up that was not offered begins: %d", got.status)
	}
	b.offer(id, "RIGHTWORD")
	for _, wrong := range []string{"", "WRONGWORD"} {
		if got := b.post("/admin/second-factor/begin", stolen, "code", wrong); got.status != http.StatusForbidden {
			t.Errorf("it begins with %q: %d", wrong, got.status)
		}
	}
	b.now = b.now.Add(time.Hour)
	if got := b.post("/admin/second-factor/begin", mine, "code", "RIGHTWORD"); got.status != http.StatusForbidden {
		t.Errorf("it begins after an hour: %d", got.status)
	}
	b.offer(id, "RIGHTWORD")
	if got := b.post("/admin/second-factor/begin", mine, "code", " rightword "); got.status != http.StatusSeeOther {
		t.Fatalf("it does not begin: %d %s", got.status, got.body)
	}
	if got := b.post("/admin/second-factor/begin", stolen, "code", "RIGHTWORD"); got.status != http.StatusForbidden {
		t.Errorf("its code works twice: %d", got.status)
	}
	secret := b.get("/admin/second-factor", mine).page.Find("code.secret").Text()
	if got := b.get("/admin/second-factor", stolen); strings.Contains(got.body, secret) || secret == "" {
		t.Error("another session is shown the secret")
	}
	if got := b.post("/admin/second-factor/confirm", stolen, "code", b.code(secret, b.now)); got.status != http.StatusForbidden {
		t.Errorf("another session confirms it: %d", got.status)
	}
	if got := b.post("/admin/second-factor", mine, "code", b.code(secret, b.now)); got.status != http.StatusForbidden {
		t.Errorf("it opens before it is confirmed: %d", got.status)
	}
	b.forgive()
	if got := b.post("/admin/second-factor/confirm", mine, "code", "000000x"); got.status != http.StatusForbidden || got.page.Find("code.secret").Text() != secret {
		t.Errorf("a wrong first code: %d %s", got.status, got.body)
	}
	if got := b.post("/admin/second-factor/confirm", mine, "code", b.code(secret, b.now)); got.status != http.StatusOK {
		t.Errorf("it is not confirmed: %d %s", got.status, got.body)
	}
	if b.get("/admin", stolen).status == http.StatusOK {
		t.Error("another session has passed it too")
	}
	if again := b.post("/admin/second-factor/begin", mine, "code", "RIGHTWORD"); again.status != http.StatusForbidden {
		t.Errorf("it is set up anew: %d", again.status)
	}
	if offered, err := store.New(b.db.Pool).OfferSecondFactor(context.Background(), store.OfferSecondFactorParams{UserID: id, SetupHash: store.SetupHash("X"), SetupUntil: b.now}); err != nil || offered != 0 {
		t.Errorf("another set-up is offered: %d, %v", offered, err)
	}
}

func TestASetUpThatTakesTooLongBeginsAgain(t *testing.T) {
	b := setup(t)
	id := b.account("op@example.com", true)
	cookie := b.login(id)
	b.offer(id, "WORD")
	b.post("/admin/second-factor/begin", cookie, "code", "WORD")
	secret := b.get("/admin/second-factor", cookie).page.Find("code.secret").Text()
	b.now = b.now.Add(15 * time.Minute)
	if got := b.get("/admin/second-factor", cookie); strings.Contains(got.body, secret) {
		t.Error("the secret is shown for ever")
	}
	if got := b.post("/admin/second-factor/confirm", cookie, "code", b.code(secret, b.now)); got.status != http.StatusForbidden {
		t.Errorf("it is confirmed after that: %d", got.status)
	}
}

func TestTheDatabaseAloneOpensNothing(t *testing.T) {
	b := setup(t)
	s, other := b.admin("op@example.com"), b.admin("other@example.com")
	sealed := one[[]byte](b, "SELECT sealed FROM gateway.second_factors WHERE user_id = $1", s.id)
	dump := one[string](b, "SELECT string_agg(f::text, ' ') || string_agg(c::text, ' ') FROM gateway.second_factors f JOIN gateway.recovery_codes c USING (user_id)")
	if bytes.Contains(sealed, []byte(s.secret)) || strings.Contains(dump, s.secret) || strings.Contains(dump, strings.ReplaceAll(s.recovery[0], "-", "")) {
		t.Error("the database has a secret in clear")
	}
	// Whoever can write rows gives another admin the secret that they know.
	b.exec("UPDATE gateway.second_factors SET sealed = $1 WHERE user_id = $2", sealed, other.id)
	cookie := b.login(other.id)
	if got := b.post("/admin/second-factor", cookie, "code", b.code(s.secret, b.now)); got.status != http.StatusInternalServerError || b.get("/admin", cookie).status == http.StatusOK {
		t.Errorf("another's secret opens: %d", got.status)
	}
}

func TestAfterTheCodeNobodyIsSentElsewhere(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	for _, then := range []string{"https://evil.example/", "//evil.example/admin/", "/\\evil.example", "/admin.evil", "/billing", "javascript:alert(1)", "/admin/\r\nX: y"} {
		b.now = b.now.Add(time.Minute)
		if got := b.post("/admin/second-factor", b.login(s.id), "code", b.code(s.secret, b.now), "then", then); got.location() != "/admin" {
			t.Errorf("%q leads to %s", then, got.location())
		}
	}
	b.now = b.now.Add(time.Minute)
	if got := b.post("/admin/second-factor", b.login(s.id), "code", b.code(s.secret, b.now), "then", "/admin/slices?state=failed"); got.location() != "/admin/slices?state=failed" {
		t.Errorf("it leads to %s", got.location())
	}
}

func TestLeavingEndsThePass(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	if got := b.post("/admin/leave", s.cookie); got.location() != "/admin/second-factor" {
		t.Errorf("it leads to %s", got.location())
	}
	if got := b.get("/admin", s.cookie); got.status != http.StatusSeeOther {
		t.Errorf("after that the seat answers %d", got.status)
	}
}
