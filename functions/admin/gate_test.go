package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slicegate/functions/admin"
)

// world is something behind every address.
type world struct {
	*bundle
	seat          seat
	user, slice   int64
	silence, tail int64
	announcement  int64
	alert, mail   int64
	rollout       int64
	auditedBefore int
}

func newWorld(t *testing.T) *world {
	w := &world{bundle: setup(t)}
	w.seat = w.admin("op@example.com")
	w.user, w.slice = w.customer("ann@example.com", "assigned")
	w.silence = one[int64](w.bundle, "INSERT INTO gateway.silences (starts_at, ends_at, reason, actor) VALUES ($1, $2, 'test', 'operator') RETURNING id", w.now, w.now.Add(time.Hour))
	w.announcement = one[int64](w.bundle, "INSERT INTO gateway.announcements (level, words, starts_at, ends_at, actor, created_at) VALUES ('info', 'A secret.', $1, $2, 'operator', $1) RETURNING id", w.now, w.now.Add(time.Hour))
	w.alert = one[int64](w.bundle, "INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('server.cpu', 'server:test', 'warning', 'It is busy.', $1) RETURNING id", w.now)
	w.mail = one[int64](w.bundle, "INSERT INTO gateway.emails (user_id, kind) VALUES ($1, 'verify') RETURNING id", w.user)
	w.rollout = one[int64](w.bundle, "INSERT INTO gateway.rollouts (state, asked_image, image, image_id, batch_size, actor, finished_at) VALUES ('done', 'whatsapp-slice:1', 'whatsapp-slice:rollout-1', 'sha256:1', 5, 'operator', $1) RETURNING id", w.now)
	w.tail = one[int64](w.bundle, "INSERT INTO gateway.log_tails (slice_id, server, actor, opened_at, wanted_until) VALUES ($1, 'test', $2, $3, $3) RETURNING id", w.slice, fmt.Sprintf("admin:%d", w.seat.id), w.now)
	w.exec("INSERT INTO gateway.log_lines (tail_id, seq, at, stream, line) VALUES ($1, 1, $2, 'stdout', 'whatsapp-slice begins')", w.tail, w.now)
	w.exec("INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at) VALUES ('{}', 'none', 3, 'default', 'available', now())")
	w.auditedBefore = one[int](w.bundle, "SELECT count(*)::int FROM gateway.audit")
	return w
}

// riverPaths are addresses of River UI's: its page, a file, and its API.
var riverPaths = []string{"", "jobs", "favicon.ico", "api/jobs", "api/states", "api/queues", "api/features", "api/jobs/1", "api/jobs/cancel", "api/jobs/retry", "api/jobs/delete", "api/queues/default/pause", "api/version"}

// addresses are all of a route.
func (w *world) addresses(route admin.Route) (paths []string) {
	path := strings.NewReplacer(
		":server", "test", ":slice", fmt.Sprint(w.slice), ":user", fmt.Sprint(w.user), ":silence", fmt.Sprint(w.silence), ":announcement", fmt.Sprint(w.announcement),
		":alert", fmt.Sprint(w.alert), ":mail", fmt.Sprint(w.mail), ":rollout", fmt.Sprint(w.rollout), ":tail", fmt.Sprint(w.tail),
	).Replace(route.Pattern)
	if before, found := strings.CutSuffix(path, "*path"); found {
		for _, one := range riverPaths {
			paths = append(paths, before+one)
		}
		return paths
	}
	if strings.ContainsAny(path, ":*") {
		w.t.Fatalf("route %s has a parameter that this test knows nothing of", route.Pattern)
	}
	return []string{path}
}

// each asks every address of every route there is.
func (w *world) each(do func(route admin.Route, path string)) {
	routes := w.function.Routes()
	if len(routes) < 25 {
		w.t.Fatalf("only %d routes", len(routes))
	}
	for _, route := range routes {
		for _, path := range w.addresses(route) {
			do(route, path)
		}
	}
}

// unchanged fails if anything was done, or written down as done.
func (w *world) unchanged() {
	w.t.Helper()
	if got := one[int](w.bundle, "SELECT count(*)::int FROM gateway.audit WHERE action <> 'admin.second_factor_wrong'"); got != w.auditedBefore {
		w.t.Errorf("%d lines of the audit were written", got-w.auditedBefore)
	}
	if status := w.status(w.slice); status != "assigned" {
		w.t.Errorf("the slice is %s", status)
	}
	if got := one[int](w.bundle, "SELECT count(*)::int FROM river.river_job WHERE state <> 'available' OR kind <> 'none'"); got != 0 {
		w.t.Errorf("%d jobs", got)
	}
	if got := one[int](w.bundle, "SELECT count(*)::int FROM gateway.alerts WHERE acknowledged_at IS NOT NULL") + one[int](w.bundle, "SELECT count(*)::int FROM gateway.emails WHERE id <> $1", w.mail); got != 0 {
		w.t.Errorf("%d alerts are acknowledged, or mails owed", got)
	}
	if got := one[int](w.bundle, "SELECT count(*)::int FROM gateway.rollouts WHERE id <> $1 OR state <> 'done'", w.rollout); got != 0 {
		w.t.Errorf("%d rollouts", got)
	}
	if got := one[int](w.bundle, "SELECT count(*)::int FROM gateway.silences WHERE id <> $1 OR ends_at < $2", w.silence, w.now); got != 0 {
		w.t.Errorf("%d silences", got)
	}
	if got := one[int](w.bundle, "SELECT count(*)::int FROM gateway.announcements WHERE id <> $1 OR ends_at <> created_at + interval '1 hour' OR withdrawn_at IS NOT NULL", w.announcement); got != 0 {
		w.t.Errorf("%d announcements", got)
	}
	if one[bool](w.bundle, "SELECT EXISTS (SELECT FROM gateway.maintenance)") {
		w.t.Error("there is maintenance")
	}
}

func TestWhoIsNoAdminFindsNothingAnywhere(t *testing.T) {
	w := newWorld(t)
	_, suspended := w.customer("sue@example.com", "suspended")
	expired, former := w.login(w.seat.id), w.admin("former@example.com")
	w.exec("UPDATE gateway.users SET is_admin = false WHERE id = $1", former.id)
	w.exec("UPDATE gateway.sessions SET expires_at = $1 WHERE created_at = (SELECT max(created_at) FROM gateway.sessions WHERE user_id = $2) AND user_id = $2", w.now, w.seat.id)
	forged := *w.seat.cookie
	forged.Value = forged.Value[:len(forged.Value)-4] + "AAAA"
	w.auditedBefore = one[int](w.bundle, "SELECT count(*)::int FROM gateway.audit")
	nowhere := w.get("/admin/no/such/address", nil)
	if nowhere.status != http.StatusNotFound {
		t.Fatalf("an address that is not there answers %d", nowhere.status)
	}
	visitors := map[string]*http.Cookie{
		"nobody": nil, "a forged cookie": &forged, "an expired session": expired, "a former admin": former.cookie,
		"a customer": w.login(w.user), "a suspended customer": w.login(one[int64](w.bundle, "SELECT user_id FROM gateway.slices WHERE id = $1", suspended)),
	}
	for visitor, cookie := range visitors {
		w.each(func(route admin.Route, path string) {
			got := w.do(route.Method, path, cookie, nil)
			got.header.Del("Date")
			same := got.status == nowhere.status && got.body == nowhere.body
			for name := range nowhere.header {
				same = same && (name == "Date" || got.header.Get(name) == nowhere.header.Get(name))
			}
			if !same || len(got.header) != len(nowhere.header)-1 {
				t.Errorf("%s gets %d at %s %s, %v: not what is nowhere", visitor, got.status, route.Method, path, got.header)
			}
		})
		for _, path := range []string{"/admin/", "/admin/jobs", "/ADMIN", "/admin/slices/"} {
			if got := w.get(path, cookie); got.status != http.StatusNotFound || got.body != nowhere.body {
				t.Errorf("%s gets %d at %s", visitor, got.status, path)
			}
		}
	}
	w.unchanged()
}

func TestAnAdminWithoutSecondFactorInThisSessionGetsItsPageAlone(t *testing.T) {
	w := newWorld(t)
	fresh := w.account("new@example.com", true)
	stale := w.login(w.seat.id)
	w.exec("UPDATE gateway.sessions SET second_factor_at = $1 WHERE user_id = $2 AND second_factor_at IS NULL", w.now.Add(-12*time.Hour), w.seat.id)
	visitors := map[string]*http.Cookie{
		"a stolen cookie": w.login(w.seat.id), "who has set up none": w.login(fresh), "who passed it yesterday": stale,
	}
	for visitor, cookie := range visitors {
		w.each(func(route admin.Route, path string) {
			got := w.do(route.Method, path, cookie, nil)
			switch {
			case route.Need == admin.NeedAdmin:
				if !strings.HasPrefix(path, "/admin/second-factor") && !strings.HasPrefix(path, "/admin/style-") {
					t.Errorf("%s needs no second factor", path)
				}
			case strings.HasPrefix(path, "/admin/jobs/api/"), strings.HasPrefix(path, "/admin/live/"):
				if got.status != http.StatusForbidden {
					t.Errorf("%s gets %d at %s %s", visitor, got.status, route.Method, path)
				}
			case got.status != http.StatusSeeOther || !strings.HasPrefix(got.location(), "/admin/second-factor?then="):
				t.Errorf("%s gets %d (%s) at %s %s", visitor, got.status, got.location(), route.Method, path)
			}
			for _, secret := range []string{"ann@example.com", "op@example.com", "whatsapp-slice", "river"} {
				if strings.Contains(got.body, secret) {
					t.Errorf("%s reads %q at %s %s", visitor, secret, route.Method, path)
				}
			}
		})
		page := w.get("/admin/second-factor", cookie)
		if page.status != http.StatusOK || page.page.Find("nav").Length() != 0 || page.page.Find("form").Length() != 1 {
			t.Errorf("%s is asked by %d: %s", visitor, page.status, page.body)
		}
	}
	w.unchanged()
}

func TestWhoHasPassedItGetsEveryPage(t *testing.T) {
	w := newWorld(t)
	w.exec("UPDATE gateway.sessions SET second_factor_at = $1", w.now)
	w.each(func(route admin.Route, path string) {
		if route.Method != http.MethodGet || path == "/admin/" || strings.HasPrefix(path, "/admin/live/") || strings.HasPrefix(path, "/admin/jobs/api/jobs/") || strings.HasSuffix(path, "/pause") {
			return
		}
		got := w.get(path, w.seat.cookie)
		if got.status != http.StatusOK {
			t.Errorf("%s answers %d: %s", path, got.status, got.body)
		}
		policy, river := got.header.Get("Content-Security-Policy"), strings.HasPrefix(path, "/admin/jobs/")
		if strings.Contains(policy, "unsafe") != river || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("%s has the policy %s", path, policy)
		}
		if cached := got.header.Get("Cache-Control"); cached != "no-store" && !strings.HasPrefix(path, "/admin/style-") && !river {
			t.Errorf("%s may be kept: %s", path, cached)
		}
		if strings.HasSuffix(path, "/progress") { // a part of a page
			if got.page.Find("body > section").Length() != 1 || got.page.Find("script, style, [style], header").Length() != 0 {
				t.Errorf("%s: %s", path, got.body)
			}
			return
		}
		if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && !river {
			if got.page.Find("script:not([src]):not([type='application/json']), style, [style], [onclick]").Length() != 0 || got.page.Find("header a.jobs").Text() != "No failed jobs" {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	})
	// With a slash too many they are found.
	for _, path := range []string{"/admin/", "/admin/jobs", "/admin/slices/"} {
		if got := w.get(path, w.seat.cookie); got.status != http.StatusMovedPermanently {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
	if got := w.get("/admin/no/such/address", w.seat.cookie); got.status != http.StatusNotFound || got.body != w.get("/admin", nil).body {
		t.Errorf("an address that is not there: %d", got.status)
	}
}

func TestWhatCannotBeUndoneAsksAgainAfterFiveMinutes(t *testing.T) {
	w := newWorld(t)
	w.now = w.now.Add(5 * time.Minute)
	var asked int
	w.each(func(route admin.Route, path string) {
		if route.Need != admin.NeedFresh {
			return
		}
		asked++
		got := w.do(route.Method, path, w.seat.cookie, nil, "Referer", w.server.URL+fmt.Sprintf("/admin/slices/%d/destroy", w.slice))
		back := path // where a form was sent, one comes back to its page
		if route.Method != http.MethodGet {
			back = fmt.Sprintf("/admin/slices/%d/destroy", w.slice)
		}
		if want := "/admin/second-factor?then=" + url.QueryEscape(back); got.status != http.StatusSeeOther || got.location() != want {
			t.Errorf("%s %s answers %d, %s", route.Method, path, got.status, got.location())
		}
	})
	// To destroy a slice, to terminate an account, to see one, to begin maintenance, to start a rollout, to take
	// it back and to give a slice an image, with their pages; who is an admin, and the recovery codes.
	if asked != 17 {
		t.Errorf("%d routes ask again", asked)
	}
	if got := w.get("/admin/slices", w.seat.cookie); got.status != http.StatusOK {
		t.Errorf("what can be undone asks again: %d", got.status)
	}
	w.unchanged()
	passed := w.post("/admin/second-factor", w.seat.cookie, "code", w.code(w.seat.secret, w.now), "then", fmt.Sprintf("/admin/slices/%d/destroy", w.slice))
	if got := w.get(passed.location(), w.seat.cookie); got.status != http.StatusOK || got.page.Find("input[name=number]").Length() != 1 {
		t.Errorf("after the code: %d (%s)", got.status, passed.location())
	}
}

func TestWhatAnotherSiteSendsIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, from := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
	} {
		w.each(func(route admin.Route, path string) {
			if route.Method == http.MethodGet {
				return
			}
			if got := w.do(route.Method, path, w.seat.cookie, nil, from...); got.status != http.StatusForbidden {
				t.Errorf("%v: %s %s answers %d", from, route.Method, path, got.status)
			}
		})
	}
	w.unchanged()
}
