package heartbeat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"slicegate/runner/heartbeat"
)

// bundle is a heartbeat whose clock and ticks are the test's, and the service that it goes to.
type bundle struct {
	t       *testing.T
	service *httptest.Server
	ticks   chan time.Time
	turned  chan struct{}
	log     bytes.Buffer

	mu      sync.Mutex
	now     time.Time
	checked time.Time
	answer  http.HandlerFunc
	beats   int
}

// start runs a heartbeat to the service, or to another address.
func start(t *testing.T, url string) *bundle {
	t.Helper()
	b := &bundle{t: t, ticks: make(chan time.Time), turned: make(chan struct{}), now: time.Now()}
	b.service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.beats++
		if b.answer != nil {
			b.answer(w, r)
		}
	}))
	t.Cleanup(b.service.Close)
	if url == "" {
		url = b.service.URL + "/ping/very-secret"
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	h := heartbeat.Heartbeat{
		URL: url, Clock: b.clock, Log: slog.New(slog.NewJSONHandler(&b.log, nil)),
		Turn: func() {
			select {
			case b.turned <- struct{}{}:
			case <-ctx.Done():
			}
		},
		Checked: func() time.Time {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.checked
		},
	}
	running.Go(func() { h.Run(ctx, b.ticks) })
	t.Cleanup(func() { stop(); running.Wait() })
	<-b.turned
	return b
}

func (b *bundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bundle) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// round is one tick, from its beginning to its end, and what the service and the log had of it.
func (b *bundle) round() (beats int, lines []string) {
	b.t.Helper()
	b.set(func() { b.beats = 0 })
	b.log.Reset()
	b.ticks <- b.clock()
	<-b.turned
	for line := range strings.Lines(b.log.String()) {
		var said struct{ Level, Msg, Error string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(said.Level+" "+said.Msg+" "+said.Error))
		for _, secret := range []string{"very-secret", "127.0.0.1", "localhost"} {
			if strings.Contains(line, secret) {
				b.t.Errorf("the log has the address: %s", line)
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.beats, lines
}

// expect compares a round with what it should be; said is the only line, empty: none.
func (b *bundle) expect(what string, wantBeats int, said string) {
	b.t.Helper()
	beats, lines := b.round()
	if beats != wantBeats || len(lines) > 1 || (said == "") != (len(lines) == 0) || said != "" && !strings.Contains(lines[0], said) {
		b.t.Errorf("%s: %d heartbeats and %q, want %d and %q", what, beats, lines, wantBeats, said)
	}
}

func TestOneIsSentWhileChecksAreMade(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	b.expect("before the first check", 0, "WARN no heartbeat is sent none of this server's checks")
	b.expect("still before it", 0, "")
	b.set(func() { b.checked = b.now })
	b.expect("a check was made", 1, "INFO heartbeats are sent again")
	b.set(func() { b.now = b.now.Add(3 * time.Minute) })
	b.expect("three minutes ago", 1, "")
	b.set(func() { b.now = b.now.Add(time.Second) })
	b.expect("longer ago", 0, "WARN no heartbeat is sent for more than 3m0s")
	b.expect("still longer ago", 0, "")
	b.set(func() { b.checked = b.now })
	b.expect("a check was made again", 1, "INFO heartbeats are sent again")
}

func TestWhatTheServiceSaysIsToldOnceAndWithoutItsAddress(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	b.set(func() { b.checked = b.now })
	b.expect("all is well", 1, "")
	refuse := func(status int) func() {
		return func() { b.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) } }
	}
	b.set(refuse(http.StatusNotFound))
	b.expect("refused", 1, "WARN no heartbeat is sent the service answers 404")
	b.expect("refused again", 1, "")
	b.set(refuse(http.StatusServiceUnavailable))
	b.expect("refused for another reason", 1, "WARN no heartbeat is sent the service answers 503")
	b.set(func() { b.answer = nil })
	b.expect("taken", 1, "INFO heartbeats are sent again")
	b.service.Close()
	b.expect("gone", 0, "WARN no heartbeat is sent dial tcp")
	b.expect("still gone", 0, "")
}

func TestItDoesNotGoElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it went elsewhere") }))
	defer elsewhere.Close()
	b := start(t, "")
	b.set(func() {
		b.checked = b.now
		b.answer = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }
	})
	b.expect("sent elsewhere", 1, "WARN no heartbeat is sent the service sends it elsewhere")
	b.set(func() {
		b.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/moved" {
				http.Redirect(w, r, "/moved", http.StatusFound)
			}
		}
	})
	b.expect("sent on at the same place", 2, "INFO heartbeats are sent again")
}

func TestAnAddressThatIsNoneIsNotShown(t *testing.T) {
	t.Parallel()
	b := start(t, "http://127.0.0.1:bad/very-secret")
	b.set(func() { b.checked = b.now })
	b.expect("no address", 0, "WARN no heartbeat is sent HEARTBEAT_URL is no address")
}
