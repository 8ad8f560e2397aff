package nginx_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestWhoMayPass(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	b := setup(t, slice.port)
	waiting := b.user("waiting@example.com")
	if got := b.get("/api/status", ""); got.StatusCode != 401 || got.body != `{"error":"Not authenticated"}` {
		t.Errorf("nobody: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/api/status", waiting); got.StatusCode != 503 || got.body != `{"error":"No slice assigned"}` {
		t.Errorf("without a slice: %d %s", got.StatusCode, got.body)
	}
	// The one who waits is first in line for the slice that appears now.
	b.customer("second@example.com", slice)
	b.until("the slice is reached", func() bool { return b.get("/api/status", waiting).body == "hello" })
	slice.Close()
	if got := b.get("/api/status", waiting); got.StatusCode != 502 || !strings.Contains(got.problem(), "not answering") {
		t.Errorf("slice down: %d %s", got.StatusCode, got.body)
	}
	if got := b.get("/authorize", waiting); got.Header.Get("X-Slice-Port") != "" || got.StatusCode == 204 {
		t.Errorf("the question can be asked from outside: %d %v", got.StatusCode, got.Header)
	}
}

func TestASilentSlice(t *testing.T) {
	slice := newSlice(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	if got := b.get("/api/status", cookie); got.StatusCode != 504 || !strings.Contains(got.problem(), "too long") {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
}

func TestStaticPages(t *testing.T) {
	b := setup(t)
	if got := b.get("/connect", ""); got.body != "the app" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Errorf("app: %q %v", got.body, got.Header)
	}
	if got := b.get("/assets/none.js", ""); got.StatusCode != 404 {
		t.Errorf("missing asset: %d", got.StatusCode)
	}
	b.app = "localhost"
	if got := b.get("/", ""); got.body != "the site" {
		t.Errorf("site: %q", got.body)
	}
	if got := b.get("/auth/me", ""); got.StatusCode != 404 {
		t.Errorf("the site serves the app's functions: %d", got.StatusCode)
	}
}

func TestWhatASliceIsTold(t *testing.T) {
	echo := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintf(w, "%s %s", name, r.RequestURI)
			for _, header := range []string{"Cookie", "Authorization", "X-Slice-Port", "X-Original-Method", "X-Denied", "Forwarded"} {
				if value := r.Header.Get(header); value != "" {
					fmt.Fprintf(w, " %s=%s", header, value)
				}
			}
			fmt.Fprintf(w, " from=%s", r.Header.Get("X-Forwarded-For"))
		}
	}
	mine, other := newSlice(t, echo("mine")), newSlice(t, echo("other"))
	if apart := mine.port - other.port; apart > 20_000 || apart < -20_000 {
		t.Logf("%d upstreams", apart/2)
	}
	b := setup(t, mine.port, other.port)
	cookie := b.customer("ann@example.com", mine)
	b.customer("bob@example.com", other)
	got := b.do("GET", "/api/chats/1%2F2?before=x%20y", "", "Cookie", cookie+"; theme=dark", "Authorization", "Bearer x",
		"X-Slice-Port", strconv.Itoa(other.port), "X-Original-Method", "GET", "X-Denied", "no", "Forwarded", "for=1.2.3.4", "X-Forwarded-For", "1.2.3.4")
	if want := "mine /api/chats/1%2F2?before=x%20y from=127.0.0.1"; got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
}

func TestWhatASliceMaySay(t *testing.T) {
	forbidden := []string{
		"Set-Cookie", "Location", "Refresh", "Clear-Site-Data", "Access-Control-Allow-Origin", "WWW-Authenticate",
		"Service-Worker-Allowed", "Strict-Transport-Security", "Speculation-Rules", "X-Slice-Port", "Link", "NEL",
	}
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) {
		for _, header := range forbidden {
			w.Header().Set(header, "hostile=1")
		}
		w.Header().Set("Content-Security-Policy", "default-src *")
		w.Header().Set("X-Content-Type-Options", "sniff")
		w.Header().Set("X-Accel-Redirect", "/index.html")
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		if disposition := r.URL.Query().Get("disposition"); disposition != "" {
			w.Header().Set("Content-Disposition", disposition)
		}
		fmt.Fprint(w, "<script>alert(1)</script>")
	})
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	for _, test := range []struct{ query, disposition string }{
		{"type=text/html", "attachment"},
		{"type=image/svg%2Bxml", "attachment"},
		{"type=application/javascript&disposition=inline", "attachment"},
		{"type=text/html%3B%20x=application/json", "attachment"},
		{"type=application/zip&disposition=attachment%3B%20filename=a.zip", "attachment; filename=a.zip"},
		{"type=application/json%3B%20charset=utf-8", ""},
		{"type=image/png", ""},
		{"type=image/png&disposition=inline", ""},
	} {
		got := b.get("/api/media?"+test.query, cookie)
		if got.body != "<script>alert(1)</script>" {
			t.Errorf("%s: X-Accel-Redirect was followed: %q", test.query, got.body)
		}
		if got.Header.Get("Content-Disposition") != test.disposition {
			t.Errorf("%s: disposition %q, want %q", test.query, got.Header.Get("Content-Disposition"), test.disposition)
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(got.Header.Get("Content-Security-Policy"), "sandbox;") || len(got.Header.Values("Content-Security-Policy")) != 1 {
			t.Errorf("%s: %v", test.query, got.Header)
		}
		for _, header := range forbidden {
			if got.Header.Get(header) != "" {
				t.Errorf("%s: %s passed: %q", test.query, header, got.Header.Get(header))
			}
		}
	}
}

func TestStreamsInBothDirections(t *testing.T) {
	turn := make(chan struct{})
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			t.Error(err)
		}
		turn <- struct{}{} // the client sends the rest only now
		rest, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s%s|", first, rest)
		_ = http.NewResponseController(w).Flush()
		<-turn // the client has read that much
		fmt.Fprint(w, "end")
	})
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	body, feed := io.Pipe()
	go func() {
		_, _ = feed.Write([]byte("first"))
		<-turn
		_, _ = feed.Write([]byte(" rest"))
		_ = feed.Close()
	}()
	got, err := http.DefaultTransport.RoundTrip(b.request("POST", "/api/upload", body, "Cookie", cookie))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	part := make([]byte, 11)
	if _, err := io.ReadFull(got.Body, part); err != nil || string(part) != "first rest|" {
		t.Fatalf("got %q, %v", part, err)
	}
	turn <- struct{}{}
	if rest, err := io.ReadAll(got.Body); err != nil || string(rest) != "end" {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestUploadsUpTo64MB(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	const limit = 64 << 20
	request := b.request("POST", "/api/upload", io.LimitReader(zeros{}, limit), "Cookie", cookie)
	request.ContentLength = limit
	if got := b.send(request); got.body != fmt.Sprint(int64(limit), nil) {
		t.Errorf("64 MB: %d %s", got.StatusCode, got.body)
	}
	request = b.request("POST", "/api/upload", nil, "Cookie", cookie, "Expect", "100-continue")
	request.Body, request.ContentLength = io.NopCloser(io.LimitReader(zeros{}, limit+1)), limit+1
	if got := b.send(request); got.StatusCode != 413 || !strings.Contains(got.problem(), "64 MB") {
		t.Errorf("64 MB and a byte: %d %s", got.StatusCode, got.body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestWebSocket(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, data, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, append([]byte("echo "), data...)) != nil {
				return
			}
		}
	})
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	dial := func(origin string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(ctx, "ws://"+b.addr+"/api/socket", &websocket.DialOptions{
			Host: b.app, HTTPHeader: http.Header{"Cookie": {cookie}, "Origin": {origin}},
		})
	}
	conn, _, err := dial("http://" + b.app)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, data, err := conn.Read(ctx); err != nil || string(data) != "echo hi" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, refused, err := dial("http://evil.example"); err == nil || refused.StatusCode != 403 {
		t.Errorf("another site opened a WebSocket: %v", err)
	}
	if got := b.do("POST", "/api/messages", "{}", "Cookie", cookie, "Origin", "http://localhost", "Sec-Fetch-Site", "same-site"); got.StatusCode != 403 || !strings.Contains(got.problem(), "another site") {
		t.Errorf("the marketing site may act for a user: %d %s", got.StatusCode, got.body)
	}
}

func TestConnectionsToSlicesAreReused(t *testing.T) {
	slice := newSlice(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) })
	b := setup(t, slice.port)
	cookie := b.customer("ann@example.com", slice)
	seen := map[string]bool{}
	for range 20 {
		seen[b.get("/api/status", cookie).body] = true
	}
	// One keepalive cache for each of nginx's workers.
	if len(seen) > 4 {
		t.Errorf("20 requests took %d connections", len(seen))
	}
}
