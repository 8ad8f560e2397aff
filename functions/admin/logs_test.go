package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// opened opens the log of a slice by its button, and gives the page that it leads to and the tail.
func (b *bundle) opened(s seat, slice int64) (path string, tail int64) {
	b.t.Helper()
	got := b.post(fmt.Sprintf("/admin/slices/%d/logs", slice), s.cookie)
	found := regexp.MustCompile(`^/admin/slices/\d+/logs\?tail=(\d+)$`).FindStringSubmatch(got.location())
	if got.status != http.StatusSeeOther || found == nil {
		b.t.Fatalf("it answers %d, %s: %s", got.status, got.location(), got.page.Find("main").Text())
	}
	_, _ = fmt.Sscan(found[1], &tail)
	return got.location(), tail
}

// writes adds lines to a tail, as a runner does.
func (b *bundle) writes(tail int64, from int, lines ...string) {
	b.t.Helper()
	for i, line := range lines {
		b.exec("INSERT INTO gateway.log_lines (tail_id, seq, at, stream, line) VALUES ($1, $2, $3, 'stderr', $4)", tail, from+i, b.now, line)
	}
	b.exec("SELECT pg_notify('log_lines', $1)", fmt.Sprint(tail))
}

// shown is what an event of lines puts onto the page.
func (s *stream) shown() string {
	s.t.Helper()
	var data struct{ HTML string }
	if err := json.Unmarshal([]byte(s.next("lines").data), &data); err != nil {
		s.t.Fatal(err)
	}
	return data.HTML
}

func TestALogIsShownAndGoesOn(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	before := b.get(fmt.Sprintf("/admin/slices/%d/logs", slice), s.cookie)
	if before.status != http.StatusOK || before.page.Find("main form[method=post] button").Text() != "Show its log" || before.page.Find("[data-live-stream]").Length() != 0 {
		t.Errorf("before it is opened the page says %s", before.page.Find("main").Text())
	}
	path, tail := b.opened(s, slice)
	if b.audited(s.id, "admin.slice.logs", fmt.Sprintf("slice:%d", slice)) != 1 {
		t.Error("it is not in the audit")
	}
	if again, same := b.opened(s, slice); again != path || same != tail {
		t.Errorf("opened again it is another: %s", again)
	}
	b.writes(tail, 1, "one", "<script>alert(1)</script>")
	page := b.get(path, s.cookie)
	if lines := texts(page.page.Find(".log li code")); strings.Join(lines, "|") != "one|<script>alert(1)</script>" || page.page.Find("main script").Length() != 0 || page.page.Find(".log li.stderr span").First().Text() != "error" {
		t.Errorf("without a script it shows %s", page.page.Find(".log").Text())
	}
	if more := page.page.Find("a[data-live-instead]"); more.Text() != "Show more" || more.AttrOr("href", "") != path {
		t.Errorf("and leads on to %q", more.AttrOr("href", ""))
	}
	stream := b.open(page.page.Find("[data-live-stream]").AttrOr("data-live-stream", ""), s.cookie)
	b.writes(tail, 3, "three", "<i>four</i>")
	shown := stream.shown()
	for !strings.Contains(shown, "four") {
		shown += stream.shown()
	}
	if strings.Contains(shown, "one") || strings.Count(shown, "<li class=\"stderr\">") != 2 || !strings.Contains(shown, "<code>&lt;i&gt;four&lt;/i&gt;</code>") {
		t.Errorf("live it shows %s", shown)
	}
	// One that comes back says where it was; one from the start gets all.
	back := b.open(fmt.Sprintf("/admin/live/logs/%d", tail), s.cookie, "Last-Event-ID", "3")
	if shown := back.shown(); strings.Contains(shown, "three") || !strings.Contains(shown, "four") {
		t.Errorf("it comes back to %s", shown)
	}
	whole := b.open(fmt.Sprintf("/admin/live/logs/%d", tail), s.cookie).next("lines")
	if strings.Count(whole.data, "<li ") != 4 || whole.id != "4" {
		t.Errorf("from the start it gets %+v", whole)
	}
}

func TestALogIsWantedAsLongAsSomebodyLooks(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	path, tail := b.opened(s, slice)
	wanted := func() time.Time {
		return one[time.Time](b, "SELECT wanted_until FROM gateway.log_tails WHERE id = $1", tail)
	}
	if got := wanted(); !got.Equal(b.now.Add(30 * time.Second)) {
		t.Errorf("it is wanted until %v", got)
	}
	for _, look := range []func() *stream{
		func() *stream { b.get(path, s.cookie); return nil },
		func() *stream { return b.open(fmt.Sprintf("/admin/live/logs/%d", tail), s.cookie) },
	} {
		b.exec("UPDATE gateway.log_tails SET wanted_until = $1", b.now.Add(time.Second))
		stream := look()
		b.until("it is wanted for longer", func() bool { return wanted().Equal(b.now.Add(30 * time.Second)) })
		if stream == nil {
			continue
		}
		b.exec("UPDATE gateway.log_tails SET wanted_until = $1", b.now.Add(time.Second))
		b.until("it goes on to be wanted", func() bool { return wanted().Equal(b.now.Add(30 * time.Second)) })
		// What it reads has been swept: it ends, and its page is told that there is nothing when it comes again.
		b.exec("DELETE FROM gateway.log_tails")
		stream.ends()
	}
	if got := b.get(path, s.cookie); got.status != http.StatusOK || got.page.Find("main form button").Text() != "Show its log" {
		t.Errorf("of one that is over the page says %s", got.page.Find("main").Text())
	}
}

func TestALogIsForWhoOpenedItAlone(t *testing.T) {
	b := setup(t)
	s, other := b.admin("op@example.com"), b.admin("other@example.com")
	user, slice := b.customer("ann@example.com", "assigned")
	_, second := b.customer("ben@example.com", "assigned")
	path, tail := b.opened(s, slice)
	b.writes(tail, 1, "what was written")
	address := fmt.Sprintf("/admin/live/logs/%d", tail)
	for who, cookie := range map[string]*http.Cookie{"another admin": other.cookie, "the customer": b.login(user)} {
		if got := b.try(address, cookie).response.StatusCode; got != http.StatusNotFound {
			t.Errorf("%s gets %d", who, got)
		}
		if got := b.get(path, cookie); strings.Contains(got.body, "what was written") {
			t.Errorf("%s reads it", who)
		}
	}
	if got := b.get(fmt.Sprintf("/admin/slices/%d/logs?tail=%d", second, tail), s.cookie); got.status != http.StatusNotFound {
		t.Errorf("as another slice's it answers %d", got.status)
	}
	stream := b.open(address, s.cookie)
	stream.shown()
	b.exec("UPDATE gateway.sessions SET second_factor_at = NULL WHERE user_id = $1", s.id)
	if before := stream.ends(); len(before) == 0 || before[len(before)-1].name != "bye" {
		t.Errorf("without its second factor it ends with %v", before)
	}
}

func TestAServerRelaysSoManyLogs(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	var last int64
	for i := range 10 {
		_, last = b.customer(fmt.Sprintf("user%d@example.com", i), "assigned")
		b.opened(s, last)
	}
	_, slice := b.customer("one-more@example.com", "assigned")
	path := fmt.Sprintf("/admin/slices/%d/logs", slice)
	refused := b.post(path, s.cookie)
	if refused.status != http.StatusConflict || !strings.Contains(refused.page.Find(".problem").Text(), "10 logs of test are being followed") || b.audited(s.id, "admin.slice.logs", fmt.Sprintf("slice:%d", slice)) != 0 {
		t.Errorf("the eleventh answers %d: %s", refused.status, refused.page.Find("main").Text())
	}
	b.opened(s, last) // that is open already
	b.exec("UPDATE gateway.log_tails SET wanted_until = $1 WHERE slice_id = $2", b.now.Add(-time.Second), last)
	b.opened(s, slice)
}
