package nginx_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listen opens a stream that stays: one that is opened while the proxy is just being told of the customer's
// slice is ended again, as it would be in the app, which comes back.
func (b *bundle) listen(cookie string) (stream *http.Response, read *strings.Builder) {
	b.t.Helper()
	b.until("a stream that stays", func() bool {
		got, err := http.DefaultTransport.RoundTrip(b.request("GET", "/api/events", nil, "Cookie", cookie))
		if err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() { _ = got.Body.Close() })
		stream, read = got, &strings.Builder{}
		// Whoever is announced to is in the hub, and what was on its way before has come.
		b.exec("UPDATE gateway.announcements SET words = words")
		return b.reads(got, read, "event: announcements\n") == nil
	})
	return stream, read
}

// reads reads on until there is a text.
func (b *bundle) reads(stream *http.Response, read *strings.Builder, text string) error {
	for part := make([]byte, 512); !strings.Contains(read.String(), text); {
		n, err := stream.Body.Read(part)
		read.Write(part[:n])
		if err != nil {
			return err
		}
	}
	return nil
}

const announcement = "INSERT INTO gateway.announcements (level, words, starts_at, ends_at, actor, created_at) VALUES ('info', 'Hello', now(), now() + interval '1 hour', 'admin:1', now())"

// isMaintenance tells whether an answer is the refusal, whole.
func isMaintenance(got response) bool {
	var told struct{ Error, Kind string }
	err := json.Unmarshal([]byte(got.body), &told)
	return err == nil && got.StatusCode == http.StatusServiceUnavailable && told.Kind == "maintenance" && got.Header.Get("Retry-After") != "" &&
		strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") &&
		strings.HasPrefix(told.Error, "We are doing maintenance until about ") && strings.Contains(told.Error, `New disks: "größer".`)
}

func TestMaintenanceRefusesEverythingButLoggingInAndTheOperator(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket.io/" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, "hello")
	})
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	if got := b.get("/api/status", cookie); got.body != "hello" {
		t.Fatalf("before: %d %s", got.StatusCode, got.body)
	}
	b.exec(announcement)
	stream, _ := b.listen(cookie)

	b.exec("INSERT INTO gateway.maintenance (since, until, words, actor) VALUES (now(), $1, $2, 'admin:1')", time.Now().Add(time.Hour), `New disks: "größer".`)
	// Those who are told of the change need a moment, and nginx may keep a 204 for one second.
	b.until("a slice is refused", func() bool { return isMaintenance(b.get("/api/status", cookie)) })
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the stream does not end: %v", err)
	}
	credentials := `{"email":"new@example.com","password":"correct horse"}`
	for name, got := range map[string]response{
		"a message":  b.do("POST", "/api/messages", `{"to":"1","text":"x"}`, "Cookie", cookie),
		"a deletion": b.do("DELETE", "/api/data", `{}`, "Cookie", cookie),
		"events":     b.get("/api/events", cookie),
		"billing":    b.get("/billing/status", cookie),
		"checkout":   b.do("POST", "/billing/create-checkout", "{}", "Cookie", cookie, "Content-Type", "application/json"),
		"an export":  b.get("/billing/exports/1/file", cookie),
		"register":   b.do("POST", "/auth/register", credentials, "Content-Type", "application/json"),
	} {
		if !isMaintenance(got) {
			t.Errorf("%s: %d %v %s", name, got.StatusCode, got.Header, got.body)
		}
	}
	upload := b.request("POST", "/api/messages", nil, "Cookie", cookie)
	upload.Body, upload.ContentLength = io.NopCloser(io.LimitReader(zeros{}, 8<<20)), 8<<20
	if got := b.send(upload); !isMaintenance(got) {
		t.Errorf("an upload: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/api/status", ""); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: %d", got.StatusCode)
	}
	if got := b.get("/maintenance", cookie); got.StatusCode == http.StatusServiceUnavailable {
		t.Error("what nginx asks can be asked from outside")
	}
	var me struct {
		Maintenance *struct{ Words []struct{ Text string } }
	}
	login := b.do("POST", "/auth/login", strings.Replace(credentials, "new@", "ann@", 1), "Content-Type", "application/json")
	for name, got := range map[string]response{"me": b.get("/auth/me", cookie), "login": login} {
		if err := json.Unmarshal([]byte(got.body), &me); err != nil || got.StatusCode != http.StatusOK || me.Maintenance == nil || me.Maintenance.Words[0].Text != `New disks: "größer".` {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := b.do("POST", "/billing/webhook", "{}"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("Stripe: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/admin", cookie); got.StatusCode != http.StatusNotFound {
		t.Errorf("the operator's seat: %d", got.StatusCode)
	}
	if got := b.do("POST", "/auth/logout", "", "Cookie", "session="+login.Cookies()[0].Value); got.StatusCode != http.StatusNoContent {
		t.Errorf("logout: %d", got.StatusCode)
	}

	b.exec("DELETE FROM gateway.maintenance")
	b.until("the slice is back", func() bool { return b.get("/api/status", cookie).body == "hello" })
	if got := b.get("/billing/status", cookie); got.StatusCode != http.StatusOK {
		t.Errorf("billing afterwards: %d", got.StatusCode)
	}
}

func TestAnnouncementsReachOpenStreams(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	b.exec(announcement)
	stream, read := b.listen(cookie)
	b.exec("UPDATE gateway.announcements SET withdrawn_at = now()")
	read.Reset()
	if err := b.reads(stream, read, "event: announcements\n"); err != nil {
		t.Fatalf("%v after %q", err, read.String())
	}
	if strings.Contains(read.String(), "Hello") {
		t.Error("the words are in the stream")
	}
}

func TestWhatIsShownWhileAFunctionIsNotThere(t *testing.T) {
	b := setup(t)
	for _, name := range []string{"admin", "auth", "billing", "proxy"} {
		if err := os.Remove(filepath.Join(b.sockets, name+".sock")); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/auth/me", "/billing/status", "/billing/webhook", "/api/events"} {
		if got := b.get(path, ""); got.StatusCode != 502 || !strings.Contains(got.problem(), "restarting") || got.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: %d %v %s", path, got.StatusCode, got.Header, got.body)
		}
	}
	for _, path := range []string{"/admin", "/admin/slices", "/admin/live/servers", "/admin/second-factor"} {
		for method, again := range map[string]string{"GET": "5", "POST": ""} {
			got := b.do(method, path, "")
			if got.StatusCode != 502 || !strings.Contains(got.body, "<h1>Back in a moment</h1>") || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") ||
				got.Header.Get("Refresh") != again || got.Header.Get("Retry-After") != "5" {
				t.Errorf("%s %s: %d %v %s", method, path, got.StatusCode, got.Header, got.body)
			}
		}
	}
}
