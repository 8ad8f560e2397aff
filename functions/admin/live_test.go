package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/functions/admin"
	"slicegate/functions/admin/live"
)

// stream is an event stream as a page has it.
type stream struct {
	t        testing.TB
	response *http.Response
	events   chan event // closed at its end
	leave    context.CancelFunc
}

type event struct{ name, id, data string }

// open opens a stream, and fails unless it is one.
func (b *bundle) open(path string, cookie *http.Cookie, header ...string) *stream {
	b.t.Helper()
	s := b.try(path, cookie, header...)
	if s.response.StatusCode != http.StatusOK || s.response.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("%s answers %s, %s", path, s.response.Status, s.response.Header.Get("Content-Type"))
	}
	return s
}

func (b *bundle) try(path string, cookie *http.Cookie, header ...string) *stream {
	b.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.AddCookie(cookie)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	s := &stream{t: b.t, response: response, events: make(chan event, 1000), leave: leave}
	b.t.Cleanup(func() { leave(); _ = response.Body.Close() })
	go s.read()
	return s
}

func (s *stream) read() {
	defer close(s.events)
	lines := bufio.NewScanner(s.response.Body)
	lines.Buffer(nil, 8<<20)
	now := event{}
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); {
		case lines.Text() == "" && now.data != "":
			s.events <- now
			now = event{}
		case name == "event":
			now.name = value
		case name == "id":
			now.id = value
		case name == "data":
			now.data = value
		}
	}
}

// next waits for an event of a name; others before it are passed over.
func (s *stream) next(name string) event {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case got, open := <-s.events:
			if !open {
				s.t.Fatalf("the stream ends before %s", name)
			}
			if got.name == name {
				return got
			}
		case <-deadline:
			s.t.Fatalf("no %s within 20 s", name)
		}
	}
}

// change waits for a change of which something is true.
func (s *stream) change(what string, is func(live.Change) bool) live.Change {
	s.t.Helper()
	var seen []string
	deadline := time.After(20 * time.Second)
	for {
		select {
		case got, open := <-s.events:
			if !open {
				s.t.Fatalf("the stream ends before %s; %q", what, seen)
			}
			seen = append(seen, got.name+" "+got.data)
			var change live.Change
			if got.name != "change" {
				continue
			}
			if err := json.Unmarshal([]byte(got.data), &change); err != nil {
				s.t.Fatal(err)
			}
			if is(change) {
				return change
			}
		case <-deadline:
			s.t.Fatalf("not within 20 s: %s; %q", what, seen)
		}
	}
}

// ends waits for the end, and gives the events before it.
func (s *stream) ends() (before []event) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case got, open := <-s.events:
			if !open {
				return before
			}
			before = append(before, got)
		case <-deadline:
			s.t.Fatalf("it does not end; it said %v", before)
		}
	}
}

func tile(slice int64) string { return fmt.Sprintf("slice-%d", slice) }

func all(change live.Change) bool { return change.All }

// streamOf is the address of the stream that a page opens.
func (b *bundle) streamOf(path string, cookie *http.Cookie) string {
	b.t.Helper()
	return b.get(path, cookie).page.Find("[data-live-stream]").AttrOr("data-live-stream", "no stream")
}

func TestTheGridFollowsWhatChanges(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, first := b.customer("ann@example.com", "assigned")
	_, second := b.customer("ben@example.com", "assigned")
	grid := b.open(b.streamOf("/admin/slices", s.cookie), s.cookie)
	if change := grid.change("the first", all); !change.Same || len(change.Parts) != 1 || change.Parts["failed"] == "" || change.Clock[tile(first)] != "never used" {
		t.Errorf("of what the page shows already it is told %+v", change)
	}
	for _, test := range []struct{ what, statement, want string }{
		{"its state", "UPDATE gateway.slices SET wa_state = 'ready' WHERE id = $1", "in order, WhatsApp ready"},
		{"its memory", "UPDATE gateway.slices SET memory_bytes = 7 << 20, measured_at = now() WHERE id = $1", "7 MB RAM"},
		{"an alert", "INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('slice.down', 'slice:' || $1::bigint, 'critical', 'Down <b>now</b>.', now())", "alert: slice.down"},
		{"its user", "UPDATE gateway.users SET email = '<i>ann</i>@example.com' WHERE id = (SELECT user_id FROM gateway.slices WHERE id = $1)", "&lt;i&gt;ann"},
	} {
		b.exec(test.statement, first)
		change := grid.change(test.what, func(c live.Change) bool { return len(c.Parts) > 0 })
		if text := change.Parts[tile(first)]; !strings.Contains(text, test.want) || !strings.HasPrefix(text, "<li ") || len(change.Parts) != 1 || change.All {
			t.Errorf("of %s it is told %+v", test.what, change)
		}
	}
	b.exec("UPDATE gateway.slices SET last_activity_at = $2 WHERE id = $1", second, b.now.Add(-20*time.Minute))
	if change := grid.change("a time", func(c live.Change) bool { return len(c.Clock) > 0 }); change.Clock[tile(second)] != "idle 20 min" || len(change.Parts) > 0 {
		t.Errorf("when only time has passed it is told %+v", change)
	}
	b.exec("INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at, finalized_at) VALUES ('{}', 'none', 3, 'default', 'discarded', now(), now())")
	if change := grid.change("a failed job", func(c live.Change) bool { return c.Parts["failed"] != "" }); !strings.Contains(change.Parts["failed"], "1 failed job") {
		t.Errorf("the header is told %+v", change)
	}
	third := b.slice("available", nil)
	grid.change("a new slice", func(c live.Change) bool { return strings.Contains(c.Parts[tile(third)], "ready for the next sign-up") })
	b.exec("UPDATE gateway.slices SET status = 'destroyed', port = NULL WHERE id = $1", third)
	grid.change("its end", func(c live.Change) bool { return slices.Equal(c.Gone, []string{tile(third)}) })
}

func TestAFilterHoldsForWhatComesLive(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, well := b.customer("ann@example.com", "assigned")
	_, troubled := b.customer("ben@example.com", "assigned")
	b.exec("UPDATE gateway.slices SET wa_state = 'ready' WHERE id = $1", well)
	b.exec("UPDATE gateway.slices SET silent_since = now() WHERE id = $1", troubled)
	grid := b.open("/admin/live/slices?state=trouble", s.cookie)
	first := grid.change("the first", all)
	if _, there := first.Parts[tile(well)]; there || first.Same || !strings.Contains(first.Parts[tile(troubled)], "does not answer") {
		t.Errorf("the first is %+v", first)
	}
	b.exec("UPDATE gateway.slices SET silent_since = NULL, wa_state = 'ready' WHERE id = $1", troubled)
	grid.change("one leaves", func(c live.Change) bool {
		return slices.Equal(c.Left, []string{tile(troubled)}) && strings.Contains(c.Parts[tile(troubled)], "in order")
	})
	b.exec("UPDATE gateway.slices SET status = 'failed' WHERE id = $1", well)
	grid.change("another comes", func(c live.Change) bool { return strings.Contains(c.Parts[tile(well)], "failed, stays down") })
	// One that was never in it is none of its business.
	_, never := b.customer("cat@example.com", "assigned")
	b.exec("UPDATE gateway.slices SET wa_state = 'ready' WHERE id = $1", never)
	b.exec("UPDATE gateway.slices SET silent_since = now() WHERE id = $1", troubled)
	grid.change("the first comes back", func(c live.Change) bool {
		if _, told := c.Parts[tile(never)]; told {
			t.Errorf("it is told of one that was never in it: %+v", c)
		}
		return strings.Contains(c.Parts[tile(troubled)], "does not answer")
	})
}

func TestThePageOfASliceIsLive(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	_, other := b.customer("ben@example.com", "assigned")
	path := fmt.Sprintf("/admin/slices/%d", slice)
	page := b.open(b.streamOf(path, s.cookie), s.cookie)
	first := page.change("the first", all)
	shown := b.get(path, s.cookie).page
	for _, name := range []string{"state", "acts", "now", "memory", "where", "alerts", "jobs", "audit", "failed"} {
		if shown.Find("[data-live="+name+"]").Length() != 1 || !strings.Contains(first.Parts[name], fmt.Sprintf("data-live=%q", name)) {
			t.Errorf("%s: %q", name, first.Parts[name])
		}
		for _, forbidden := range []string{"<script", "<style", " style=", " onclick="} {
			if strings.Contains(first.Parts[name], forbidden) {
				t.Errorf("%s has %s", name, forbidden)
			}
		}
	}
	if strings.Contains(fmt.Sprint(first.Parts), "ben@example.com") {
		t.Error("somebody else's slice is in it")
	}
	b.did(s, path+"/reclaim-now", path)
	change := page.change("reclaim is asked for", func(c live.Change) bool { return strings.Contains(c.Parts["memory"], "asked for") })
	if strings.Contains(change.Parts["acts"], "/reclaim-now") || !strings.Contains(change.Parts["audit"], "admin.slice.reclaim-now") || change.Parts["where"] != "" {
		t.Errorf("beside it, it is told %+v", change)
	}
	b.did(s, path+"/suspend", path)
	page.change("it is suspended", func(c live.Change) bool {
		return strings.Contains(c.Parts["state"], "suspended by operator") && strings.Contains(c.Parts["acts"], "Resume") && strings.Contains(c.Parts["jobs"], "stop")
	})
	b.exec("DELETE FROM gateway.slices WHERE id = $1", other)
	for _, path := range []string{"/admin/live/slices/0", "/admin/live/slices/x", fmt.Sprintf("/admin/live/slices/%d", other)} {
		if got := b.get(path, s.cookie); got.status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	for name, end := range map[string]string{
		"the session":              "DELETE FROM gateway.sessions WHERE user_id = $1",
		"the second factor":        "UPDATE gateway.sessions SET second_factor_at = now() - interval '13 hours' WHERE user_id = $1",
		"the seat":                 "UPDATE gateway.users SET is_admin = false WHERE id = $1",
		"the session, by its time": "UPDATE gateway.sessions SET expires_at = now() - interval '1 minute' WHERE user_id = $1",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			s, other := b.admin("op@example.com"), b.admin("stays@example.com")
			b.exec("UPDATE gateway.sessions SET second_factor_at = $1 WHERE user_id = $2", b.now, other.id)
			b.customer("ann@example.com", "assigned")
			streams := []*stream{b.open("/admin/live/slices", s.cookie), b.open("/admin/live/slices", s.cookie)}
			stays := b.open("/admin/live/slices", other.cookie)
			for _, one := range append(streams, stays) {
				one.change("the first", all)
			}
			b.exec(end, s.id)
			for _, one := range streams {
				if before := one.ends(); len(before) == 0 || before[len(before)-1].name != "bye" {
					t.Errorf("it ends with %v", before)
				}
			}
			b.exec("UPDATE gateway.slices SET wa_state = 'ready'")
			stays.change("the other one goes on", func(c live.Change) bool { return len(c.Parts) == 1 })
		})
	}
}

func TestAStreamEndsAtOnceWithALogout(t *testing.T) {
	t.Parallel()
	b := startWith(t, func(a *admin.Admin) { a.BeatEvery = time.Hour })
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	_, tail := b.opened(s, slice)
	streams := []*stream{b.open("/admin/live/slices", s.cookie), b.open(fmt.Sprintf("/admin/live/logs/%d", tail), s.cookie)}
	streams[0].change("the first", all)
	b.until("it listens", func() bool { return b.listeners() == 1 })
	b.exec("DELETE FROM gateway.sessions WHERE user_id = $1", s.id)
	for _, one := range streams {
		if before := one.ends(); len(before) == 0 || before[len(before)-1].name != "bye" {
			t.Errorf("it ends with %v", before)
		}
	}
}

func TestASessionHasSoManyStreams(t *testing.T) {
	b := setup(t)
	s, other := b.admin("op@example.com"), b.admin("other@example.com")
	var open []*stream
	for range 8 {
		open = append(open, b.open("/admin/live/slices", s.cookie))
	}
	if got := b.try("/admin/live/slices", s.cookie).response.StatusCode; got != http.StatusTooManyRequests {
		t.Errorf("the ninth answers %d", got)
	}
	b.open("/admin/live/slices", other.cookie)
	open[3].leave()
	b.until("there is room again", func() bool { return b.try("/admin/live/slices", s.cookie).response.StatusCode == http.StatusOK })
}

// until waits for a condition.
func (b *bundle) until(what string, condition func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within 20 s: %s", what)
		}
		<-tick.C
	}
}

// listeners are the connections that listen in the test's database.
func (b *bundle) listeners() int {
	return one[int](b, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")
}

func TestWhoeverLooksSharesOneListenerAndThereIsNoneOtherwise(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	if n := b.listeners(); n != 0 {
		t.Fatalf("%d listen before anybody looks", n)
	}
	streams := []*stream{b.open("/admin/live/slices", s.cookie), b.open("/admin/live/slices", s.cookie), b.open(fmt.Sprintf("/admin/live/slices/%d", slice), s.cookie)}
	for _, one := range streams {
		one.change("the first", all)
	}
	b.until("one listens", func() bool { return b.listeners() == 1 })
	for _, one := range streams {
		one.leave()
	}
	b.until("none listens", func() bool { return b.listeners() == 0 })
	stats := b.function.Live()
	if stats.Streams != 0 || stats.Looking {
		t.Errorf("%+v", stats)
	}
}

func TestALostListenerIsToldAndWhatWasMissedIsSent(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	grid := b.open("/admin/live/slices", s.cookie)
	grid.change("the first", all)
	b.until("it listens", func() bool { return b.listeners() == 1 })
	b.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")
	b.exec("UPDATE gateway.slices SET wa_state = 'ready' WHERE id = $1", slice)
	grid.next("reset")
	if change := grid.change("all anew", all); !strings.Contains(change.Parts[tile(slice)], "WhatsApp ready") {
		t.Errorf("after it, it is told %+v", change)
	}
	b.until("it listens again", func() bool { return b.listeners() == 1 })
	// Told of the end of a session it is by the new one.
	b.exec("DELETE FROM gateway.sessions WHERE user_id = $1", s.id)
	grid.ends()
}

func TestManyChangesAtOnceAreFewEvents(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	var slice int64
	for i := range 20 {
		_, slice = b.customer(fmt.Sprintf("user%d@example.com", i), "assigned")
	}
	grid := b.open("/admin/live/slices", s.cookie)
	grid.change("the first", all)
	before := b.function.Live().Looks
	began := time.Now()
	for i := range 400 { // each is told by a trigger
		b.exec("UPDATE gateway.slices SET status = $2, memory_bytes = $3, measured_at = now() WHERE id = $1", slice-int64(i%20), []string{"assigned", "suspended"}[i/20%2], i<<20)
	}
	b.exec("UPDATE gateway.slices SET wa_state = 'restricted' WHERE id = $1", slice)
	events := 0
	grid.change("the last", func(c live.Change) bool {
		events++
		return strings.Contains(c.Parts[tile(slice)], "399 MB RAM") || strings.Contains(c.Parts[tile(slice)], "380 MB RAM")
	})
	looks := b.function.Live().Looks - before
	if most := int(time.Since(began)/(200*time.Millisecond)) + 3; looks > most || events > most {
		t.Errorf("%d looks and %d events for 400 changes, at most %d in that time", looks, events, most)
	}
}

func TestStreamsEndWhenTheFunctionIsStopped(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	_, slice := b.customer("ann@example.com", "assigned")
	streams := []*stream{b.open("/admin/live/slices", s.cookie), b.open(fmt.Sprintf("/admin/live/slices/%d", slice), s.cookie)}
	for _, one := range streams {
		one.change("the first", all)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.function.EndStreams(ctx); err != nil {
		t.Fatal(err)
	}
	for _, one := range streams {
		if before := one.ends(); len(before) > 0 && before[len(before)-1].name == "bye" {
			t.Error("it says bye: its page would not come back")
		}
	}
	// Whoever comes meanwhile is told to come again.
	late := b.open("/admin/live/slices", s.cookie)
	late.ends()
	if b.listeners() != 0 {
		t.Error("it listens on")
	}
}
