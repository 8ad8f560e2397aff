package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answer is what one request got. Of a body 64 MB are kept at most.
type answer struct {
	status int
	kind   string // media type
	body   []byte
}

// ask sends a request with a JSON body (nil: none).
func (b *bench) ask(ctx context.Context, method, url string, body any) (answer, error) {
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		reader = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := b.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s broke off: %w", method, request.URL.Path, err)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return answer{response.StatusCode, kind, content}, nil
}

// user asks on port 4001.
func (b *bench) user(ctx context.Context, method, path string, body any) (answer, error) {
	return b.ask(ctx, method, "http://"+b.running.Address+":4001"+path, body)
}

// words are the beginning of a body, for a report.
func (a answer) words() string {
	text := strings.Join(strings.Fields(string(a.body)), " ")
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return fmt.Sprintf("%d %q", a.status, text)
}

// refuses checks a refusal: the status, and a sentence for the person.
func (a answer) refuses(statuses ...int) error {
	var said struct{ Error string }
	if !slices.Contains(statuses, a.status) {
		return fmt.Errorf("answered %s, want %v", a.words(), statuses)
	}
	if json.Unmarshal(a.body, &said) != nil || said.Error == "" {
		return fmt.Errorf(`answered %s, want {"error": "a sentence"}`, a.words())
	}
	return nil
}

// states are those of the contract.
var states = []string{"starting", "qr", "authenticated", "ready", "disconnected", "logged_out", "passkey", "restricted", "failed"}

type status struct {
	State       *string         `json:"state"`
	PhoneNumber json.RawMessage `json:"phoneNumber"`
	Uptime      *float64        `json:"uptime"`
	LastEventAt json.RawMessage `json:"lastEventAt"`
}

// status reads a status and checks its shape.
func (a answer) readStatus() (string, error) {
	var s status
	if a.status != http.StatusOK || a.kind != "application/json" {
		return "", fmt.Errorf("answered %s of type %q, want 200 and application/json", a.words(), a.kind)
	}
	if err := json.Unmarshal(a.body, &s); err != nil {
		return "", fmt.Errorf("answered %s: %w", a.words(), err)
	}
	var text *string
	switch {
	case s.State == nil || !slices.Contains(states, *s.State):
		return "", fmt.Errorf("state is not one of %s: %s", strings.Join(states, ", "), a.words())
	case s.PhoneNumber == nil || json.Unmarshal(s.PhoneNumber, &text) != nil || text != nil && !strings.HasPrefix(*text, "+"):
		return "", fmt.Errorf("phoneNumber must be null or like +15550100000: %s", a.words())
	case s.Uptime == nil || *s.Uptime < 0:
		return "", fmt.Errorf("uptime must be seconds: %s", a.words())
	}
	text = nil
	if s.LastEventAt == nil || json.Unmarshal(s.LastEventAt, &text) != nil {
		return "", fmt.Errorf("lastEventAt must be null or a time: %s", a.words())
	}
	if text != nil {
		if _, err := time.Parse(time.RFC3339, *text); err != nil {
			return "", fmt.Errorf("lastEventAt must be ISO 8601: %s", a.words())
		}
	}
	return *s.State, nil
}

// refresh asks for the state.
func (b *bench) refresh(ctx context.Context) (string, error) {
	got, err := b.user(ctx, http.MethodGet, "/api/status", nil)
	if err != nil {
		return "", err
	}
	b.state, err = got.readStatus()
	return b.state, err
}

// until repeats look until it says yes, or says at last what it saw instead.
func until(ctx context.Context, limit time.Duration, look func(context.Context) (bool, string)) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for seen := ""; ; {
		yes, now := look(within)
		if yes {
			return nil
		}
		if now != "" && within.Err() == nil {
			seen = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-within.Done():
			return fmt.Errorf("not within %s: %s", limit, seen)
		case <-ticker.C:
		}
	}
}
