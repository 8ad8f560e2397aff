package observe_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/config/observe"
)

func open(t *testing.T) *observe.Endpoint {
	t.Helper()
	endpoint, err := observe.Open("RUNNER_METRICS", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(endpoint.Close)
	return endpoint
}

func get(t *testing.T, endpoint *observe.Endpoint, path string) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + endpoint.Address() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func TestWhatIsNotReadyIsNamedAndHealthDoesNotAsk(t *testing.T) {
	t.Parallel()
	endpoint := open(t)
	var broken atomic.Bool
	endpoint.Alive = []observe.Check{{Name: "loop", Ask: func(context.Context) error { return nil }}}
	endpoint.Ready = []observe.Check{
		{Name: "good", Ask: func(context.Context) error { return nil }},
		{Name: "first", Ask: func(context.Context) error {
			if broken.Load() {
				return errors.New("it is \"broken\"")
			}
			return nil
		}},
		// One that never answers by itself is given up.
		{Name: "slow", Ask: func(ctx context.Context) error {
			if !broken.Load() {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}},
	}
	endpoint.Start()
	if status, body := get(t, endpoint, "/readyz"); status != http.StatusOK || strings.TrimSpace(body) != "[]" {
		t.Errorf("all is well, and it says %d %s", status, body)
	}
	broken.Store(true)
	status, body := get(t, endpoint, "/readyz")
	var problems []observe.Problem
	if err := json.Unmarshal([]byte(body), &problems); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if status != http.StatusServiceUnavailable || len(problems) != 2 || problems[0] != (observe.Problem{Name: "first", Why: `it is "broken"`}) || problems[1].Name != "slow" {
		t.Errorf("it says %d %+v", status, problems)
	}
	if status, _ := get(t, endpoint, "/healthz"); status != http.StatusOK {
		t.Errorf("what it depends on is broken, and it says of itself %d", status)
	}
	if _, body := get(t, endpoint, "/metrics"); !strings.Contains(body, "go_build_info") || !strings.Contains(body, "process_resident_memory_bytes") {
		t.Errorf("figures of the process are missing:\n%s", body)
	}
}

func TestALoopThatStandsStillIsNotHealthy(t *testing.T) {
	t.Parallel()
	endpoint, now := open(t), time.Now()
	loop := observe.Loop{Name: "heartbeat", Within: time.Minute, Clock: func() time.Time { return now }}
	endpoint.Alive = []observe.Check{loop.Check()}
	endpoint.Start()
	if status, body := get(t, endpoint, "/healthz"); status != http.StatusOK {
		t.Errorf("it has not begun: %d %s", status, body)
	}
	loop.Turn()
	now = now.Add(time.Minute)
	if status, body := get(t, endpoint, "/healthz"); status != http.StatusOK {
		t.Errorf("it turns: %d %s", status, body)
	}
	now = now.Add(time.Second)
	if status, body := get(t, endpoint, "/healthz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "heartbeat") || !strings.Contains(body, "1m1s") {
		t.Errorf("it has stopped: %d %s", status, body)
	}
	loop.Turn()
	if status, body := get(t, endpoint, "/healthz"); status != http.StatusOK {
		t.Errorf("it turns again: %d %s", status, body)
	}
}

func TestAnAddressThatIsTakenIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = observe.Open("FUNCTIONS_METRICS", other.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "set FUNCTIONS_METRICS to another address or to off") || !strings.Contains(err.Error(), other.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestOffServesNothing(t *testing.T) {
	t.Parallel()
	endpoint, err := observe.Open("RUNNER_METRICS", "off")
	if err != nil {
		t.Fatal(err)
	}
	endpoint.Start()
	if endpoint.Address() != "" {
		t.Errorf("it serves on %s", endpoint.Address())
	}
	endpoint.Close()
}
