package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const why = "They cannot send a message and asked for help."

// seesNow is whom the session of a seat sees; 0: nobody.
func (b *bundle) seesNow(s seat) int64 {
	return one[int64](b, "SELECT coalesce(max(sees_user_id), 0) FROM gateway.sessions WHERE user_id = $1", s.id)
}

func TestAnAccountIsOpenedWithAReason(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	user, slice := b.customer("ann@example.com", "assigned")
	without := b.account("new@example.com", false)
	path, subject := fmt.Sprintf("/admin/users/%d/see", user), fmt.Sprintf("user:%d", user)

	for _, page := range []string{fmt.Sprintf("/admin/users/%d", user), fmt.Sprintf("/admin/slices/%d", slice)} {
		if got := b.get(page, s.cookie); got.page.Find(`main a[href="`+path+`"]`).Text() != "See the app as this user…" {
			t.Errorf("%s leads to no look", page)
		}
	}
	asked := b.get(path, s.cookie)
	if text := asked.page.Find("main").Text(); asked.status != http.StatusOK || !strings.Contains(text, "ann@example.com") || !strings.Contains(text, "30 min") || !strings.Contains(text, "looking only") {
		t.Errorf("it is asked by %d %s", asked.status, text)
	}
	for _, reason := range []string{"", ".", "help", strings.Repeat("because ", 100)} {
		if got := b.post(path, s.cookie, "reason", reason); got.status != http.StatusBadRequest || !strings.Contains(got.page.Find(".problem").Text(), "Say why") || b.seesNow(s) != 0 {
			t.Errorf("%q: %d", reason, got.status)
		}
	}
	if got := b.post(path, s.cookie, "reason", "ann@example.com cannot send."); got.status != http.StatusBadRequest || !strings.Contains(got.page.Find(".problem").Text(), "Leave addresses out") || b.seesNow(s) != 0 {
		t.Errorf("an address: %d", got.status)
	}
	got := b.post(path, s.cookie, "reason", why)
	if got.status != http.StatusSeeOther || got.location() != "/" || b.seesNow(s) != user {
		t.Fatalf("%d %s %s", got.status, got.location(), got.body)
	}
	// What nginx was told of this session a moment before is not for the look.
	if set := strings.Join(got.header.Values("Set-Cookie"), "\n"); !strings.Contains(set, "sight=") || strings.Contains(set, "Max-Age=0") {
		t.Errorf("it sets %q", set)
	}
	before, after := b.changed("admin.user.see", subject)
	if before["sees"] != nil || after["sees"] != float64(user) || after["reason"] != why || after["mayChange"] != false || after["until"] == nil || b.audited(s.id, "admin.user.see", subject) != 1 {
		t.Errorf("the audit says %v, %v", before, after)
	}

	// Every page says so, and they are still who they are.
	until := b.now.Add(30 * time.Minute)
	for _, page := range []string{"/admin", "/admin/users", path} {
		line := b.get(page, s.cookie).page.Find(".seeing")
		if text := strings.Join(strings.Fields(line.Text()), " "); !strings.Contains(text, "You see the app as ann@example.com until "+until.UTC().Format("15:04")+" UTC.") || line.Find(`form[action="/admin/see/end"] button`).Length() != 1 {
			t.Errorf("%s says %q", page, text)
		}
	}
	// One who has no slice, and who has allowed more; the look at the first ends with it.
	b.exec("UPDATE gateway.users SET support_until = $2 WHERE id = $1", without, b.now.Add(time.Hour))
	path = fmt.Sprintf("/admin/users/%d/see", without)
	if text := b.get(path, s.cookie).page.Find("main").Text(); !strings.Contains(text, "more than looking is allowed until") {
		t.Errorf("what is allowed is not told: %s", text)
	}
	if got := b.post(path, s.cookie, "reason", why); got.status != http.StatusSeeOther || b.seesNow(s) != without {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if before, after := b.changed("admin.user.see", fmt.Sprintf("user:%d", without)); before["sees"] != float64(user) || after["mayChange"] != true {
		t.Errorf("the audit says %v, %v", before, after)
	}

	said := b.did(s, "/admin/see/end", fmt.Sprintf("/admin/users/%d", without))
	if said != "You have left the account of new@example.com." || b.seesNow(s) != 0 {
		t.Errorf("%q, and they see %d", said, b.seesNow(s))
	}
	if before, after := b.changed("admin.user.unsee", fmt.Sprintf("user:%d", without)); before["sees"] != float64(without) || after["sees"] != nil {
		t.Errorf("the audit says %v, %v", before, after)
	}
	if b.get("/admin", s.cookie).page.Find(".seeing").Length() != 0 {
		t.Error("the pages still say so")
	}
	if said := b.did(s, "/admin/see/end", "/admin"); !strings.Contains(said, "over already") {
		t.Errorf("twice: %q", said)
	}
}

func TestNobodySeesAsAnAdmin(t *testing.T) {
	b := setup(t)
	s, other := b.admin("op@example.com"), b.admin("other@example.com")
	for _, id := range []int64{s.id, other.id} {
		path := fmt.Sprintf("/admin/users/%d/see", id)
		for _, got := range []reply{b.get(path, s.cookie), b.post(path, s.cookie, "reason", why)} {
			if got.status != http.StatusConflict || !strings.Contains(got.page.Find(".problem").Text(), "This is an admin") {
				t.Errorf("%d %s", got.status, got.page.Find("main").Text())
			}
		}
		if b.get(fmt.Sprintf("/admin/users/%d", id), s.cookie).page.Find(`a[href$="/see"]`).Length() != 0 {
			t.Error("the page of an admin leads to a look")
		}
	}
	if got := b.post("/admin/users/999999/see", s.cookie, "reason", why); got.status != http.StatusNotFound {
		t.Errorf("nobody: %d", got.status)
	}
	if b.seesNow(s) != 0 {
		t.Errorf("they see %d", b.seesNow(s))
	}
}

func TestALookEndsWithTheSeatOfTheOperator(t *testing.T) {
	for name, end := range map[string]func(b *bundle, s seat){
		"by its time":    func(b *bundle, _ seat) { b.now = b.now.Add(30 * time.Minute) },
		"by Leave":       func(b *bundle, s seat) { b.post("/admin/leave", s.cookie) },
		"as no admin":    func(b *bundle, s seat) { b.exec("UPDATE gateway.users SET is_admin = false WHERE id = $1", s.id) },
		"by signing out": func(b *bundle, s seat) { b.exec("DELETE FROM gateway.sessions WHERE user_id = $1", s.id) },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			s, other := b.admin("op@example.com"), b.admin("other@example.com")
			user, _ := b.customer("ann@example.com", "assigned")
			for _, one := range []seat{s, other} {
				if got := b.post(fmt.Sprintf("/admin/users/%d/see", user), one.cookie, "reason", why); got.status != http.StatusSeeOther {
					t.Fatalf("%d %s", got.status, got.body)
				}
			}
			end(b, s)
			if got := b.get("/admin", s.cookie); strings.Contains(got.body, "You see the app as") {
				t.Error("it goes on")
			}
			if name == "by Leave" && b.seesNow(s) != 0 {
				t.Error("whoever has left the seat still sees the account")
			}
			if name != "by its time" && b.seesNow(other) != user {
				t.Error("the look of another operator has ended, too")
			}
		})
	}
}
