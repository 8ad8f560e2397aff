package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (b *bundle) alert(kind, subject string, ago time.Duration, over bool) int64 {
	b.t.Helper()
	var closed *time.Time
	if over {
		at := b.now.Add(-ago)
		closed = &at
	}
	return one[int64](b, "INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at, closed_at) VALUES ($1, $2, 'warning', 'It is so.', $3, $4) RETURNING id", kind, subject, b.now.Add(-ago-time.Minute), closed)
}

func TestAnAlertIsAcknowledgedAndTakenBack(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	id, over := b.alert("server.cpu", "server:test", time.Minute, false), b.alert("server.ram", "server:test", time.Minute, true)
	path, subject := fmt.Sprintf("/admin/alerts/%d", id), fmt.Sprintf("alert:%d", id)
	if got := b.twice(s, path+"/acknowledge"); got[0] != http.StatusSeeOther || got[1] != http.StatusConflict {
		t.Errorf("acknowledged twice at once: %v", got)
	}
	by := fmt.Sprintf("admin:%d", s.id)
	if before, after := b.changed("admin.alert.acknowledge", subject); before["acknowledgedBy"] != nil || after["acknowledgedBy"] != by || b.audited(s.id, "admin.alert.acknowledge", subject) != 1 {
		t.Errorf("the audit says %v, %v", before, after)
	}
	line := texts(b.get("/admin/alerts?show=open", s.cookie).page.Find(".lines li"))[0]
	for _, want := range []string{"acknowledged", "by " + by, "admins are told when it is over", "Take it back"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %q", want, line)
		}
	}
	b.refused(s, http.StatusConflict, path+"/acknowledge", by+" is at that alert already")
	b.did(s, path+"/take-back", "/admin/alerts")
	if got := one[int](b, "SELECT count(*)::int FROM gateway.alerts WHERE acknowledged_at IS NOT NULL OR acknowledged_by IS NOT NULL"); got != 0 {
		t.Error("it is acknowledged still")
	}
	b.refused(s, http.StatusConflict, path+"/take-back", "taken back already")
	b.refused(s, http.StatusConflict, fmt.Sprintf("/admin/alerts/%d/acknowledge", over), "over already")
	if got := b.post("/admin/alerts/999999/acknowledge", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("one that is not there answers %d", got.status)
	}
}

func TestTheLogOfAlertsIsFiltered(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.alert("wa.disconnected", "slice:1", time.Minute, false)
	b.alert("slice.failed", "slice:1", time.Minute, false)
	b.alert("wa.mute", "slice:2", time.Hour, true)
	b.alert("slice.down", "slice:1", 2*time.Hour, true)
	b.alert("billing.mismatch", "customer:cus_1", 3*time.Hour, true)
	b.exec("INSERT INTO gateway.audit (actor, action, subject) VALUES ('job:reconcile', 'slice.crash', 'slice:1'), ('admin:1', 'slice.recycle', 'slice:2'), ('admin:1', 'slice.suspend', 'slice:2')")
	for query, want := range map[string]string{
		"":                            "wa.disconnected slice.failed wa.mute slice.down billing.mismatch",
		"?show=open":                  "wa.disconnected slice.failed",
		"?show=past":                  "wa.mute slice.down billing.mismatch",
		"?group=disconnections":       "wa.disconnected wa.mute",
		"?group=failures":             "slice.failed",
		"?group=money":                "billing.mismatch",
		"?group=restarts&show=past":   "restarted in order crashed, and is started again slice.down",
		"?kind=slice.down":            "slice.down",
		"?subject=slice:2":            "wa.mute",
		"?group=nonsense&show=open":   "wa.disconnected slice.failed",
		"?show=past&below=x":          "wa.mute slice.down billing.mismatch",
		"?group=restarts&show=open":   "",
		"?kind=%22%3E%3Cscript%3E":    "",
		"?show=past&kind=server.cpu":  "",
		"?show=past&subject=slice:99": "",
	} {
		page := b.get("/admin/alerts"+query, s.cookie)
		found := texts(page.page.Find(".lines li > b"))
		if query == "" || strings.Contains(query, "nonsense") || strings.Contains(query, "show=open") || strings.Contains(query, "group=disc") {
			// The newest that is open first; two were opened at the same time.
			if strings.HasPrefix(strings.Join(found, " "), "slice.failed wa.disconnected") {
				found[0], found[1] = found[1], found[0]
			}
		}
		if got := strings.Join(found, " "); got != want || page.status != http.StatusOK || strings.Contains(page.body, "<script>") {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
	}
	// Page by page.
	for i := range 130 {
		b.alert("server.cpu", fmt.Sprintf("server:%d", i), time.Duration((i+1)/2)*time.Second, true) // two of each time, one on each page
	}
	first := b.get("/admin/alerts?show=past&kind=server.cpu", s.cookie).page
	second := b.get(first.Find("main a.button").Last().AttrOr("href", ""), s.cookie).page
	subjects, shown := map[string]bool{}, append(texts(first.Find(".lines li a")), texts(second.Find(".lines li a"))...)
	for _, subject := range shown {
		subjects[subject] = true
	}
	if len(subjects) != 130 || len(shown) != 130 || second.Find("main a.button").Length() != 0 {
		t.Errorf("two pages show %d", len(subjects))
	}
}

func TestAMaintenanceWindowIsPlanned(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.alert("server.cpu", "server:test", time.Minute, false)
	at := b.now.UTC().Add(26 * time.Hour).Truncate(time.Minute)
	for why, when := range map[string]string{"past": b.now.UTC().Add(-time.Hour).Format("2006-01-02T15:04"), "no time": "tomorrow", "far": b.now.UTC().Add(40 * 24 * time.Hour).Format("2006-01-02T15:04")} {
		t.Log(why)
		b.refused(s, http.StatusBadRequest, "/admin/silences", "Say when it begins", "at", when, "for", "2h", "reason", "new kernel")
	}
	said := b.did(s, "/admin/silences", "/admin/alerts", "at", at.Format("2006-01-02T15:04"), "for", "2h", "subject", "server:test", "reason", "new kernel")
	if !strings.HasPrefix(said, "From "+at.Format("2006-01-02 15:04")) {
		t.Errorf("it says %q", said)
	}
	if got := one[time.Time](b, "SELECT starts_at FROM gateway.silences WHERE subject = 'server:test' AND ends_at = starts_at + interval '2 hours'"); !got.Equal(at) {
		t.Errorf("it begins %s, want %s", got, at)
	}
	page := b.get("/admin/alerts", s.cookie).page
	text := page.Find("main").Text()
	if !strings.Contains(text, "planned") || !strings.Contains(text, "people are told") || page.Find("form#window input[type=datetime-local]").Length() != 1 || page.Find(`a[href="#window"]`).Length() != 1 {
		t.Errorf("the page says %s", text)
	}
	// One that is taken back before it begins is planned no more.
	end := fmt.Sprintf("/admin/silences/%d/end", one[int64](b, "SELECT id FROM gateway.silences"))
	b.did(s, end, "/admin/alerts")
	if text := b.get("/admin/alerts", s.cookie).page.Find("main").Text(); !strings.Contains(text, "no window is planned") {
		t.Errorf("the page says %s", text)
	}
	b.refused(s, http.StatusConflict, end, "over already")
}
