package post_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate/runner/post"
)

// resendPlayed plays Resend's API: it keeps the idempotency of the real one, and fails as it is told.
type resendPlayed struct {
	mu     sync.Mutex
	sent   map[string]map[string]any // by idempotency key
	events map[string]string         // last_event by id
	asked  []*http.Request
	fail   func(w http.ResponseWriter) // in place of an answer
}

func (p *resendPlayed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r)
	if p.fail != nil {
		p.fail(w)
		return
	}
	if r.Header.Get("Authorization") != "Bearer re_key" {
		said(w, http.StatusForbidden, "invalid_api_key", "API key is invalid")
		return
	}
	if id, is := strings.CutPrefix(r.URL.Path, "/v1/emails/"); is && r.Method == http.MethodGet {
		event, known := p.events[id]
		if !known {
			said(w, http.StatusNotFound, "not_found", "Email not found")
			return
		}
		answer(w, map[string]any{"id": id, "to": []string{"ann@example.org"}, "last_event": event})
		return
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/emails" {
		said(w, http.StatusMethodNotAllowed, "method_not_allowed", fmt.Sprint(r.Method, r.URL.Path, err))
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if before, repeated := p.sent[key]; repeated && fmt.Sprint(before) != fmt.Sprint(body) {
		said(w, http.StatusConflict, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
		return
	}
	p.sent[key] = body
	answer(w, map[string]any{"id": "id-of-" + key})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func said(w http.ResponseWriter, status int, name, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "name": name, "message": message})
}

func playResend(t *testing.T) (*resendPlayed, *post.Resend, *httptest.Server) {
	t.Helper()
	played := &resendPlayed{sent: map[string]map[string]any{}, events: map[string]string{}}
	server := httptest.NewServer(played)
	t.Cleanup(server.Close)
	sender, err := post.NewResend(server.URL+"/v1", "re_key")
	if err != nil {
		t.Fatal(err)
	}
	return played, sender, server
}

func TestResendSendsALetterOnce(t *testing.T) {
	played, sender, _ := playResend(t)
	for range 2 {
		id, err := sender.Send(t.Context(), letter())
		if err != nil || id != "id-of-email-12" {
			t.Fatalf("id %q: %v", id, err)
		}
	}
	if len(played.sent) != 1 || len(played.asked) != 2 {
		t.Errorf("%d letters in %d requests", len(played.sent), len(played.asked))
	}
	got := played.sent["email-12"]
	if got["from"] != letter().From || fmt.Sprint(got["to"]) != "[ann@example.org]" || got["subject"] != letter().Subject || got["html"] != letter().HTML || got["text"] != letter().Text {
		t.Errorf("it was told %v", got)
	}
	if headers, ok := got["headers"].(map[string]any); !ok || headers["Auto-Submitted"] != "auto-generated" {
		t.Errorf("the headers are %v", got["headers"])
	}
	if other := letter(); true {
		other.Key = "email-13"
		if id, err := sender.Send(t.Context(), other); err != nil || id != "id-of-email-13" {
			t.Errorf("another letter: id %q: %v", id, err)
		}
	}
}

func TestResendHadTheLetterWithOtherWords(t *testing.T) {
	_, sender, _ := playResend(t)
	if _, err := sender.Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	reworded := letter()
	reworded.Text += "since"
	if id, err := sender.Send(t.Context(), reworded); err != nil || id != "" {
		t.Errorf("id %q: %v", id, err)
	}
}

func TestWhatResendRefuses(t *testing.T) {
	const words = "ann@example.org: your WhatsApp is disconnected"
	for name, test := range map[string]struct {
		fail  func(w http.ResponseWriter)
		after time.Duration
		never bool
	}{
		"too many": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "7")
			said(w, 429, "rate_limit_exceeded", words)
		}, 7 * time.Second, false},
		"too many, no word when": {func(w http.ResponseWriter) { said(w, 429, "daily_quota_exceeded", words) }, 0, false},
		"too many for a year": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "99999999999")
			said(w, 429, "monthly_quota_exceeded", words)
		}, 24 * time.Hour, false},
		"an outage":             {func(w http.ResponseWriter) { said(w, 500, "application_error", words) }, 0, false},
		"an outage in HTML":     {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "30"); http.Error(w, words, 503) }, 30 * time.Second, false},
		"under way":             {func(w http.ResponseWriter) { said(w, 409, "concurrent_idempotent_requests", words) }, 0, false},
		"a wrong key":           {func(w http.ResponseWriter) { said(w, 403, "invalid_api_key", words) }, 0, false},
		"a domain not verified": {func(w http.ResponseWriter) { said(w, 403, "validation_error", words) }, 0, false},
		"the sender":            {func(w http.ResponseWriter) { said(w, 422, "invalid_from_address", words) }, 0, false},
		"elsewhere":             {func(w http.ResponseWriter) { w.Header().Set("Location", "/v1/elsewhere"); w.WriteHeader(302) }, 0, false},
		"no answer":             {func(w http.ResponseWriter) { fmt.Fprint(w, "<p>Welcome to the hotel</p>") }, 0, false},
		"no id":                 {func(w http.ResponseWriter) { answer(w, map[string]any{}) }, 0, false},
		"a field":               {func(w http.ResponseWriter) { said(w, 422, "validation_error", words) }, 0, true},
		"a name with words":     {func(w http.ResponseWriter) { said(w, 400, words, words) }, 0, true},
		"too large":             {func(w http.ResponseWriter) { http.Error(w, words, 413) }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			played, sender, _ := playResend(t)
			played.fail = test.fail
			_, err := sender.Send(t.Context(), letter())
			if test.never {
				if refused(t, err).Bounced {
					t.Errorf("it is the address's fault: %v", err)
				}
				return
			}
			if after := temporary(t, err).After; after != test.after {
				t.Errorf("to wait %v, want %v: %v", after, test.after, err)
			}
			if len(played.asked) != 1 {
				t.Errorf("it was asked %d times", len(played.asked))
			}
		})
	}
}

func TestResendMayNameADate(t *testing.T) {
	played, sender, _ := playResend(t)
	played.fail = func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(503)
	}
	_, err := sender.Send(t.Context(), letter())
	if after := temporary(t, err).After; after < 50*time.Minute || after > time.Hour {
		t.Errorf("to wait %v for what begins in an hour", after)
	}
}

func TestResendThatDoesNotAnswer(t *testing.T) {
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer silent.Close()
	sender, err := post.NewResend(silent.URL, "re_key")
	if err != nil {
		t.Fatal(err)
	}
	post.ResendWithin(sender, time.Millisecond)
	_, err = sender.Send(t.Context(), letter())
	temporary(t, err)

	close(over)
	silent.Close() // now nobody listens
	_, err = sender.Send(t.Context(), letter())
	temporary(t, err)
	_, err = sender.Fate(t.Context(), "id")
	temporary(t, err)
}

func TestWhatResendKnowsOfALetter(t *testing.T) {
	played, sender, _ := playResend(t)
	for event, want := range map[string]post.Fate{
		"queued": post.Pending, "sent": post.Pending, "scheduled": post.Pending, "delivery_delayed": post.Pending, "": post.Pending,
		"delivered": post.Delivered, "opened": post.Delivered, "clicked": post.Delivered,
		"bounced": post.Bounced, "suppressed": post.Bounced, "complained": post.Complained, "failed": post.Failed, "canceled": post.Failed,
	} {
		played.events["one"] = event
		if got, err := sender.Fate(t.Context(), "one"); err != nil || got != want {
			t.Errorf("%q is %q, want %q (%v)", event, got, want, err)
		}
	}
	for _, id := range []string{"", "another", "../one"} {
		if got, err := sender.Fate(t.Context(), id); err != nil || got != post.Unknown {
			t.Errorf("of %q it says %q (%v)", id, got, err)
		}
	}
	played.fail = func(w http.ResponseWriter) {
		said(w, 401, "restricted_api_key", "This API key is restricted to only send emails")
	}
	if got, err := sender.Fate(t.Context(), "one"); err != nil || got != post.Unknown {
		t.Errorf("with a key that may only send: %q (%v)", got, err)
	}
	played.fail = func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "2")
		said(w, 429, "rate_limit_exceeded", "")
	}
	if _, err := sender.Fate(t.Context(), "one"); temporary(t, err).After != 2*time.Second {
		t.Errorf("too many questions: %v", err)
	}
}
