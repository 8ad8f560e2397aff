package admin_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// did sends the form of an act, and fails unless it was done, said, and led to a page.
func (b *bundle) did(s seat, path, then string, fields ...string) (said string) {
	b.t.Helper()
	got := b.post(path, s.cookie, fields...)
	if got.status != http.StatusSeeOther || got.location() != then {
		b.t.Fatalf("%s answers %d, %s: %s", path, got.status, got.location(), got.page.Find("main").Text())
	}
	set := got.header.Values("Set-Cookie")
	if len(set) == 0 {
		b.t.Fatalf("%s says nothing", path)
	}
	cookie, err := http.ParseSetCookie(set[len(set)-1]) // what is said comes after what an act sets
	if err != nil {
		b.t.Fatalf("%s says nothing: %v", path, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		b.t.Fatal(err)
	}
	shown := b.do("GET", "/admin", s.cookie, nil, "Cookie", cookie.String())
	if cookie.Name != "admin_said" || shown.page.Find(".said").Text() != string(raw) || !strings.Contains(shown.header.Get("Set-Cookie"), "Max-Age=0") {
		b.t.Errorf("%s: %q is shown as %q", path, raw, shown.page.Find(".said").Text())
	}
	return string(raw)
}

// changed gives what a line of the audit has of before and after.
func (b *bundle) changed(action, subject string) (before, after map[string]any) {
	b.t.Helper()
	var detail struct{ Before, After map[string]any }
	if err := json.Unmarshal(one[[]byte](b, "SELECT detail FROM gateway.audit WHERE action = $1 AND subject = $2 ORDER BY id DESC LIMIT 1", action, subject), &detail); err != nil {
		b.t.Fatal(err)
	}
	return detail.Before, detail.After
}

func (b *bundle) jobs(kind string, slice int64) int {
	return one[int](b, "SELECT count(*)::int FROM river.river_job WHERE kind = $1 AND args @> jsonb_build_object('slice', $2::bigint)", kind, slice)
}

func TestASliceTakesItsOrders(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	path, subject := fmt.Sprintf("/admin/slices/%d", slice), fmt.Sprintf("slice:%d", slice)

	b.did(s, path+"/recycle", path)
	if b.jobs("recycle", slice) != 1 || one[*time.Time](b, "SELECT recycle_at FROM gateway.slices WHERE id = $1", slice) == nil {
		t.Error("no restart is asked for")
	}
	b.did(s, path+"/suspend", path)
	if b.jobs("stop", slice) != 1 || b.status(slice) != "suspended" || one[string](b, "SELECT suspended_for FROM gateway.slices WHERE id = $1", slice) != "operator" {
		t.Errorf("it is %s", b.status(slice))
	}
	if before, after := b.changed("admin.slice.suspend", subject); before["status"] != "assigned" || after["status"] != "suspended" {
		t.Errorf("the audit says %v, %v", before, after)
	}
	b.did(s, path+"/resume", path)
	if b.jobs("start", slice) != 1 || b.status(slice) != "assigned" {
		t.Errorf("it is %s", b.status(slice))
	}
	b.did(s, path+"/reclaim-exempt", path)
	if !one[bool](b, "SELECT reclaim_paused FROM gateway.slices WHERE id = $1", slice) {
		t.Error("it is not exempt")
	}
	b.did(s, path+"/reclaim-resume", path)
	if before, after := b.changed("admin.slice.reclaim-resume", subject); before["exempt"] != true || after["exempt"] != false {
		t.Errorf("the audit says %v, %v", before, after)
	}
	for _, action := range []string{"recycle", "suspend", "resume", "reclaim-exempt", "reclaim-resume"} {
		if b.audited(s.id, "admin.slice."+action, subject) != 1 {
			t.Errorf("%s is not in the audit", action)
		}
	}

	refused := b.do("POST", path+"/resume", s.cookie, nil, "Referer", b.server.URL+path)
	if refused.status != http.StatusSeeOther { // it is so already, and the job is given again
		t.Errorf("an order that holds already answers %d", refused.status)
	}
	spare := b.slice("available", nil)
	refused = b.do("POST", fmt.Sprintf("/admin/slices/%d/suspend", spare), s.cookie, nil, "Referer", b.server.URL+path)
	if refused.status != http.StatusConflict || !strings.Contains(refused.page.Find(".problem").Text(), "only what is assigned or failed can be told to suspend") ||
		refused.page.Find("main a").AttrOr("href", "") != path || b.audited(s.id, "admin.slice.suspend", fmt.Sprintf("slice:%d", spare)) != 0 {
		t.Errorf("an order that it cannot take answers %d: %s", refused.status, refused.page.Find("main").Text())
	}

	b.did(s, path+"/move", path)
	if b.jobs("move", slice) != 1 || b.status(slice) != "suspended" || b.status(spare) != "provisioning" || b.audited(s.id, "admin.slice.move", subject) != 1 {
		t.Errorf("it is %s, the other %s", b.status(slice), b.status(spare))
	}
	page := b.get(path, s.cookie)
	if page.page.Find(".acts form, .acts a").Length() != 0 || !strings.Contains(page.page.Find("main .mark").First().Text(), "being moved") {
		t.Errorf("while it is moved its page says %s", page.page.Find("main").Text())
	}
	if got := b.post("/admin/slices/999999999/suspend", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("a slice that is not there answers %d", got.status)
	}
}

func TestDestroyingWantsTheNumber(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	path := fmt.Sprintf("/admin/slices/%d/destroy", slice)
	for _, wrong := range []string{"", "1", "yes", fmt.Sprint(slice + 1)} {
		if got := b.post(path, s.cookie, "number", wrong); got.status != http.StatusBadRequest || b.status(slice) != "assigned" {
			t.Errorf("with %q it answers %d", wrong, got.status)
		}
	}
	b.did(s, path, fmt.Sprintf("/admin/slices/%d", slice), "number", fmt.Sprintf(" %d ", slice))
	if b.status(slice) != "destroying" || b.jobs("destroy", slice) != 1 || b.audited(s.id, "admin.slice.destroy", fmt.Sprintf("slice:%d", slice)) != 1 {
		t.Errorf("it is %s", b.status(slice))
	}
}

func TestReclaimOfAServerIsPausedAndResumed(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.db.Server(t)
	for _, word := range []string{"pause", "resume"} {
		b.did(s, "/admin/servers/test/reclaim-"+word, "/admin")
		if paused := one[bool](b, "SELECT reclaim_paused FROM gateway.servers"); paused != (word == "pause") {
			t.Errorf("after %s it is paused: %v", word, paused)
		}
		if before, after := b.changed("admin.reclaim."+word, "server:test"); before["reclaimPaused"] == after["reclaimPaused"] {
			t.Errorf("the audit says %v, %v", before, after)
		}
	}
	if got := b.post("/admin/servers/none/reclaim-pause", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("a server that is not there answers %d", got.status)
	}
}

func TestAlertsAreSilencedAndNoLonger(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('server.cpu', 'server:test', 'warning', 'It is busy.', $1)", b.now)
	for field, value := range map[string]string{"for": "soon", "in": "-1h", "reason": ""} {
		fields := map[string]string{"for": "2h", "in": "", "reason": "kernel update"}
		fields[field] = value
		got := b.post("/admin/silences", s.cookie, "for", fields["for"], "in", fields["in"], "reason", fields["reason"])
		if got.status != http.StatusBadRequest {
			t.Errorf("%s %q answers %d", field, value, got.status)
		}
	}
	b.did(s, "/admin/silences", "/admin/alerts", "kind", "server.cpu", "subject", "", "for", "2h", "reason", "kernel update")
	id := one[int64](b, "SELECT id FROM gateway.silences WHERE kind = 'server.cpu' AND subject IS NULL AND starts_at = $1 AND ends_at = $2 AND actor = $3", b.now, b.now.Add(2*time.Hour), fmt.Sprintf("admin:%d", s.id))
	subject := fmt.Sprintf("silence:%d", id)
	page := b.get("/admin/alerts", s.cookie)
	if !strings.Contains(page.page.Find("main").Text(), "silenced") || b.audited(s.id, "admin.silence", subject) != 1 {
		t.Errorf("the page says %s", page.page.Find("main").Text())
	}
	end := page.page.Find(`form[action$="/end"]`).AttrOr("action", "")
	b.did(s, end, "/admin/alerts")
	if !one[time.Time](b, "SELECT ends_at FROM gateway.silences WHERE id = $1", id).Equal(b.now) || b.audited(s.id, "admin.unsilence", subject) != 1 {
		t.Error("it goes on")
	}
	if got := b.post(end, s.cookie); got.status != http.StatusConflict {
		t.Errorf("ended again it answers %d", got.status)
	}
}

func TestAUserIsSignedOutEverywhere(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user := b.account("ann@example.com", false)
	b.login(user)
	b.login(user)
	path := fmt.Sprintf("/admin/users/%d", user)
	if got := b.get(path, s.cookie).page.Find("main section .lines li").Length(); got != 2 {
		t.Errorf("%d sessions are shown", got)
	}
	b.did(s, path+"/sign-out", path)
	if got := one[int](b, "SELECT count(*)::int FROM gateway.sessions WHERE user_id = $1", user); got != 0 || b.get("/admin", s.cookie).status != http.StatusOK {
		t.Errorf("%d sessions are left", got)
	}
	if before, _ := b.changed("admin.user.sign_out", fmt.Sprintf("user:%d", user)); before["sessions"] != 2.0 || b.audited(s.id, "admin.user.sign_out", fmt.Sprintf("user:%d", user)) != 1 {
		t.Errorf("the audit says %v", before)
	}
}

func TestAnActWhoseAuditCannotBeWrittenIsNotDone(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	b.exec("ALTER TABLE gateway.audit ADD CONSTRAINT none CHECK (action NOT LIKE 'admin.%') NOT VALID")
	if got := b.post(fmt.Sprintf("/admin/slices/%d/suspend", slice), s.cookie); got.status != http.StatusInternalServerError || b.status(slice) != "assigned" || b.jobs("stop", slice) != 0 {
		t.Errorf("%d, and it is %s", got.status, b.status(slice))
	}
}
