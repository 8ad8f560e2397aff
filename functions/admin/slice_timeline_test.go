package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// held writes a sample of a slice; a state that is empty was not told.
func (b *bundle) held(slice int64, at, started time.Time, rss, swap int64, state string) {
	b.t.Helper()
	b.exec(`INSERT INTO gateway.telemetry (slice_id, timestamp, started_at, rss_bytes, swap_bytes, wa_state, idle_seconds, cpu_percent, user_bytes, platform_bytes, upstream_bytes, oom_kills, seconds)
		VALUES ($1, $2, $3, $4::bigint << 20, $5::bigint << 20, nullif($6, ''), 120, 1.5, 6000, NULL, 600, 0, 60)`, slice, at, started, rss, swap, state)
}

func TestASliceHasATimeline(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	_, other := b.customer("bob@example.com", "assigned")
	at := func(minutes int) time.Time { return b.now.Add(time.Duration(minutes) * time.Minute) }
	old, young := at(-3000), at(-20)
	for i, state := range []string{"ready", "ready", "disconnected", "ready", "", "ready"} {
		b.held(slice, at(-40+i), old, 100, 60, state)
	}
	b.held(slice, at(-30), old, 100, 60, "ready")     // some minutes were missed
	b.held(slice, at(-19), young, 150, 0, "starting") // after a restart, and nothing in between
	b.held(slice, at(-18), young, 140, 10, "starting")
	b.exec("UPDATE gateway.telemetry SET oom_kills = 1 WHERE timestamp = $1", at(-37))
	b.held(other, at(-5), at(-3), 7, 7, "failed")
	step := "INSERT INTO gateway.reclaims (slice_id, at, kind, asked_bytes, given_bytes, took_us, rss_before, rss_after, swap_after, refaults_before, pressure_before_us, pressure_after_us, reason) VALUES ($1, $2, $3, 0, $4::bigint << 20, 1, $5::bigint << 20, $6::bigint << 20, 0, 0, 0, 0, 'idle')"
	b.exec(step, slice, at(-300), "step", 20, 160, 140)
	b.exec(step, slice, at(-290), "step", 30, 140, 110)
	b.exec(step, slice, at(-200), "step", 5, 100, 95) // another event: an hour and a half later
	b.exec(step, slice, at(-100), "prefetch", 0, 30, 90)
	b.exec(step, other, at(-100), "step", 77, 177, 100)
	b.exec("INSERT INTO gateway.wakes (slice_id, at, cause, idle_seconds, rss_before, swap_before, prefetched_bytes, prefetch_us, back_bytes, answer_us) VALUES ($1, $2, 'login', 7200, 1, 1, 0, 0, 50 << 20, 83000)", slice, at(-99))
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at, closed_at) VALUES ('slice.memory', $1, 'warning', 'It is <large>.', $2, $3), ('slice.old', $1, 'warning', 'Old.', $4, $4)", fmt.Sprintf("slice:%d", slice), at(-60), at(-50), at(-60*30))
	got := b.get(fmt.Sprintf("/admin/slices/%d", slice), s.cookie)
	p := b.plotsOf(got.page.Find("#timeline-plots script").Text())
	for _, want := range [][3]string{
		{"memory", "RAM", "104857600 104857600 104857600 104857600 104857600 104857600 104857600 157286400 146800640 | 140 MB 100 MB 110 MB 150 MB"},
		{"traffic", "its user", "100 100 100 100 100 100 100 100 100 | 100 B/s 100 B/s 100 B/s 100 B/s"},
		{"traffic", "the platform", "– – – – – – – – – | – – – –"},
		{"idle", "Idle", "120 120 120 120 120 120 120 120 120 | 2 min 2 min 2 min 2 min"},
		{"cpu", "Busy", "1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 1.5 | 1.5 % 1.5 % 1.5 % 1.5 %"},
	} {
		if got := p.values(want[0], want[1]); got != want[2] {
			t.Errorf("%s, %s: %s, want %s", want[0], want[1], got, want[2])
		}
	}
	// The states, with the sample that knew none and the gap left out.
	var strip []string
	for _, one := range p.Plots[0].Strip {
		strip = append(strip, fmt.Sprintf("%s %s %+.0f to %+.0f", one.Words, one.Level, (one.From-float64(b.now.Unix()))/60, (one.Until-float64(b.now.Unix()))/60))
	}
	if got := strings.Join(strip, ", "); got != "ready ok -40 to -38, disconnected bad -38 to -37, ready ok -37 to -36, ready ok -35 to -34, ready ok -30 to -29, starting warn -19 to -17" {
		t.Errorf("the states are %s", got)
	}
	if said := words(got.page); !strings.Contains(said, "WhatsApp, of the time in which its state was known: ready 62.5 %, disconnected 12.5 %, starting 25.0 %.") {
		t.Errorf("the states are not said: %s", said)
	}
	events := texts(got.page.Find(".events li"))
	for i, want := range []string{
		"1: start Its container was started.", "2: kill The kernel ended a process of it for want of memory.", "3: alert Alert slice.memory, for 10 min: It is <large>.",
		"4: wake Its user logged in after 2 h; 50 MB came back into RAM; first answer after 83 ms.", "5: memory Brought back ahead of its user, in 1 step; RAM 30 MB before, 90 MB after.",
		"6: memory Pushed to swap: 5 MB, in 1 step over 0 s; RAM 100 MB before, 95 MB after.", "7: memory Pushed to swap: 50 MB, in 2 steps over 10 min; RAM 160 MB before, 110 MB after.",
	} {
		if i >= len(events) || !strings.HasPrefix(events[i], want) {
			t.Errorf("%q is not event %d of %q", want, i+1, events)
		}
	}
	if marks := p.Plots[0].Marks; len(events) != 7 || len(marks) != 7 || marks[0].At != float64(young.Unix()) || marks[6].Number != 7 {
		t.Errorf("%d events, marks %+v", len(events), marks)
	}
	script := b.get(got.page.Find("#timeline-plots").AttrOr("data-src", ""), s.cookie)
	if script.header.Get("Content-Type") != "application/json" || script.body != strings.TrimSpace(got.page.Find("#timeline-plots script").Text()) {
		t.Errorf("a script is told %.300s", script.body)
	}
	if b := b.get(fmt.Sprintf("/admin/slices/%d/timeline", other+1), s.cookie); b.status != http.StatusNotFound {
		t.Errorf("of a slice that is not there: %d", b.status)
	}
}

func TestATimelineOfNothingSaysSo(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	slice := b.slice("available", nil)
	for query, title := range map[string]string{"": "24 hours", "?range=nonsense": "24 hours", "?range=7d": "7 days", "?range=30d": "30 days"} {
		got := b.get(fmt.Sprintf("/admin/slices/%d%s", slice, query), s.cookie).page.Find("#timeline")
		if !strings.Contains(got.Text(), "Nothing was written down of it in these "+title) || got.Find("figure, .events").Length() != 0 {
			t.Errorf("%q: %s", query, got.Text())
		}
	}
}

func TestALongTimelineKeepsWhatIsRare(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	hour := func(n int) time.Time { return b.now.Add(-time.Duration(n) * time.Hour).Truncate(time.Hour) }
	bin := `INSERT INTO gateway.telemetry_1h (slice_id, timestamp, started_at, samples, seconds, rss_bytes, rss_max_bytes, swap_bytes, swap_max_bytes, idle_samples, user_bytes,
		known_samples, ready_samples, ready_seconds, swapped_ready_seconds, disconnects, swapped_disconnects) VALUES ($1, $2, $3, 60, 3600, 5, 5, 6, 6, 0, 7200, $4, $5, 0, 0, 0, 0)`
	for i, ready := range [][2]int{{60, 60}, {60, 40}, {60, 0}, {0, 0}} {
		b.exec(bin, slice, hour(700-i), hour(695), ready[0], ready[1])
	}
	b.exec(`INSERT INTO gateway.wakes (slice_id, at, cause, rss_before, swap_before, prefetched_bytes, prefetch_us)
		SELECT $1, $2::timestamptz + i * interval '2 hours', 'open', 1, 1, 0, 0 FROM generate_series(1, 50) i`, slice, hour(400))
	b.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('slice.memory', $1, 'warning', 'It is large.', $2)", fmt.Sprintf("slice:%d", slice), hour(699))
	got := b.get(fmt.Sprintf("/admin/slices/%d?range=30d", slice), s.cookie).page
	p := b.plotsOf(got.Find("#timeline-plots script").Text())
	var strip []string
	for _, one := range p.Plots[0].Strip {
		strip = append(strip, one.Words+" "+one.Level)
	}
	if p.Step != 3600 || strings.Join(strip, ", ") != "ready ok, ready at times warn, not ready bad" || p.values("traffic", "its user") != "2 2 2 2 | 2 B/s 2 B/s 2 B/s 2 B/s" {
		t.Errorf("%+v", p)
	}
	events := texts(got.Find(".events li"))
	if len(events) != 40 || !strings.Contains(events[39], "40: alert Alert slice.memory, open for") || got.Find("details .events li").Length() != 30 || !strings.Contains(words(got), "There was more") {
		t.Errorf("%d events, the last is %q", len(events), events[len(events)-1])
	}
	week := `INSERT INTO gateway.telemetry_5m (slice_id, timestamp, started_at, samples, seconds, rss_bytes, rss_max_bytes, swap_bytes, swap_max_bytes, idle_samples, user_bytes,
		known_samples, ready_samples, ready_seconds, swapped_ready_seconds, disconnects, swapped_disconnects) VALUES ($1, $2, $3, 5, 300, $4, 9, 6, 6, 0, 3000, 5, $5, 0, 0, 0, 0)`
	quarter := hour(30)
	for i := range 3 {
		b.exec(week, slice, quarter.Add(time.Duration(5*i)*time.Minute), hour(50), 4000+i, 5-i)
	}
	p = b.plotsOf(b.get(fmt.Sprintf("/admin/slices/%d/timeline?range=7d", slice), s.cookie).body)
	if p.Step != 900 || p.values("memory", "RAM") != "4001 | 3 KB 3 KB 3 KB 3 KB" || p.values("traffic", "its user") != "10 | 10 B/s 10 B/s 10 B/s 10 B/s" || p.Plots[0].Strip[0].Words != "ready at times" {
		t.Errorf("a week: %+v", p)
	}
}
