package nginx_test

import (
	"strings"
	"testing"
)

// Behind nginx the operator's seat is at its addresses, and not the app's page, which stands at all others.
func TestTheOperatorsSeatIsTheFunctions(t *testing.T) {
	b := setup(t)
	nowhere := b.get("/admin/no/such/address", "")
	if nowhere.StatusCode != 404 || !strings.Contains(nowhere.body, "There is nothing at this address.") {
		t.Fatalf("%d %s", nowhere.StatusCode, nowhere.body)
	}
	for _, path := range []string{"/admin", "/admin/", "/admin/slices", "/admin/jobs/", "/admin/jobs/api/jobs", "/admin/second-factor", "/admin/second-factor/begin"} {
		got := b.get(path, "")
		if got.StatusCode != 404 || got.body != nowhere.body || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s answers %d %v", path, got.StatusCode, got.Header)
		}
	}
	if got := b.get("/administration", ""); got.body != "the app" {
		t.Errorf("an address of the app answers %d %s", got.StatusCode, got.body)
	}
}

func TestHowOftenCodesMayBeTried(t *testing.T) {
	b := setup(t)
	for i := range 10 {
		if got := b.do("POST", "/admin/second-factor", "code=1"); got.StatusCode != 404 {
			t.Errorf("number %d: %d", i+1, got.StatusCode)
		}
	}
	got := b.do("POST", "/admin/second-factor/confirm", "code=1")
	for range 10 { // the next is due by and by, should this have taken so long
		if got.StatusCode == 404 {
			got = b.do("POST", "/admin/second-factor/confirm", "code=1")
		}
	}
	if got.StatusCode != 429 || got.Header.Get("Retry-After") != "6" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("one more: %d %v", got.StatusCode, got.Header)
	}
	if got := b.get("/admin/second-factor", ""); got.StatusCode != 404 {
		t.Errorf("the page is limited too: %d", got.StatusCode)
	}
	if got := b.do("POST", "/admin/slices/1/suspend", strings.Repeat("x", 65<<10)); got.StatusCode != 413 {
		t.Errorf("a large body answers %d", got.StatusCode)
	}
}
