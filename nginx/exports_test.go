package nginx_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// export is a row of a user's, in some state on some server, with its file if there is to be one.
func (b *bundle) export(email, server, status, expires, content string) (id int64) {
	b.t.Helper()
	ctx := context.Background()
	if _, err := b.db.Pool.Exec(ctx, "INSERT INTO gateway.servers (name) VALUES ($1) ON CONFLICT DO NOTHING", server); err != nil {
		b.t.Fatal(err)
	}
	if err := b.db.Pool.QueryRow(ctx, `WITH s AS (INSERT INTO gateway.slices (server, image, status) VALUES ($2, 'none', 'destroyed') RETURNING id)
		INSERT INTO gateway.exports (user_id, slice_id, server, status, created_at, expires_at)
		SELECT u.id, s.id, $2, $3, '2026-05-01T23:30:00Z', now() + $4::interval FROM gateway.users u, s WHERE u.email = $1 RETURNING id`, email, server, status, expires).Scan(&id); err != nil {
		b.t.Fatal(err)
	}
	if content != "" {
		if err := os.WriteFile(filepath.Join(b.exports, fmt.Sprintf("%d.zip", id)), []byte(content), 0o640); err != nil {
			b.t.Fatal(err)
		}
	}
	return id
}

func TestAnExportIsSentToItsUserAlone(t *testing.T) {
	b := setup(t)
	ann, bob := b.user("ann@example.com"), b.user("bob@example.com")
	content := "PK" + strings.Repeat("0123456789", 200_000)
	id := b.export("ann@example.com", "test", "ready", "7 days", content)
	path := fmt.Sprintf("/billing/exports/%d/file", id)

	got := b.get(path, ann)
	if got.StatusCode != http.StatusOK || got.body != content {
		t.Fatalf("%d, %d bytes, want %d", got.StatusCode, len(got.body), len(content))
	}
	for header, want := range map[string]string{
		"Content-Type": "application/zip", "Content-Disposition": `attachment; filename="whatsapp-export-2026-05-01.zip"`, "Cache-Control": "private, no-store",
		"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "X-Accel-Redirect": "", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
	} {
		if is := got.Header.Values(header); strings.Join(is, "|") != want {
			t.Errorf("%s is %q, want %q", header, is, want)
		}
	}
	if part := b.do("GET", path, "", "Cookie", ann, "Range", "bytes=2-11", "If-Range", got.Header.Get("ETag")); part.StatusCode != http.StatusPartialContent || part.body != "0123456789" || part.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("a part: %d %.30q %v", part.StatusCode, part.body, part.Header)
	}
	if part := b.do("GET", path, "", "Cookie", ann, "Range", fmt.Sprintf("bytes=%d-", len(content))); part.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a part beyond the end: %d", part.StatusCode)
	}

	for who, cookie := range map[string]string{"another user": bob, "nobody": ""} {
		want := map[string]int{"another user": 404, "nobody": 401}[who]
		if got := b.get(path, cookie); got.StatusCode != want || got.problem() == "" || strings.Contains(got.body, "0123456789") {
			t.Errorf("%s: %d %.100s", who, got.StatusCode, got.body)
		}
	}
	for _, straight := range []string{fmt.Sprintf("/exported/%d.zip", id), fmt.Sprintf("/exported/../exported/%d.zip", id), "/exported/"} {
		if got := b.do("GET", straight, "", "Cookie", ann, "X-Accel-Redirect", fmt.Sprintf("/exported/%d.zip", id)); got.StatusCode != 404 || strings.Contains(got.body, "0123456789") {
			t.Errorf("straight to %s: %d %.100s", straight, got.StatusCode, got.body)
		}
	}
}

func TestAnExportThatCannotBeHadIsRefusedInWords(t *testing.T) {
	b := setup(t)
	ann := b.user("ann@example.com")
	for _, test := range []struct {
		name, server, status, expires, content string
		code                                   int
		says                                   string
	}{
		{"one that waits", "test", "waiting", "7 days", "", 409, "not ready"},
		{"one that has failed", "test", "failed", "7 days", "", 409, "could not be made"},
		{"one that is over, whose file is still there", "test", "ready", "-1 second", "content", 410, "has been deleted"},
		{"one that is deleted", "test", "deleted", "-1 day", "", 410, "has been deleted"},
		{"one on another server", "elsewhere", "ready", "7 days", "content", 409, "another server"},
		{"one whose file is gone", "test", "ready", "7 days", "", 404, "cannot be read"},
	} {
		id := b.export("ann@example.com", test.server, test.status, test.expires, test.content)
		if got := b.get(fmt.Sprintf("/billing/exports/%d/file", id), ann); got.StatusCode != test.code || !strings.Contains(got.problem(), test.says) {
			t.Errorf("%s: %d %s", test.name, got.StatusCode, got.body)
		}
	}
	for _, none := range []string{"0", "-1", "x", "99999999999999999999"} {
		if got := b.get("/billing/exports/"+none+"/file", ann); got.StatusCode != 404 || got.problem() == "" {
			t.Errorf("%s: %d %s", none, got.StatusCode, got.body)
		}
	}
}
