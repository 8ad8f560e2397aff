package events_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/functions/proxy/events"
	"slicegate/functions/proxy/socketio/socketiotest"
)

func TestTwoListenersShareOneConnection(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	first, second := b.listen("slice=0", ""), b.listen("slice=0", "")
	b.slices.Emit(0, "message", map[string]any{"text": "hello"})
	first.want("message", `{"text":"hello"}`)
	second.want("message", `{"text":"hello"}`)
	if first.lastID == "" || first.lastID != second.lastID {
		t.Errorf("ids %q and %q", first.lastID, second.lastID)
	}
	if first.retry != "2000" {
		t.Errorf("retry: %q", first.retry)
	}
	if now, total := b.slices.Connected(0); now != 1 || total != 1 {
		t.Errorf("%d connections now, %d in all", now, total)
	}
	if got := b.hub.Stats(); got != (events.Stats{Slices: 1, Connected: 1, Listeners: 2}) {
		t.Errorf("%+v", got)
	}
}

func TestUpstreamIsClosedAfterTheLinger(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{Linger: time.Second, Heartbeat: 50 * time.Millisecond}, socketiotest.Settings{})
	first := b.listen("slice=0", "")
	first.leave()
	b.waitStats("no listener", func(s events.Stats) bool { return s.Listeners == 0 })
	if b.hub.Stats().Slices != 1 {
		t.Error("the connection was closed at once")
	}
	second := b.listen("slice=0", first.lastID) // within the linger: the same connection
	b.slices.Emit(0, "chat", 1)
	second.want("chat", "1")
	for began := time.Now(); time.Since(began) < 1500*time.Millisecond; { // the first one's linger passes
		second.awaitComment()
	}
	if _, total := b.slices.Connected(0); total != 1 {
		t.Errorf("%d connections in all", total)
	}
	second.leave()
	b.slices.WaitConnected(0, 0)
	b.waitStats("the stream's end", func(s events.Stats) bool { return s.Slices == 0 })
	b.listen("slice=0", second.lastID).want("reset", "{}") // a new stream cannot replay the old
}

// A listener keeps its stream alive for longer than the linger, also after others left.
func TestListenerOutlivesTheLinger(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{Linger: 30 * time.Millisecond, Heartbeat: 20 * time.Millisecond}, socketiotest.Settings{})
	stays := b.listen("slice=0", "")
	for range 3 {
		b.listen("slice=0", "").leave()
	}
	b.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: 5, Burst: 1, Every: 50 * time.Millisecond})
	for n := 1; n <= 5; n++ {
		if got := stays.next().number(t); got != n {
			t.Errorf("got %d, want %d", got, n)
		}
	}
	if stays.comments == 0 {
		t.Error("no comment in the pauses")
	}
	if _, total := b.slices.Connected(0); total != 1 {
		t.Errorf("%d connections in all", total)
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	one, two := b.listen("slice=0&session=a&user=1", ""), b.listen("slice=0&session=a&user=1", "")
	other := b.listen("slice=0&session=b&user=1", "")
	foreign := b.listen("slice=0&session=c&user=2", "")

	b.hub.EndSession("a")
	for _, l := range []*listener{one, two} {
		l.want("bye", "{}")
		l.wantEnd()
	}
	b.slices.Emit(0, "chat", 1)
	other.want("chat", "1")
	b.hub.EndUser(1)
	other.want("bye", "{}")
	other.wantEnd()
	b.slices.Emit(0, "chat", 2)
	foreign.want("chat", "1")
	foreign.want("chat", "2")
	b.hub.EndAll()
	foreign.wantEnd()
}

// What is announced comes by every slice's stream, and by no word of a slice.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{Ports: []int{0, 0}})
	one, other := b.listen("slice=0", ""), b.listen("slice=1&session=b&user=2", "")
	b.slices.Emit(0, "announcements", 1)
	b.slices.Emit(0, "chat", 1)
	one.want("chat", "1")
	b.hub.Announce()
	one.want("announcements", "{}")
	other.want("announcements", "{}")
}

// A logout that comes between authentication and entry ends the stream all the same.
func TestLogoutDuringEntry(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	var asked atomic.Int32
	b.stillValid = func(context.Context) bool {
		asked.Add(1)
		if b.hub.Stats().Listeners != 1 {
			t.Error("asked before it could be ended")
		}
		return false
	}
	response, _ := b.request("slice=0", "")
	wantRefusal(t, response, http.StatusUnauthorized)
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestSliceMoves(t *testing.T) {
	t.Parallel()
	var left atomic.Bool
	gone := func(ctx context.Context, slice int64, port int) (string, error) {
		if left.Load() {
			return "", events.ErrGone
		}
		return address(ctx, slice, port)
	}
	b := newBundle(t, events.Config{Address: gone}, socketiotest.Settings{Ports: []int{0, 0}})
	l := b.listen("slice=0", "")
	b.hub.EndSlice(0)
	l.wantEnd()
	b.slices.WaitConnected(0, 0)

	// The same slice at another port: what listened to the old one is ended.
	l = b.listen("slice=0", "")
	at := b.listen("slice=0&at=1", l.lastID)
	l.wantEnd()
	at.want("reset", "{}")
	b.slices.Emit(1, "chat", 7)
	at.want("chat", "7")
	b.slices.WaitConnected(0, 0)

	// The port is no longer the slice's: nobody connects to it again.
	left.Store(true)
	b.slices.Drop(1)
	at.wantEnd()
	b.waitStats("the stream's end", func(s events.Stats) bool { return s.Slices == 0 })
	if _, total := b.slices.Connected(1); total != 1 {
		t.Errorf("%d connections to a port that is another's", total)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{PerSession: 2, PerSlice: 3}, socketiotest.Settings{})
	first := b.listen("slice=0&session=a", "")
	b.listen("slice=0&session=a", "")
	response, _ := b.request("slice=0&session=a", "")
	wantRefusal(t, response, http.StatusTooManyRequests)
	b.listen("slice=0&session=b", "")
	response, _ = b.request("slice=0&session=b", "")
	wantRefusal(t, response, http.StatusTooManyRequests)
	first.leave()
	b.waitStats("a place", func(s events.Stats) bool { return s.Listeners == 2 })
	b.listen("slice=0&session=b", "")
}

func TestOldStreamsEnd(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{MaxAge: 2 * time.Second}, socketiotest.Settings{})
	l := b.listen("slice=0", "")
	b.slices.Emit(0, "chat", 1)
	l.want("chat", "1")
	l.wantEnd()
	b.slices.Emit(0, "chat", 2)
	b.listen("slice=0", l.lastID).want("chat", "2")
}

func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	l := b.listen("slice=0", "")
	if err := b.hub.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.wantEnd()
	b.slices.WaitConnected(0, 0)
	response, cancel := b.request("slice=0", "")
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("a late listener got %s, which an EventSource does not try again", response.Status)
	}
	late := &listener{t: t, lines: bufio.NewReader(response.Body), cancel: cancel}
	late.wantEnd()
	if late.retry != "2000" {
		t.Errorf("a late listener was told to come back after %q", late.retry)
	}
}

// What a slice sends as it is connected to is heard by the listener that caused it.
func TestManySlices(t *testing.T) {
	t.Parallel()
	const slices, each = 50, 4
	b := newBundle(t, events.Config{}, socketiotest.Settings{
		Ports: make([]int, slices), Greet: [][]any{{"status", "greeting"}},
	})
	listeners := make([]*listener, slices*each)
	for i := range listeners {
		listeners[i] = b.listen(fmt.Sprintf("slice=%d&session=%d", i%slices, i), "")
	}
	if got := b.hub.Stats(); got != (events.Stats{Slices: slices, Connected: slices, Listeners: slices * each}) {
		t.Fatalf("%+v", got)
	}
	for slice := range slices {
		b.slices.Emit(slice, "message", map[string]any{"slice": slice})
	}
	for i, l := range listeners {
		if i < slices {
			l.want("status", `"greeting"`)
		}
		l.want("message", fmt.Sprintf(`{"slice":%d}`, i%slices))
	}
}

func wantRefusal(t *testing.T, response *http.Response, status int) {
	t.Helper()
	var body struct{ Error string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || response.StatusCode != status || strings.TrimSpace(body.Error) == "" {
		t.Errorf("got %s, %+v, %v; want %d", response.Status, body, err, status)
	}
}

// What one event costs on its way from a slice to eight listeners, node's part included.
func BenchmarkEightListeners(b *testing.B) {
	bundle := newBundle(b, events.Config{ReplayEvents: 1 << 20, ReplayBytes: 1 << 30}, socketiotest.Settings{})
	listeners := make([]*listener, 8)
	for i := range listeners {
		listeners[i] = bundle.listen("slice=0", "")
	}
	b.ReportAllocs()
	b.ResetTimer()
	bundle.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: b.N, Burst: 100, Every: time.Millisecond, Padding: 200})
	var wait sync.WaitGroup
	for _, l := range listeners {
		wait.Go(func() {
			for range b.N {
				if _, err := l.read(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}
