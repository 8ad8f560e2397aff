package figures_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"slicegate/functions/figures"
)

func TestRequestsAreCountedByPatternAndClassNeverByPath(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counted := figures.New(registry)
	router := figures.NewRouter()
	router.HandlerFunc("GET", "/slices/:id", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Has("panic"):
			panic(http.ErrAbortHandler)
		case r.Context().Err() != nil:
			return
		case strings.HasSuffix(r.URL.Path, "/404"):
			w.WriteHeader(http.StatusNotFound)
		}
		if _, err := w.Write([]byte("words")); err != nil {
			t.Error(err)
		}
		// What streams events needs it.
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	router.HandlerFunc("POST", "/nothing", func(http.ResponseWriter, *http.Request) {})
	handler := counted.Count("auth", router)
	left, leave := context.WithCancel(context.Background())
	leave()
	for _, request := range []*http.Request{
		httptest.NewRequest("GET", "/slices/4915112345678", nil), httptest.NewRequest("GET", "/slices/5", nil),
		httptest.NewRequest("GET", "/slices/404", nil), httptest.NewRequest("POST", "/nothing", nil),
		httptest.NewRequest("GET", "/ann@example.com", nil), httptest.NewRequest("BREW", "/slices/5", nil),
		httptest.NewRequest("GET", "/slices/6", nil).WithContext(left), httptest.NewRequest("GET", "/slices/6?panic", nil),
	} {
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), request)
		}()
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP slicegate_http_requests_total Requests that a function has answered, by the class of the status; gone: the client left before.
# TYPE slicegate_http_requests_total counter
slicegate_http_requests_total{function="auth",method="GET",route="/slices/:id",status="2xx"} 2
slicegate_http_requests_total{function="auth",method="GET",route="/slices/:id",status="4xx"} 1
slicegate_http_requests_total{function="auth",method="GET",route="/slices/:id",status="5xx"} 1
slicegate_http_requests_total{function="auth",method="GET",route="/slices/:id",status="gone"} 1
slicegate_http_requests_total{function="auth",method="POST",route="/nothing",status="2xx"} 1
slicegate_http_requests_total{function="auth",method="GET",route="none",status="4xx"} 1
slicegate_http_requests_total{function="auth",method="other",route="none",status="4xx"} 1
`), "slicegate_http_requests_total"); err != nil {
		t.Error(err)
	}
	if series, err := testutil.GatherAndCount(registry, "slicegate_http_request_duration_seconds"); err != nil || series != 4 {
		t.Errorf("%d series of durations, %v, want one for each function, route and method", series, err)
	}
}

func TestWhatIsOpenIsReadWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	registry, now := prometheus.NewRegistry(), figures.Access{Streams: 1}
	figures.Watch(registry, func() figures.Access { return now })
	now = figures.Access{Streams: 3, Upstreams: 2, Dropped: 1, Hits: 9, Misses: 4}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP slicegate_event_streams Event streams that are open to browsers.
# TYPE slicegate_event_streams gauge
slicegate_event_streams 3
# HELP slicegate_event_upstreams Slices whose events are listened to.
# TYPE slicegate_event_upstreams gauge
slicegate_event_upstreams 2
# HELP slicegate_event_streams_dropped_total Event streams that were ended because their browsers did not read.
# TYPE slicegate_event_streams_dropped_total counter
slicegate_event_streams_dropped_total 1
# HELP slicegate_session_lookups_total Sessions that were looked up, from memory (hit) or in Postgres (miss).
# TYPE slicegate_session_lookups_total counter
slicegate_session_lookups_total{result="hit"} 9
slicegate_session_lookups_total{result="miss"} 4
`)); err != nil {
		t.Error(err)
	}
}

func TestAnEventStreamPassesTheCounter(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	router, end := figures.NewRouter(), make(chan struct{})
	router.HandlerFunc("GET", "/events", func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		// As the event streams do: deadlines, and bytes that leave before the end.
		if err := control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if _, err := w.Write([]byte("data: {}\n\n")); err != nil {
			t.Error(err)
		}
		if err := control.Flush(); err != nil {
			t.Error(err)
		}
		<-end
	})
	server := httptest.NewServer(figures.New(registry).Count("proxy", router))
	defer server.Close()
	response, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "data: {}\n" {
		t.Errorf("while the stream is open, %q came, %v", line, err)
	}
	close(end)
}
