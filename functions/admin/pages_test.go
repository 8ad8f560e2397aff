package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

func texts(found *goquery.Selection) (all []string) {
	found.Each(func(_ int, one *goquery.Selection) { all = append(all, strings.Join(strings.Fields(one.Text()), " ")) })
	return all
}

func TestEachServerHasAColumn(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	if got := b.get("/admin", s.cookie); !strings.Contains(got.page.Find("main").Text(), "No runner has started yet") {
		t.Errorf("without a server: %s", got.page.Find("main").Text())
	}
	b.exec("INSERT INTO gateway.servers (name, configured_image, room) VALUES ('one', 'whatsapp-slice:1', 12), ('two', 'whatsapp-slice:1', 0)")
	sample := `INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes,
		swap_in_rate, cpu_percent, disk_used_bytes, disk_total_bytes, active_slices, total_slices, slices_rss_bytes, slices_swap_bytes, memory_pressure_us, seconds)
		VALUES ($1, $2, 32::bigint << 30, 64::bigint << 30, 8::bigint << 30, 32::bigint << 30, 0, 17, 42, 100::bigint << 30, 200::bigint << 30, 3, 150, 20::bigint << 30, 6::bigint << 30, 600000, 60)`
	b.exec(sample, "one", b.now.Add(-time.Minute))
	b.exec(sample, "two", b.now.Add(-11*time.Minute))
	b.exec("UPDATE gateway.server_telemetry SET load_1m = 0.5, load_5m = 1.25, load_15m = 12 WHERE server = 'one'")
	b.exec("UPDATE gateway.servers SET booted_at = $1, cores = 8, kernel = '6.1.0-38', engine_version = '28.1.1', runner_version = '0123456789ab+changed', announced_at = $2", b.now.Add(-50*time.Hour), b.now.Add(-11*time.Minute))
	page := b.get("/admin", s.cookie).page
	one, two := page.Find("section#one"), page.Find("section#two")
	figures := strings.Join(texts(one.Find("dl > div")), "; ")
	for _, want := range []string{"CPU42 % of all cores", "RAM32.0 GB of 64.0 GB", "Swap8.0 GB of 32.0 GB", "Disk100 GB of 200 GB", "17 pages/s", "Pressure: memory1.0 % of the time", "Slices that run150, 3 in use", "Room for more12 slices", "Sampled1 min ago",
		"Load of 1, 5, 15 min0.50, 1.25, 12.00 on 8 cores", "Up for2 days, since ", "Linux6.1.0-38", "Docker engine28.1.1", "Runner0123456789ab+changed"} {
		if !strings.Contains(figures, want) {
			t.Errorf("%q is not among %s", want, figures)
		}
	}
	if got := texts(one.Find(".mark")); got[0] != "Well" {
		t.Errorf("one is %v", got)
	}
	if got := texts(two.Find(".mark")); !strings.HasPrefix(got[0], "Silent") || two.Find("meter").Length() != 0 {
		t.Errorf("two, which is silent, is %v", got)
	}
	// What was last said of a silent one is not shown as if it were so now.
	if got := two.Text(); strings.Contains(got, "Up for") || strings.Contains(got, "Load") || !strings.Contains(strings.Join(texts(two.Find("h3")), ""), "Versions, as last said 11 min ago") {
		t.Errorf("two, which is silent, says %s", got)
	}
	if got := texts(one.Find("h3")); len(got) != 1 || got[0] != "Versions" {
		t.Errorf("one has the versions as %v", got)
	}
	if got := page.Find("main").Text(); !strings.Contains(got, "The functions that show this page: version ") {
		t.Errorf("the functions do not say which they are: %s", got)
	}
}

func TestTheGridIsFilteredAndSorted(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, ready := b.customer("ready@example.com", "assigned")
	_, away := b.customer("away@example.com", "assigned")
	_, failed := b.customer("failed@example.com", "failed")
	pool := b.slice("available", nil)
	gone := b.slice("destroying", nil)
	b.exec("UPDATE gateway.slices SET status = 'destroyed', port = NULL WHERE id = $1", gone)
	b.exec("UPDATE gateway.slices SET wa_state = 'ready', linked_at = $2, memory_bytes = 100 << 20, measured_at = $2, last_activity_at = $3 WHERE id = $1", ready, b.now, b.now.Add(-3*time.Hour))
	b.exec("UPDATE gateway.slices SET wa_state = 'disconnected', linked_at = $2, memory_bytes = 300 << 20, measured_at = $2, last_activity_at = $2, image = 'whatsapp-slice:0' WHERE id = $1", away, b.now)
	b.exec("UPDATE gateway.slices SET memory_bytes = 200 << 20, measured_at = $2, created_at = $3 WHERE id = $1", pool, b.now, b.now.Add(-time.Hour))
	b.exec("UPDATE gateway.slices SET created_at = $2 WHERE id = $1", failed, b.now.Add(-2*time.Hour))
	for query, want := range map[string][]int64{
		"":                               {failed, away, ready, pool},
		"?sort=number":                   {ready, away, failed, pool},
		"?sort=memory":                   {away, pool, ready, failed},
		"?sort=idle":                     {ready, failed, pool, away},
		"?sort=image":                    {away, ready, failed, pool},
		"?sort=nonsense":                 {failed, away, ready, pool},
		"?state=trouble":                 {failed, away},
		"?state=available":               {pool},
		"?state=suspended":               nil,
		"?image=whatsapp-slice:0":        {away},
		"?state=assigned&sort=memory":    {away, ready},
		"?state=%22%3E%3Cscript%3E&sort": nil,
	} {
		page := b.get("/admin/slices"+query, s.cookie)
		var got, wanted []string
		got = texts(page.page.Find(".tiles b"))
		for _, id := range want {
			wanted = append(wanted, fmt.Sprint(id))
		}
		if strings.Join(got, " ") != strings.Join(wanted, " ") {
			t.Errorf("%q shows %v, want %v", query, got, wanted)
		}
		if strings.Contains(page.body, "<script>") {
			t.Errorf("%q: %s", query, page.body)
		}
	}
	// Words beside colours.
	page := b.get("/admin/slices?sort=number", s.cookie).page
	for i, want := range []string{"Well in order, WhatsApp ready ready@example.com 100 MB RAM, 0 KB swap idle 3 h", "Needs a look WhatsApp: disconnected", "Broken failed, stays down", "Well ready for the next sign-up"} {
		if tile := texts(page.Find(".tiles li").Eq(i).Find("span")); !strings.HasPrefix(strings.Join(tile, " "), want) {
			t.Errorf("tile %d says %v", i, tile)
		}
	}
	// An alert colours what is well otherwise.
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('slice.memory', $1, 'critical', 'It is large.', $2)", fmt.Sprintf("slice:%d", ready), b.now)
	if got := texts(b.get("/admin/slices?sort=number", s.cookie).page.Find(".tiles li.bad").First().Find("span")); len(got) < 2 || got[0] != "Broken" || !strings.Contains(got[1], "alert: slice.memory") {
		t.Errorf("with an alert it says %v", got)
	}
	// Two clicks from the grid to an act.
	path := page.Find(".tiles a").First().AttrOr("href", "")
	if got := texts(b.get(path, s.cookie).page.Find(".acts button, .acts a")); strings.Join(got, ", ") != "Restart, Suspend, Move to another slice, Reclaim now, Exempt from reclaim, Show its log, New image…, Destroy…" {
		t.Errorf("the tile leads to %v", got)
	}
}

func TestASlicesPageHasItsAlertsAuditAndJobs(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	_, other := b.customer("bob@example.com", "assigned")
	for _, id := range []int64{slice, other} {
		subject := fmt.Sprintf("slice:%d", id)
		b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at, closed_at) VALUES ('slice.down', $1, 'critical', 'Down <b>now</b>.', $2, NULL), ('slice.silent', $1, 'warning', 'It was.', $3, $2)", subject, b.now, b.now.Add(-time.Hour))
		b.did(s, fmt.Sprintf("/admin/slices/%d/recycle", id), fmt.Sprintf("/admin/slices/%d", id))
	}
	page := b.get(fmt.Sprintf("/admin/slices/%d", slice), s.cookie)
	lines := strings.Join(texts(page.page.Find(".lines li")), "\n")
	for _, want := range []string{"critical, open slice.down", "warning, over slice.silent", "Down <b>now</b>.", "available recycle attempt 0 of 10", fmt.Sprintf("admin.slice.recycle by admin:%d", s.id), `"from": "192.0.2.7"`} {
		if strings.Count(lines, want) != 1 {
			t.Errorf("%q is there %d times: %s", want, strings.Count(lines, want), lines)
		}
	}
	for _, path := range []string{"/admin/slices/0", "/admin/slices/x", "/admin/slices/99999999999999999999", "/admin/slices/1"} {
		if got := b.get(path, s.cookie); got.status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
}

func TestUsersAreFound(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, slice := b.customer("ann_x@example.com", "assigned")
	b.exec("UPDATE gateway.users SET subscription_status = 'past_due' WHERE id = $1", user)
	for i := range 55 {
		b.account(fmt.Sprintf("many%d@example.com", i), false)
	}
	for query, want := range map[string]int{"": 50, "?q=ann_x": 1, "?q=ANN": 1, "?q=annax": 0, "?q=%25": 0, fmt.Sprintf("?q=%d", user): 1, "?q=%00": 50, "?q=%ff": 50} {
		got := b.get("/admin/users"+query, s.cookie)
		if found := got.page.Find(".lines li").Length(); found < want || query != fmt.Sprintf("?q=%d", user) && found != want {
			t.Errorf("%q finds %d", query, found)
		}
	}
	line := texts(b.get("/admin/users?q=ann_x", s.cookie).page.Find(".lines li"))[0]
	for _, want := range []string{"past due", fmt.Sprintf("slice %d assigned", slice), "last seen never"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %q", want, line)
		}
	}
	first := b.get("/admin/users?q=example", s.cookie).page
	more := b.get(first.Find("main a.button").AttrOr("href", ""), s.cookie).page
	if got := more.Find(".lines li").Length(); got != 7 || more.Find("main a.button").Length() != 0 { // 55, ann and the admin
		t.Errorf("the second page has %d", got)
	}
}

func TestTheHeaderCountsJobsThatWereGivenUp(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	for _, job := range []struct{ state, errors string }{{"discarded", "{}"}, {"cancelled", `{"{\"error\": \"no image\"}"}`}, {"cancelled", ""}, {"completed", "{}"}} {
		var failures any
		if job.errors != "" {
			failures = job.errors
		}
		b.exec("INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at, finalized_at, errors) VALUES ('{}', 'none', 3, 'default', $1::text::river.river_job_state, now(), now(), $2::text::jsonb[])", job.state, failures)
	}
	for _, path := range []string{"/admin", "/admin/slices", "/admin/alerts", "/admin/users"} {
		if got := b.get(path, s.cookie).page.Find("header a.jobs.bad").Text(); got != "2 failed jobs" {
			t.Errorf("%s says %q", path, got)
		}
	}
}
