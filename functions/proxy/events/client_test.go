package events_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"slicegate/functions/proxy/events"
	"slicegate/functions/proxy/socketio/socketiotest"
)

// TestMain also checks that nothing of the two packages runs on after the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(socketiotest.Patience); code == 0; time.Sleep(time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := ""
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "slicegate/functions/proxy/") && !strings.Contains(stack, "TestMain") {
				left = stack
			}
		}
		if left == "" {
			break
		}
		if time.Now().After(end) {
			fmt.Println("a goroutine was left running:\n" + left)
			code = 1
		}
	}
	os.Exit(code)
}

// bundle is a hub behind a real HTTP server, in front of real socket.io servers.
type bundle struct {
	t      testing.TB
	hub    *events.Hub
	web    *httptest.Server
	slices *socketiotest.Server
	// stillValid, set before the first request, is Access.StillValid.
	stillValid func(context.Context) bool
}

// newBundle serves the events of slice N, from 0, at /?slice=N from the server of that number,
// or from server M with &at=M. The request may name a session and a user (its number), too.
func newBundle(t testing.TB, config events.Config, settings socketiotest.Settings) *bundle {
	t.Helper()
	b := &bundle{t: t, slices: socketiotest.Start(t, settings)}
	if config.Address == nil {
		config.Address = address
	}
	if config.ConnectWait == 0 {
		config.ConnectWait = socketiotest.Patience // however busy the machine is
	}
	config.Log = slog.New(slog.DiscardHandler)
	b.hub = events.New(config)
	b.web = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slice, _ := strconv.Atoi(r.FormValue("slice"))
		at, err := strconv.Atoi(r.FormValue("at"))
		if err != nil {
			at = slice
		}
		user, _ := strconv.ParseInt(r.FormValue("user"), 10, 64)
		b.hub.Serve(w, r, events.Access{
			Session: r.FormValue("session"), UserID: user, SliceID: int64(slice), Port: b.slices.Port(at), StillValid: b.stillValid,
		})
	}))
	b.web.Config.ConnContext = func(ctx context.Context, connection net.Conn) context.Context {
		// Small buffers, so that a listener that does not read is felt after a megabyte.
		if err := connection.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
			t.Error(err)
		}
		return ctx
	}
	b.web.Start()
	t.Cleanup(b.close)
	return b
}

func (b *bundle) close() {
	ctx, cancel := context.WithTimeout(context.Background(), socketiotest.Patience)
	defer cancel()
	if err := b.hub.Shutdown(ctx); err != nil {
		b.t.Error(err)
	}
	b.web.Close()
	if stats := b.hub.Stats(); stats.Slices+stats.Connected+stats.Listeners != 0 {
		b.t.Errorf("after the shutdown: %+v", stats)
	}
}

func address(_ context.Context, _ int64, port int) (string, error) {
	return fmt.Sprintf("http://127.0.0.1:%d", port), nil
}

// waitStats waits until the hub's counts are as wanted.
func (b *bundle) waitStats(what string, want func(events.Stats) bool) {
	b.t.Helper()
	for end := time.Now().Add(socketiotest.Patience); !want(b.hub.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited for %s in vain: %+v", what, b.hub.Stats())
		}
	}
}

// message is one SSE event as a browser would see it.
type message struct{ name, data, id string }

// listener is one open stream.
type listener struct {
	t      testing.TB
	lines  *bufio.Reader
	body   io.Closer
	cancel context.CancelFunc
	lastID string
	// comments counts the comment lines seen.
	comments int
	retry    string
	head     *message // the event that came with the head, until it is read
}

// listen opens a stream; query is "slice=0&session=a", lastID may be "".
func (b *bundle) listen(query, lastID string) *listener {
	b.t.Helper()
	response, cancel := b.request(query, lastID)
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %s", query, response.Status)
	}
	for key, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
	} {
		if got := response.Header.Get(key); got != want {
			b.t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	return newListener(b.t, response, cancel)
}

// newListener reads the head of a stream: the retry, the id and perhaps a reset.
func newListener(t testing.TB, response *http.Response, cancel context.CancelFunc) *listener {
	t.Helper()
	l := &listener{t: t, lines: bufio.NewReader(response.Body), body: response.Body, cancel: cancel}
	defer l.patience()()
	head, err := l.block()
	if err != nil || l.lastID == "" || l.retry != "2000" {
		t.Fatalf("the stream began with id %q, retry %q: %v", l.lastID, l.retry, err)
	}
	if head.data != "" {
		l.head = &head
	}
	return l
}

func (b *bundle) request(query, lastID string) (*http.Response, context.CancelFunc) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.web.URL+"/?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = response.Body.Close() })
	return response, cancel
}

// read gives the next event, or the error with which the stream ended.
func (l *listener) read() (message, error) {
	if l.head != nil {
		m := *l.head
		l.head = nil
		return m, nil
	}
	defer l.patience()()
	for {
		if m, err := l.block(); err != nil || m.data != "" {
			return m, err
		}
	}
}

// patience cancels the stream if what follows takes too long.
func (l *listener) patience() (stop func() bool) {
	return time.AfterFunc(socketiotest.Patience, l.cancel).Stop
}

// block reads up to the next empty line.
func (l *listener) block() (message, error) {
	var m message
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return message{}, err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			return m, nil
		case line == ":":
			l.comments++
		case field == "retry":
			l.retry = value
		case field == "event":
			m.name = value
		case field == "data":
			m.data = value
		case field == "id":
			m.id, l.lastID = value, value
		default:
			l.t.Fatalf("a line that is no SSE: %q", line)
		}
	}
}

func (l *listener) next() message {
	l.t.Helper()
	m, err := l.read()
	if err != nil {
		l.t.Fatalf("the stream ended: %v", err)
	}
	return m
}

// want reads one event and checks it.
func (l *listener) want(name, data string) {
	l.t.Helper()
	if got := l.next(); got.name != name || got.data != data {
		l.t.Fatalf("got %.200q, want %s %s", got, name, data)
	}
}

// awaitComment reads up to the next comment.
func (l *listener) awaitComment() {
	l.t.Helper()
	defer l.patience()()
	for seen := l.comments; l.comments == seen; {
		if m, err := l.block(); err != nil || m.data != "" {
			l.t.Fatalf("want a comment, got %.200q, %v", m, err)
		}
	}
}

// wantEnd checks that the stream ends, cleanly, without another event.
func (l *listener) wantEnd() {
	l.t.Helper()
	if m, err := l.read(); !errors.Is(err, io.EOF) {
		l.t.Fatalf("want the end, got %.200q, %v", m, err)
	}
}

// leave closes the stream from the client's side.
func (l *listener) leave() {
	l.cancel()
	_ = l.body.Close()
}

// number reads the n of an event's {"n": n, …}.
func (m message) number(t testing.TB) int {
	t.Helper()
	var data struct{ N int }
	if err := json.Unmarshal([]byte(m.data), &data); err != nil || m.name != "message" {
		t.Fatalf("no number: %.200q", m)
	}
	return data.N
}
