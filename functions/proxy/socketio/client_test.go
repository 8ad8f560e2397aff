package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"slicegate/functions/proxy/socketio"
	"slicegate/functions/proxy/socketio/socketiotest"
)

func TestEventsArriveInOrderWithTheirJSON(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{})
	client := run(t, server.Address(0))
	client.next(t, "connected")

	text := "été 日本 😀 \u2028 \x00 \"quoted\" \\ \r\n" + strings.Repeat("長", 200_000)
	server.Emit(0, "message", map[string]any{"text": text})
	server.Emit(0, "two", json.Number("9007199254740991"), []any{nil, true, 0.5})
	server.Emit(0, "none")
	server.Emit(0, "line\nbreak", "")
	server.EmitNumbers(0, "number", socketiotest.Numbers{Count: 500, Burst: 50, Every: time.Millisecond})

	got := client.next(t, "event")
	var message struct{ Text string }
	if err := json.Unmarshal(got.event.Args[0], &message); err != nil || message.Text != text {
		t.Errorf("the long text came changed: %v, %d bytes of %d", err, len(message.Text), len(text))
	}
	for _, want := range [][]string{{"two", "9007199254740991", "[null,true,0.5]"}, {"none"}, {"line\nbreak", `""`}} {
		if diff := cmp.Diff(want, words(client.next(t, "event").event)); diff != "" {
			t.Errorf("want -, got +\n%s", diff)
		}
	}
	for n := 1; n <= 500; n++ {
		var number struct{ N int }
		if err := json.Unmarshal(client.next(t, "event").event.Args[0], &number); err != nil || number.N != n {
			t.Fatalf("number %d came as %d (%v)", n, number.N, err)
		}
	}
}

func TestAcksAndAttachmentsAreSkipped(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{})
	client := run(t, server.Address(0))
	client.next(t, "connected")
	server.EmitBinary(0, "file")
	server.EmitWithAck(0, "asked", 1)
	server.Emit(0, "after", 2)
	for _, want := range [][]string{{"asked", "1"}, {"after", "2"}} {
		if diff := cmp.Diff(want, words(client.next(t, "event").event)); diff != "" {
			t.Errorf("want -, got +\n%s", diff)
		}
	}
}

func TestReconnectsAfterTheServerRestarts(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{Greet: [][]any{{"hello"}}})
	client := run(t, server.Address(0))
	client.next(t, "connected")
	client.next(t, "event")
	server.Kill()
	client.next(t, "lost")
	server.Restart()
	for client.any(t).what == "lost" { // attempts while nobody listened
	}
	if got := client.next(t, "event"); got.event.Name != "hello" {
		t.Errorf("got %q after the restart", got.event.Name)
	}
}

func TestReconnectsAfterTheServerDisconnects(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{})
	client := run(t, server.Address(0))
	client.next(t, "connected")
	server.Disconnect(0)
	if got := client.next(t, "lost"); !errors.Is(got.err, socketio.ErrDisconnected) {
		t.Errorf("lost with %v", got.err)
	}
	client.next(t, "connected")
	server.WaitConnected(0, 1)
	server.Drop(0)
	client.next(t, "lost")
	client.next(t, "connected")
}

func TestAnswersPingsAndDetectsSilence(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{Options: map[string]any{"pingInterval": 100, "pingTimeout": 400}})
	client := run(t, server.Address(0))
	client.next(t, "connected")
	// Two seconds of numbers outlast several pings: unanswered, the server would drop us.
	server.EmitNumbers(0, "number", socketiotest.Numbers{Count: 20, Burst: 1, Every: 100 * time.Millisecond})
	for range 20 {
		client.next(t, "event")
	}
	server.Freeze()
	if got := client.next(t, "lost"); !errors.Is(got.err, socketio.ErrSilent) {
		t.Errorf("lost with %v", got.err)
	}
}

func TestTellsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{Refuse: "not you\nreally"})
	got := run(t, server.Address(0)).next(t, "lost")
	if !errors.Is(got.err, socketio.ErrRefused) || !strings.Contains(got.err.Error(), "not you") || strings.Contains(got.err.Error(), "\n") {
		t.Errorf("lost with %v", got.err)
	}
}

func TestTooLongMessageEndsTheConnection(t *testing.T) {
	t.Parallel()
	server := socketiotest.Start(t, socketiotest.Settings{})
	client := run(t, server.Address(0))
	client.next(t, "connected")
	server.Emit(0, "fits", strings.Repeat("x", socketio.MaxMessage-100))
	client.next(t, "event")
	server.Emit(0, "long", strings.Repeat("x", socketio.MaxMessage))
	if got := client.next(t, "lost"); !errors.Is(got.err, websocket.ErrMessageTooBig) {
		t.Errorf("lost with %v", got.err)
	}
	client.next(t, "connected")
}

// A server that is not one: each of these must end in an error and another attempt.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	const open = `0{"sid":"a","pingInterval":25000,"pingTimeout":20000}`
	for name, messages := range map[string][]string{
		"no open packet":        {`40{"sid":"a"}`},
		"open is not JSON":      {`0{"sid"`},
		"no heartbeat":          {`0{"sid":"a"}`},
		"endless heartbeat":     {`0{"pingInterval":9223372036854775807,"pingTimeout":9223372036854775807}`},
		"unknown packet":        {open, "9"},
		"event is not an array": {open, "40", `42{"a":1}`},
		"event without a name":  {open, "40", `42[{"a":1}]`},
		"empty message":         {open, "40", ""},
		"closes":                {open, "40", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := make(chan struct{}, 16)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ws, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				defer ws.CloseNow()
				attempts <- struct{}{}
				for _, message := range messages {
					if ws.Write(r.Context(), websocket.MessageText, []byte(message)) != nil {
						return
					}
				}
				_, _, err = ws.Read(r.Context())
				for err == nil {
					_, _, err = ws.Read(r.Context())
				}
			}))
			defer server.Close()
			client := run(t, server.URL)
			for range 2 {
				receive(t, attempts, "an attempt")
			}
			for got := client.any(t); got.what != "lost"; got = client.any(t) {
				if got.what == "event" {
					t.Errorf("took an event: %v", got.event)
				}
			}
		})
	}
}

func TestFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	visited := make(chan struct{}, 16)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited <- struct{}{} }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	run(t, server.URL).next(t, "lost")
	if len(visited) > 0 {
		t.Error("the server sent us elsewhere")
	}
}

// happening is one call of a client's callbacks.
type happening struct {
	what  string // connected, event, lost
	event socketio.Event
	err   error
}

type running struct{ happenings chan happening }

// run keeps a client running until the test ends, and checks that it ends.
func run(t *testing.T, address string) running {
	r := running{make(chan happening, 2000)}
	client := socketio.Client{
		Address:   func(context.Context) (string, error) { return address, nil },
		Connected: func() { r.happenings <- happening{what: "connected"} },
		Event:     func(event socketio.Event) { r.happenings <- happening{what: "event", event: event} },
		Lost:      func(err error) { r.happenings <- happening{what: "lost", err: err} },
		MaxDelay:  200 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { client.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wait.Wait()
	})
	return r
}

func (r running) any(t *testing.T) happening {
	t.Helper()
	return receive(t, r.happenings, "anything to happen")
}

func (r running) next(t *testing.T, what string) happening {
	t.Helper()
	got := r.any(t)
	if got.what != what {
		t.Fatalf("want %s, got %+v", what, got)
	}
	return got
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(socketiotest.Patience):
		t.Fatalf("waited for %s in vain", what)
		panic("unreachable")
	}
}

func words(event socketio.Event) []string {
	words := []string{event.Name}
	for _, arg := range event.Args {
		words = append(words, string(arg))
	}
	return words
}
