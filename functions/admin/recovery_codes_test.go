package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNewRecoveryCodesEndTheOld(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	footer := func() string { return b.get("/admin/users", s.cookie).page.Find("footer").Text() }
	if !strings.Contains(footer(), "10 recovery codes left") {
		t.Errorf("the footer says %q", footer())
	}
	b.exec("DELETE FROM gateway.recovery_codes WHERE hash IN (SELECT hash FROM gateway.recovery_codes LIMIT 8)")
	if page := b.get("/admin/recovery-codes", s.cookie).page; !strings.Contains(footer(), "2 recovery codes left") || !strings.Contains(page.Find(".problem").Text(), "Only 2 recovery codes left") {
		t.Errorf("with two left it says %q, %q", footer(), page.Find("main").Text())
	}
	b.exec("DELETE FROM gateway.recovery_codes")
	if page := b.get("/admin/recovery-codes", s.cookie).page; !strings.Contains(page.Find(".problem").Text(), "No recovery code is left") {
		t.Errorf("with none left it says %q", page.Find("main").Text())
	}
	if got := b.twice(s, "/admin/recovery-codes"); got[0] != http.StatusOK || got[1] != http.StatusConflict {
		t.Errorf("made twice at once: %v", got)
	}
	b.now = b.now.Add(90 * time.Second)
	b.exec("DELETE FROM gateway.recovery_codes WHERE hash IN (SELECT hash FROM gateway.recovery_codes LIMIT 6)")
	made := b.post("/admin/recovery-codes", s.cookie)
	codes := texts(made.page.Find(".codes code"))
	if made.status != http.StatusOK || len(codes) != 10 || made.header.Get("Cache-Control") != "no-store" || one[int](b, "SELECT count(*)::int FROM gateway.recovery_codes") != 10 {
		t.Fatalf("made with %d: %s", made.status, made.page.Find("main").Text())
	}
	if got := made.page.Find("footer").Text(); !strings.Contains(got, "10 recovery codes left") {
		t.Errorf("the footer says %q", got)
	}
	if before, after := b.changed("admin.recovery_codes", fmt.Sprintf("admin:%d", s.id)); before["codes"] != 4.0 || after["codes"] != 10.0 {
		t.Errorf("the audit says %v, %v", before, after)
	}
	if got := one[int](b, "SELECT count(*)::int FROM gateway.audit WHERE detail::text LIKE '%' || $1 || '%'", codes[0]); got != 0 {
		t.Error("a code is in the audit")
	}
	again := b.get("/admin/recovery-codes", s.cookie)
	if strings.Contains(again.body, codes[0]) {
		t.Error("a code is shown again")
	}
	fresh := b.login(s.id)
	if got := b.post("/admin/second-factor", fresh, "code", s.recovery[0]); got.status != http.StatusForbidden {
		t.Errorf("an old code answers %d", got.status)
	}
	if got := b.post("/admin/second-factor", fresh, "code", codes[0]); got.status != http.StatusSeeOther {
		t.Errorf("a new code answers %d", got.status)
	}
	if !strings.Contains(footer(), "9 recovery codes left") {
		t.Errorf("the footer says %q", footer())
	}
}
