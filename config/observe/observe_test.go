package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"slicegate/config/observe"
)

func TestARequestKeepsItsIdAndAStrangersWordIsNone(t *testing.T) {
	t.Parallel()
	var seen string
	handler := observe.Requests(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = observe.Request(r.Context()) }))
	ask := func(header string) string {
		request := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			request.Header.Set("X-Request-Id", header)
		}
		handler.ServeHTTP(httptest.NewRecorder(), request)
		return seen
	}
	id := strings.Repeat("0a", 16)
	if got := ask(id); got != id {
		t.Errorf("nginx's id %s became %s", id, got)
	}
	for _, header := range []string{"", "1234", strings.ToUpper(id), id + "0", id[:31] + "\n", "x" + id[1:]} {
		first, second := ask(header), ask(header)
		if len(first) != 32 || first == header || first == second {
			t.Errorf("%q: the ids are %q and %q, not new ones", header, first, second)
		}
	}
}

func TestEveryLineSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(observe.Logs(slog.NewJSONHandler(&out, nil))).With("slice", 7)
	id := strings.Repeat("ab", 16)
	about := observe.WithJob(observe.WithRequest(context.Background(), id), 12)
	for _, test := range []struct {
		ctx          context.Context
		request, job any
	}{
		{context.Background(), nil, nil},
		{about, id, 12.0},
		{observe.WithRequest(about, "not an id"), id, 12.0},
	} {
		out.Reset()
		log.WarnContext(test.ctx, "words")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", out.String(), err)
		}
		if line["request"] != test.request || line["job"] != test.job || line["slice"] != 7.0 {
			t.Errorf("got %v, want request %v and job %v", line, test.request, test.job)
		}
	}
}
