package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// heard has a server's runner write something down so long ago.
func (b *bundle) heard(server string, ago time.Duration) {
	b.t.Helper()
	b.exec("INSERT INTO gateway.servers (name) VALUES ($1) ON CONFLICT DO NOTHING", server)
	b.exec(`INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes,
		disk_used_bytes, disk_total_bytes, total_slices, slices_rss_bytes, slices_swap_bytes) VALUES ($1, $2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`, server, b.now.Add(-ago))
}

// begun adds a rollout as it is once its image is checked.
func (b *bundle) begun(state string, finished *time.Time) int64 {
	b.t.Helper()
	return one[int64](b, `INSERT INTO gateway.rollouts (state, asked_image, image, image_id, batch_size, actor, finished_at, created_at)
		VALUES ($1, 'whatsapp-slice:2', 'whatsapp-slice:rollout-2', 'sha256:2', 5, 'operator', $2, $3) RETURNING id`, state, finished, b.now.Add(-time.Hour))
}

func (b *bundle) part(rollout, slice int64, state string, batch int, canary bool, note string) {
	b.t.Helper()
	b.exec("INSERT INTO gateway.rollout_slices (rollout_id, slice_id, from_image, state, batch, canary, note) VALUES ($1, $2, 'whatsapp-slice:1', $3, nullif($4::int, 0), $5, $6)", rollout, slice, state, batch, canary, note)
}

func TestAFleetUpdateIsStartedByTypingItsImage(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, _ := b.customer("ann@example.com", "assigned")
	b.slice("available", nil)
	b.login(user)
	b.exec("UPDATE gateway.sessions SET extended_at = $1", b.now)
	form := b.get("/admin/start-update", s.cookie).page
	if got := strings.Join(texts(form.Find("p.problem")), ""); got != "This restarts 2 slices: 1 of customers, 1 of these in use just now, which come last." {
		t.Errorf("the form warns: %s", got)
	}
	if got := form.Find("datalist option[value='whatsapp-slice:1']").Length(); got != 1 {
		t.Error("the form does not know the image that slices have")
	}
	for what, fields := range map[string][]string{
		"no image":        {"image", " ", "batch", "5"},
		"no name":         {"image", "a b", "batch", "5"},
		"an option":       {"image", "--rollback", "batch", "5"},
		"no batch":        {"image", "whatsapp-slice:2", "batch", ""},
		"a batch of none": {"image", "whatsapp-slice:2", "batch", "0"},
		"too large":       {"image", "whatsapp-slice:2", "batch", "11"},
	} {
		if got := b.post("/admin/start-update", s.cookie, fields...); got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", what, got.status)
		}
	}
	image := []string{"image", "whatsapp-slice:2", "batch", "7"}
	if got := b.post("/admin/start-update", s.cookie, image...); got.status != http.StatusConflict || !strings.Contains(got.body, "No runner that could check the image has been heard of") {
		t.Errorf("without a runner: %d %s", got.status, got.page.Find("main").Text())
	}
	if n := one[int](b, "SELECT count(*)::int FROM gateway.rollouts"); n != 0 {
		t.Fatalf("%d rollouts", n)
	}
	b.heard("one", time.Minute)
	got := b.post("/admin/start-update", s.cookie, image...)
	id := one[int64](b, "SELECT id FROM gateway.rollouts WHERE state = 'checking' AND batch_size = 7 AND check_server = 'one' AND actor = $1", fmt.Sprintf("admin:%d", s.id))
	path, subject := fmt.Sprintf("/admin/updates/%d", id), fmt.Sprintf("rollout:%d", id)
	if got.status != http.StatusSeeOther || got.location() != path || b.audited(s.id, "admin.rollout.start", subject) != 1 {
		t.Fatalf("%d, %s", got.status, got.location())
	}
	if n := one[int](b, "SELECT count(*)::int FROM river.river_job WHERE kind = 'check_rollout' AND queue = 'server-one' OR kind = 'rollout'"); n != 3 {
		t.Errorf("%d jobs", n)
	}
	if got := b.post("/admin/start-update", s.cookie, image...); got.status != http.StatusConflict || !strings.Contains(got.body, "is not finished") {
		t.Errorf("another one: %d", got.status)
	}
	if got := b.get("/admin/start-update", s.cookie).page; got.Find("main form").Length() != 0 || got.Find("main a[href='"+path+"']").Length() != 1 {
		t.Error("the form does not say that another is in the way")
	}
	page := b.get(path, s.cookie).page
	if got := strings.Join(texts(page.Find("section")), ""); !strings.Contains(got, "the image is being checked by server one") || page.Find(".acts button").Text() != "Abort" {
		t.Errorf("it shows %s", got)
	}
	if got := b.get("/admin/updates", s.cookie).page; got.Find("section[data-refresh='"+path+"/progress']").Length() != 1 || got.Find("a[href='/admin/start-update']").Length() != 0 {
		t.Error("the list does not show it")
	}
	if got := b.post(path+"/pause", s.cookie); got.status != http.StatusConflict {
		t.Errorf("a check is paused: %d", got.status)
	}
	if got := b.post(path+"/abort", s.cookie); got.location() != path || one[string](b, "SELECT state FROM gateway.rollouts WHERE id = $1", id) != "aborted" {
		t.Errorf("it is not aborted: %d", got.status)
	}
	if got := one[string](b, "SELECT detail->'before'->>'state' || ' ' || (detail->'after'->>'state') FROM gateway.audit WHERE action = 'admin.rollout.abort' AND subject = $1", subject); got != "checking aborted" {
		t.Errorf("the audit says %s", got)
	}
}

func TestARolloutIsShownBatchByBatch(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	id := b.begun("running", nil)
	var slices []int64
	for i := range 6 {
		_, slice := b.customer(fmt.Sprintf("c%d@example.com", i), "assigned")
		slices = append(slices, slice)
	}
	server := one[string](b, "SELECT server FROM gateway.slices LIMIT 1")
	b.heard(server, time.Minute)
	b.part(id, slices[0], "done", 1, true, "")
	b.part(id, slices[1], "rolled_back", 2, false, "its <b>container</b> ended")
	b.exec("UPDATE gateway.rollout_slices SET failed_at = $1 WHERE slice_id = $2", b.now, slices[1])
	b.part(id, slices[2], "done", 2, false, "")
	b.part(id, slices[3], "updating", 3, false, "")
	b.part(id, slices[4], "verifying", 3, false, "")
	b.part(id, slices[5], "pending", 0, false, "")
	b.exec("UPDATE gateway.rollout_slices SET reached_at = $1 WHERE slice_id = $2", b.now, slices[5])
	path := fmt.Sprintf("/admin/updates/%d", id)
	page := b.get(path, s.cookie).page
	if got := texts(page.Find("section h3")); strings.Join(got, "; ") != "Failures; Batch 3 under way; Batch 1, the canary; Batch 2; Not reached yet" {
		t.Errorf("the groups are %v", got)
	}
	for i, want := range []struct {
		slice int64
		words string
	}{
		{slices[3], "now being restarted on it"}, {slices[4], "now being watched on it"}, {slices[0], "ok on the new image"},
		{slices[1], "warn failed, back on the old image"}, {slices[2], "ok on the new image"}, {slices[5], "rest in use, waited for since"},
	} {
		tile := page.Find(".tiles.small li").Eq(i)
		if got := tile.AttrOr("class", "") + " " + tile.Find("span").Text(); !strings.HasPrefix(got, want.words) || tile.Find("b").Text() != fmt.Sprint(want.slice) {
			t.Errorf("tile %d is %q, want %q", i, got, want.words)
		}
	}
	bar := page.Find("progress")
	if bar.AttrOr("value", "") != "3" || bar.AttrOr("max", "") != "6" || page.Find(".progress b").Text() != "3 of 6" {
		t.Errorf("the bar is %v", texts(page.Find(".progress")))
	}
	waits := strings.Join(texts(page.Find(".waits li")), " ")
	for _, want := range []string{"being restarted on it", "being watched on it", "in use, and waited for"} {
		if !strings.Contains(waits, want) {
			t.Errorf("it waits for %s", waits)
		}
	}
	if strings.Contains(waits, "silent") || !strings.Contains(page.Find(".lines").First().Text(), "its <b>container</b> ended") {
		t.Errorf("it says %s; %s", waits, page.Find(".lines").First().Text())
	}
	// The part that changes is the same, and says where it is for as long as it may change.
	part := b.get(path+"/progress", s.cookie)
	if part.page.Find("section[data-refresh='"+path+"/progress']").Length() != 1 || part.page.Find("html > body > section").Length() != 1 || part.page.Find("header, nav, h1").Length() != 0 {
		t.Errorf("the part is %s", part.body)
	}
	if got := texts(page.Find(".acts button, .acts a")); strings.Join(got, ", ") != "Pause, Abort, Take back…" {
		t.Errorf("it offers %v", got)
	}
	// A runner that is gone is told of.
	b.exec("DELETE FROM gateway.server_telemetry")
	b.heard(server, 20*time.Minute)
	if got := b.get(path+"/progress", s.cookie).page.Find(".waits").Text(); !strings.Contains(got, "The runner of server "+server+" has been silent since") {
		t.Errorf("it waits for %s", got)
	}
	b.exec("UPDATE gateway.rollouts SET state = 'halted', reason = 'two in a row failed', finished_at = $1 WHERE id = $2", b.now, id)
	over := b.get(path+"/progress", s.cookie).page
	if over.Find("[data-refresh], [data-reload], .waits").Length() != 0 || over.Find(".problem").Text() != "two in a row failed" || strings.Join(texts(over.Find(".acts a, .acts button")), "") != "Take back…" {
		t.Errorf("halted it shows %s", over.Text())
	}
	if got := texts(b.get("/admin/updates", s.cookie).page.Find(".lines li")); len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprintf("HALTED Rollout %d: everybody to whatsapp-slice:2 6 slices, 1 failed", id)) || !strings.Contains(got[0], "two in a row failed") {
		t.Errorf("the list says %v", got)
	}
	if got := b.get("/admin/updates/4711", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", got.status)
	}
}

func TestARolloutIsPausedResumedAndTakenBack(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	before, id := b.begun("done", &b.now), b.begun("running", nil)
	_, slice := b.customer("ann@example.com", "assigned")
	b.part(id, slice, "done", 1, true, "")
	path, subject := fmt.Sprintf("/admin/updates/%d", id), fmt.Sprintf("rollout:%d", id)
	state := func() string {
		return one[string](b, "SELECT state || CASE WHEN paused THEN ', paused' ELSE '' END FROM gateway.rollouts WHERE id = $1", id)
	}
	for _, step := range []struct{ act, want, offers string }{
		{"pause", "running, paused", "Resume, Abort, Take back…"},
		{"resume", "running", "Pause, Abort, Take back…"},
		{"abort", "aborted", "Take back…"},
		{"rollback", "rolling_back", "Pause, Abort"},
	} {
		if got := b.post(path+"/"+step.act, s.cookie); got.status != http.StatusSeeOther || got.location() != path || state() != step.want || b.audited(s.id, "admin.rollout."+step.act, subject) != 1 {
			t.Errorf("%s: %d, and it is %s", step.act, got.status, state())
		}
		if got := strings.Join(texts(b.get(path, s.cookie).page.Find(".acts button, .acts a")), ", "); got != step.offers {
			t.Errorf("after %s it offers %s", step.act, got)
		}
	}
	// What an old page still offers is refused in words, and does nothing to the one that is under way.
	old := fmt.Sprintf("/admin/updates/%d", before)
	for _, act := range []string{"pause", "resume", "abort", "rollback"} {
		if got := b.post(old+"/"+act, s.cookie); got.status != http.StatusConflict || got.page.Find("p.problem").Length() != 1 {
			t.Errorf("%s of one that is over: %d", act, got.status)
		}
	}
	if got := b.post("/admin/updates/4711/abort", s.cookie); got.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", got.status)
	}
	if got := b.get(old+"/rollback", s.cookie).page; got.Find("main form").Length() != 0 || !strings.Contains(got.Find(".problem").Text(), "Only the last rollout can be taken back") {
		t.Errorf("to take back another: %s", got.Find("main").Text())
	}
	if state() != "rolling_back" {
		t.Errorf("it is %s", state())
	}
}

func TestOneSliceGetsAnImageOfItsOwn(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	pooled := b.slice("available", nil)
	b.heard(one[string](b, "SELECT server FROM gateway.slices WHERE id = $1", slice), time.Minute)
	path := fmt.Sprintf("/admin/slices/%d", slice)
	if b.get(path, s.cookie).page.Find("a[href='"+path+"/image']").Length() != 1 || b.get(fmt.Sprintf("/admin/slices/%d", pooled), s.cookie).page.Find("a[href$='/image']").Length() != 0 {
		t.Error("it is not offered to a customer's slice alone")
	}
	if got := b.get(path+"/image", s.cookie).page; got.Find("form[action='"+path+"/image'] input[name=image]").Length() != 1 {
		t.Error("there is no form")
	}
	if got := b.post(fmt.Sprintf("/admin/slices/%d/image", pooled), s.cookie, "image", "whatsapp-slice:2"); got.status != http.StatusConflict || !strings.Contains(got.body, "nobody&#39;s") {
		t.Errorf("the pool's: %d %s", got.status, got.page.Find("main").Text())
	}
	if got := b.post("/admin/slices/4711/image", s.cookie, "image", "whatsapp-slice:2"); got.status != http.StatusConflict {
		t.Errorf("one that is not there: %d", got.status)
	}
	got := b.post(path+"/image", s.cookie, "image", "whatsapp-slice:2")
	id := one[int64](b, "SELECT id FROM gateway.rollouts WHERE slice_id = $1 AND state = 'checking'", slice)
	if got.location() != fmt.Sprintf("/admin/updates/%d", id) || b.audited(s.id, "admin.slice.image", fmt.Sprintf("rollout:%d", id)) != 1 {
		t.Errorf("it leads to %s", got.location())
	}
	if got := b.get(got.location(), s.cookie).page.Find("h1").Text(); got != fmt.Sprintf("Rollout %d: slice %d to whatsapp-slice:2", id, slice) {
		t.Errorf("it is called %s", got)
	}
}
