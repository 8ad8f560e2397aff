package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const atMinute = "2006-01-02T15:04"

func (b *bundle) moment(in time.Duration) string { return b.now.Add(in).UTC().Format(atMinute) }

func TestAnnouncementsArePlannedChangedAndWithdrawn(t *testing.T) {
	b := setup(t)
	b.now = b.now.Truncate(time.Minute)
	s := b.admin("op@example.com")
	words := "Read https://status.example.com. <b>Bold</b>\r\nSecond line"
	b.did(s, "/admin/announcements", "/admin/announcements", "level", "warning", "words", words, "to", b.moment(2*time.Hour))
	b.did(s, "/admin/announcements", "/admin/announcements", "level", "info", "words", "Later", "from", b.moment(time.Hour), "to", b.moment(2*time.Hour))
	id := one[int64](b, "SELECT id FROM gateway.announcements WHERE level = 'warning' AND starts_at = $1 AND ends_at = $2 AND words = $3 AND actor = $4 AND created_at = $1",
		b.now, b.now.Add(2*time.Hour), strings.ReplaceAll(words, "\r", ""), fmt.Sprintf("admin:%d", s.id))
	subject := fmt.Sprintf("announcement:%d", id)
	if _, after := b.changed("admin.announce", subject); after["words"] != strings.ReplaceAll(words, "\r", "") || b.audited(s.id, "admin.announce", subject) != 1 {
		t.Errorf("the audit says %v", after)
	}
	page := b.get("/admin/announcements", s.cookie)
	lines := texts(page.page.Find(".lines li"))
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "WarningRead https://status.example.com. <b>Bold</b> Second line") || !strings.HasPrefix(lines[1], "InformationLater") {
		t.Errorf("it lists %v", lines)
	}
	if link := page.page.Find(".lines a"); link.Length() != 1 || link.AttrOr("href", "") != "https://status.example.com" || link.AttrOr("rel", "") != "noopener noreferrer" {
		t.Errorf("links: %d, %s", link.Length(), link.AttrOr("href", ""))
	}

	path := fmt.Sprintf("/admin/announcements/%d", id)
	b.now = b.now.Add(time.Hour + time.Minute)
	b.did(s, path+"/end", "/admin/announcements", "to", b.moment(time.Minute))
	if before, after := b.changed("admin.announcement.end", subject); before["to"] == after["to"] || !one[time.Time](b, "SELECT ends_at FROM gateway.announcements WHERE id = $1", id).Equal(b.now.Add(time.Minute)) {
		t.Errorf("the audit says %v, %v", before, after)
	}
	for _, to := range []string{"", "tomorrow", b.moment(0), b.moment(-2 * time.Hour), b.moment(400 * 24 * time.Hour)} {
		if got := b.post(path+"/end", s.cookie, "to", to); got.status != http.StatusBadRequest {
			t.Errorf("its end at %q answers %d", to, got.status)
		}
	}
	b.did(s, path+"/withdraw", "/admin/announcements")
	if !one[bool](b, "SELECT withdrawn_at = $2 FROM gateway.announcements WHERE id = $1", id, b.now) || b.audited(s.id, "admin.announcement.withdraw", subject) != 1 {
		t.Error("it is not withdrawn")
	}
	for _, act := range []string{"/withdraw", "/end"} {
		if got := b.post(path+act, s.cookie, "to", b.moment(time.Hour)); got.status != http.StatusConflict {
			t.Errorf("%s of what is withdrawn answers %d", act, got.status)
		}
		if got := b.post("/admin/announcements/999999999"+act, s.cookie, "to", b.moment(time.Hour)); got.status != http.StatusNotFound {
			t.Errorf("%s of what is not there answers %d", act, got.status)
		}
	}
	if got := b.get("/admin/announcements", s.cookie).page; got.Find(".lines form").Length() != 1 || !strings.Contains(got.Find(".lines").Last().Text(), "withdrawn") {
		t.Errorf("afterwards: %s", got.Find("main").Text())
	}
}

func TestWhatCannotBeAnnounced(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	for _, wrong := range [][2]string{
		{"level", "error"}, {"words", "  "}, {"words", strings.Repeat("ü", 501)}, {"from", "now"}, {"from", b.moment(3 * time.Hour)},
		{"to", ""}, {"to", b.moment(-time.Hour)}, {"to", b.moment(367 * 24 * time.Hour)},
	} {
		fields := url.Values{"level": {"info"}, "words": {strings.Repeat("ü", 500)}, "from": {""}, "to": {b.moment(2 * time.Hour)}}
		fields.Set(wrong[0], wrong[1])
		if got := b.do("POST", "/admin/announcements", s.cookie, fields); got.status != http.StatusBadRequest || got.page.Find(".problem").Text() == "" {
			t.Errorf("%s %.20q answers %d", wrong[0], wrong[1], got.status)
		}
		page := b.get("/admin/announcements?"+fields.Encode(), s.cookie).page
		if page.Find("form .problem").Text() == "" || page.Find("#preview").Length() != 0 {
			t.Errorf("%s %.20q is previewed", wrong[0], wrong[1])
		}
	}
	fields := url.Values{"level": {"warning"}, "words": {"Soon: https://a.example <i>"}, "from": {""}, "to": {b.moment(2 * time.Hour)}}
	page := b.get("/admin/announcements?"+fields.Encode(), s.cookie).page
	if got := strings.Join(strings.Fields(page.Find("#preview .announced.warning").Text()), " "); got != "Warning: Soon: https://a.example <i>" ||
		page.Find("textarea[name=words]").First().Text() != fields.Get("words") || page.Find("option[selected]").AttrOr("value", "") != "warning" || page.Find("#announce input[name=to]").AttrOr("value", "") != fields.Get("to") {
		t.Errorf("the preview reads %q", got)
	}
	if got := one[int](b, "SELECT count(*)::int FROM gateway.announcements"); got != 0 {
		t.Errorf("%d are announced", got)
	}
}

func TestMaintenanceIsSwitchedOnChangedAndEnded(t *testing.T) {
	b := setup(t)
	b.now = b.now.Truncate(time.Minute)
	s := b.admin("op@example.com")
	for _, act := range []string{"/change", "/end"} {
		if got := b.post("/admin/maintenance"+act, s.cookie); got.status != http.StatusConflict {
			t.Errorf("%s without any answers %d", act, got.status)
		}
	}
	for _, wrong := range [][2]string{{"until", "soon"}, {"until", b.moment(-time.Minute)}, {"words", strings.Repeat("x", 501)}} {
		if got := b.post("/admin/maintenance", s.cookie, wrong[0], wrong[1]); got.status != http.StatusBadRequest {
			t.Errorf("%s %.20q answers %d", wrong[0], wrong[1], got.status)
		}
	}
	if b.get("/admin/announcements/maintenance", s.cookie).page.Find("form.card button").Text() != "Switch maintenance on" {
		t.Error("the page does not ask")
	}
	b.did(s, "/admin/maintenance", "/admin/announcements", "until", b.moment(time.Hour), "words", "New disks.")
	if !one[bool](b, "SELECT since = $1 AND until = $2 AND words = 'New disks.' AND actor = $3 FROM gateway.maintenance", b.now, b.now.Add(time.Hour), fmt.Sprintf("admin:%d", s.id)) {
		t.Error("the row says otherwise")
	}
	if got := b.post("/admin/maintenance", s.cookie); got.status != http.StatusConflict {
		t.Errorf("a second one answers %d", got.status)
	}
	if got := b.get("/admin/slices", s.cookie).page.Find("main .mark.bad").First().Text(); got != "Maintenance is on" {
		t.Errorf("other pages say %q", got)
	}
	b.did(s, "/admin/maintenance/change", "/admin/announcements", "until", "", "words", "It takes longer.")
	if before, after := b.changed("admin.maintenance.change", "maintenance"); before["until"] == nil || after["until"] != nil || after["words"] != "It takes longer." {
		t.Errorf("the audit says %v, %v", before, after)
	}
	b.did(s, "/admin/maintenance/end", "/admin/announcements")
	if one[int](b, "SELECT count(*)::int FROM gateway.maintenance") != 0 {
		t.Error("it goes on")
	}
	for _, act := range []string{"begin", "change", "end"} {
		if b.audited(s.id, "admin.maintenance."+act, "maintenance") != 1 {
			t.Errorf("%s is not in the audit", act)
		}
	}
}
