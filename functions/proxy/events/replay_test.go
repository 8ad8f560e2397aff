package events_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/functions/proxy/events"
	"slicegate/functions/proxy/socketio/socketiotest"
)

// Every event comes exactly once and in order to a listener that leaves again and again in
// the middle of the stream.
func TestReplayIsExactlyOnce(t *testing.T) {
	t.Parallel()
	// Under load the hub may hear late that a listener left.
	b := newBundle(t, events.Config{PerSession: 1000, PerSlice: 1000}, socketiotest.Settings{})
	const count = 2000
	l := b.listen("slice=0", "")
	b.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: count, Burst: 3, Every: time.Millisecond})
	seen, reconnects := 0, 0
	for seen < count {
		for range min(1+rand.IntN(60), count-seen) {
			if got := l.next().number(t); got != seen+1 {
				t.Fatalf("got %d after %d, after %d reconnects", got, seen, reconnects)
			}
			seen++
		}
		lastID := l.lastID
		l.leave()
		l = b.listen("slice=0", lastID)
		reconnects++
	}
	if _, total := b.slices.Connected(0); reconnects < 20 || total != 1 {
		t.Errorf("%d reconnects, %d upstream connections", reconnects, total)
	}
}

func TestFreshListenerGetsNoReplay(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	first := b.listen("slice=0", "")
	b.slices.Emit(0, "chat", 1)
	first.want("chat", "1")
	fresh := b.listen("slice=0", "")
	b.slices.Emit(0, "chat", 2)
	fresh.want("chat", "2")

	// One that heard nothing but its first id can resume from there.
	quiet := b.listen("slice=0", "")
	quiet.leave()
	b.slices.Emit(0, "chat", 3)
	first.want("chat", "2")
	first.want("chat", "3")
	b.listen("slice=0", quiet.lastID).want("chat", "3")
}

func TestResetWhereNothingCanBeReplayed(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	b := newBundle(t, events.Config{Now: clock, ReplayEvents: 5, PerSession: 32}, socketiotest.Settings{})
	l := b.listen("slice=0", "")
	hear := func(n int) string {
		b.slices.Emit(0, "chat", n)
		l.want("chat", string(rune('0'+n)))
		return l.lastID
	}
	first, second := hear(1), hear(2)
	b.listen("slice=0", first).want("chat", "2")

	epoch, _, _ := strings.Cut(first, "-")
	for _, foreign := range []string{"x", "-1", "1", epoch, epoch + "-", epoch + "-x", epoch + "--1", epoch + "-99", "0" + first, "AAAAAAAAAAAAA-1"} {
		resumed := b.listen("slice=0", foreign)
		resumed.want("reset", "{}")
		if resumed.lastID != second {
			t.Errorf("%q: goes on from %q, not %q", foreign, resumed.lastID, second)
		}
	}

	late.Store(int64(61 * time.Second))
	b.listen("slice=0", first).want("reset", "{}")
	third := hear(3)
	b.listen("slice=0", second).want("chat", "3")
	for n := 4; n <= 8; n++ {
		hear(n)
	}
	b.listen("slice=0", third).want("chat", "4") // five events are kept
	hear(9)
	b.listen("slice=0", third).want("reset", "{}")
}

func TestResetAfterTheSliceRestarts(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{ConnectWait: 2 * time.Second, Heartbeat: 20 * time.Millisecond}, socketiotest.Settings{})
	stays, leaves := b.listen("slice=0", ""), b.listen("slice=0", "")
	b.slices.Emit(0, "chat", 1)
	stays.want("chat", "1")
	leaves.want("chat", "1")
	leaves.leave()

	b.slices.Kill()
	b.waitStats("the loss", func(s events.Stats) bool { return s.Connected == 0 })
	during := b.listen("slice=0", "") // opened while the slice is down
	b.slices.Restart()
	stays.want("reset", "{}")
	during.want("reset", "{}")
	b.slices.WaitConnected(0, 1)
	b.slices.Emit(0, "chat", 2)
	back := b.listen("slice=0", leaves.lastID)
	back.want("reset", "{}")
	for _, l := range []*listener{stays, during, back} {
		l.want("chat", "2")
	}
	if stays.comments == 0 {
		t.Error("no comment while the slice was down")
	}
}

func TestForgedAndOversizedEvents(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{}, socketiotest.Settings{})
	l := b.listen("slice=0", "")
	for _, name := range []string{"", "bye", "reset", "message ", "Message", "message\ndata: {}\n\nevent: bye", "message\r", "message\x00"} {
		b.slices.Emit(0, name, map[string]any{"forged": true})
	}
	b.slices.Emit(0, "message", map[string]any{"text": "a\n\nevent: bye\ndata: {}\n\n\r\r\u2028"})
	m := l.next()
	var got struct{ Text string }
	if err := json.Unmarshal([]byte(m.data), &got); m.name != "message" || err != nil || got.Text != "a\n\nevent: bye\ndata: {}\n\n\r\r\u2028" {
		t.Errorf("got %q, %v", m, err)
	}
	b.slices.Emit(0, "chat")
	l.want("chat", "{}")
	b.slices.Emit(0, "chat", strings.Repeat("x", 256<<10-2))
	if m := l.next(); m.name != "chat" || len(m.data) != 256<<10 {
		t.Errorf("got %s of %d bytes", m.name, len(m.data))
	}
	b.slices.Emit(0, "chat", strings.Repeat("x", 256<<10-1))
	l.want("reset", "{}")
	b.slices.Emit(0, "chat", 2)
	l.want("chat", "2")
}

// A listener that reads nothing is dropped; one that reads hears everything meanwhile.
func TestSlowListenerIsDropped(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{WriteTimeout: 300 * time.Millisecond, ReplayBytes: 64 << 20}, socketiotest.Settings{})
	fast := b.listen("slice=0", "")
	stalled := b.stall("slice=0")
	b.waitStats("both", func(s events.Stats) bool { return s.Listeners == 2 })
	const count = 300
	b.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: count, Burst: 5, Every: 2 * time.Millisecond, Padding: 20_000})
	for n := 1; n <= count; n++ {
		if got := fast.next().number(t); got != n {
			t.Fatalf("the fast one got %d, want %d", got, n)
		}
	}
	b.waitStats("the drop", func(s events.Stats) bool { return s.Listeners == 1 && s.Dropped == 1 })
	if read, err := io.Copy(io.Discard, stalled); err != nil || read > count*20_000 {
		t.Errorf("the stalled connection gave %d bytes, %v", read, err)
	}
}

// A listener for which events are gone that it has not yet got is dropped, not lied to.
func TestListenerThatFallsBehindIsDropped(t *testing.T) {
	t.Parallel()
	const count = 300
	var appended atomic.Int64 // the hub asks its clock once for each event
	clock := func() time.Time { appended.Add(1); return time.Now() }
	b := newBundle(t, events.Config{Now: clock, ReplayEvents: 3, WriteTimeout: socketiotest.Patience}, socketiotest.Settings{})
	stalled := b.stall("slice=0")
	response, err := http.ReadResponse(bufio.NewReader(stalled), nil)
	if err != nil {
		t.Fatal(err)
	}
	slow := newListener(t, response, func() { _ = stalled.Close() })
	b.slices.Emit(0, "chat", 1)
	slow.want("chat", "1")
	before := appended.Load()
	b.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: count, Burst: 5, Every: time.Millisecond, Padding: 20_000})
	b.waitStats("the last event", func(events.Stats) bool { return appended.Load() == before+count })

	seen := 0
	m, err := slow.read()
	for ; err == nil; m, err = slow.read() {
		if got := m.number(t); got != seen+1 {
			t.Fatalf("got %d after %d", got, seen)
		}
		seen++
	}
	if !errors.Is(err, io.EOF) || seen == count || b.hub.Stats().Dropped != 1 {
		t.Errorf("heard %d of %d, then %v: %+v", seen, count, err, b.hub.Stats())
	}
}

// An ended session's stream is gone at once although its listener does not read.
func TestEndOfStalledListener(t *testing.T) {
	t.Parallel()
	b := newBundle(t, events.Config{WriteTimeout: time.Hour, ReplayBytes: 64 << 20}, socketiotest.Settings{})
	fast := b.listen("slice=0", "")
	b.stall("slice=0&session=a")
	b.waitStats("both", func(s events.Stats) bool { return s.Listeners == 2 })
	const count = 300
	b.slices.EmitNumbers(0, "message", socketiotest.Numbers{Count: count, Burst: 5, Every: time.Millisecond, Padding: 20_000})
	for range count {
		fast.next()
	}
	b.hub.EndSession("a")
	b.waitStats("the end", func(s events.Stats) bool { return s.Listeners == 1 })
}

// stall opens a stream whose client reads nothing at all.
func (b *bundle) stall(query string) net.Conn {
	b.t.Helper()
	connection, err := net.Dial("tcp", b.web.Listener.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, "GET /?"+query+" HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		b.t.Fatal(err)
	}
	return connection
}
