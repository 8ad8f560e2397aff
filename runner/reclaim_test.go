package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/config"
	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/probe"
	"slicegate/runner/reclaim"
	"slicegate/store"
)

// memory gives a bundle's runner the counting of packets and the controller, as `runner work` has them
// but for their pace.
func (b *bundle) memory() (jobs.Hands, []func(context.Context)) {
	b.t.Helper()
	b.settings.ProbePins = "/sys/fs/bpf"
	hands := b.hands()
	engine := hands.Containers.(*docker.Engine)
	counted := openTraffic(context.Background(), b.settings, engine.CgroupParent())
	if counted.why != nil {
		b.t.Fatal(counted.why)
	}
	b.t.Cleanup(func() {
		_ = counted.close()
		if err := probe.Remove(filepath.Join(b.settings.ProbePins, "slicegate-"+b.settings.Fleet)); err != nil {
			b.t.Error(err)
		}
	})
	hands.Traffic = counted
	controller := &reclaim.Controller{
		Rows: store.New(b.db.Pool), Server: b.settings.Server, Every: time.Second, Memory: cgroup.Memory{Root: "/"}, Limit: int64(b.settings.SliceMemory),
		Traffic: counted, Containers: engine, Clock: time.Now,
		Settings: reclaim.Settings{
			After: 15 * time.Second, SwapUse: 0.9, Rate: 100 << 20, SwapIn: 1e6, Refaults: 64, Upstream: 64 << 10, Watch: 8 * time.Second, Reserve: 64 << 20,
		},
	}
	return hands, []func(context.Context){
		counted.watch, controller.Run,
		func(ctx context.Context) { reclaim.Listen(ctx, b.db.Pool, controller.Wake) },
	}
}

func TestAnIdleSliceIsPushedOutAndOneInUseIsNot(t *testing.T) {
	b := setup(t, func(s *config.Runner) {
		s.SliceImage, s.PoolSize, s.SampleEvery = dockertest.Image(t), 0, 5*time.Second
	})
	cgrouptest.Swap(t, 1<<30)
	hands, besides := b.memory()
	stop := b.work(hands, besides...)
	a := &auth.Auth{Pool: b.db.Pool, Jobs: b.client(), Signer: session.NewSigner([32]byte{1}), SessionLife: time.Hour, TrialDays: 14, Clock: time.Now}
	for _, name := range []string{"idle", "used"} {
		if _, _, _, err := a.Register(t.Context(), name+"@example.com", "hash"); err != nil {
			t.Fatal(err)
		}
	}
	b.until("both have a slice", 3*time.Minute, func() bool { return b.slices("assigned") == 2 })
	of := func(name string) int64 {
		return int64(b.count(fmt.Sprintf("SELECT s.id FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id WHERE u.email = '%s@example.com'", name)))
	}
	idle, used := of("idle"), of("used")
	// As much as a browser holds, and mostly does not touch.
	port := b.count(fmt.Sprintf("SELECT port FROM gateway.slices WHERE id = %d", idle))
	request, err := http.NewRequest(http.MethodPut, fmt.Sprintf("http://127.0.0.1:%d/api/simulated/memory", port), strings.NewReader(`{"bytes": 104857600}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/api/status", b.count(fmt.Sprintf("SELECT port FROM gateway.slices WHERE id = %d", used)))
	// Before their first request they are as idle as the other.
	if answer, err := http.Get(url); err != nil {
		t.Fatal(err)
	} else if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	came := time.Now()
	ctx, leave := context.WithCancel(t.Context())
	var user sync.WaitGroup
	user.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		client := http.Client{Timeout: 5 * time.Second}
		for ctx.Err() == nil {
			if answer, err := client.Get(url); err == nil {
				_ = answer.Body.Close()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	defer user.Wait()
	defer leave()

	defer func() {
		if t.Failed() {
			b.print("SELECT to_json(s) FROM (SELECT slice_id, timestamp, rss_bytes, swap_bytes, idle_seconds, user_bytes, seconds FROM gateway.telemetry ORDER BY 2, 1) s")
			b.print("SELECT to_json(s) FROM (SELECT slice_id, at, given_bytes, reason FROM gateway.reclaims ORDER BY 2) s")
			b.print("SELECT to_json(s) FROM gateway.wakes s")
		}
	}()
	// steps counts those that began after a time.
	steps := func(slice int64, since time.Time) (n int) {
		if err := b.db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM gateway.reclaims WHERE slice_id = $1 AND at - took_us * interval '1 microsecond' > $2", slice, since).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	count := func(format string, args ...any) int { return b.count(fmt.Sprintf(format, args...)) }
	b.until("half of the idle slice's memory is in swap", 5*time.Minute, func() bool {
		return count("SELECT count(*) FROM gateway.telemetry WHERE slice_id = %d AND swap_bytes > rss_bytes", idle) > 0
	})
	if n := steps(idle, time.Time{}); n < 3 {
		t.Errorf("%d steps", n)
	}
	if n := steps(used, came); n != 0 {
		t.Errorf("%d steps into a slice in session", n)
	}
	b.until("rows say that the used slice is used", 2*time.Minute, func() bool {
		return count("SELECT count(*) FROM gateway.telemetry WHERE slice_id = %d AND user_bytes > 100 AND idle_seconds < 15", used) >= 2
	})
	b.until("rows of the server say so too", 2*time.Minute, func() bool {
		return count("SELECT count(*) FROM gateway.server_telemetry WHERE total_slices = 2 AND active_slices >= 1 AND swap_used_bytes > 0") >= 2
	})

	// As the login does, before it has checked the password.
	owner := int64(count("SELECT user_id FROM gateway.slices WHERE id = %d", idle))
	if err := store.New(b.db.Pool).WantSlice(t.Context(), store.WantSliceParams{UserID: owner, Cause: "login"}); err != nil {
		t.Fatal(err)
	}
	b.until("the wake is written down", 3*time.Minute, func() bool {
		return count("SELECT count(*) FROM gateway.wakes WHERE slice_id = %d AND cause = 'login' AND prefetched_bytes > 1000000 AND idle_seconds >= 5", idle) == 1
	})
	// The user of the other slice leaves, an operator wants it left alone, and the runner is restarted.
	leave()
	if err := orderReclaim(t.Context(), b.db.Pool, b.settings.Server, reclaimOrder{word: "exempt", slice: used}); err != nil {
		t.Fatal(err)
	}
	stop()
	before := count("SELECT count(*) FROM gateway.reclaims WHERE slice_id = %d", idle)
	hands, besides = b.memory()
	b.work(hands, besides...)
	b.until("the idle slice is pushed out again", 5*time.Minute, func() bool {
		return count("SELECT count(*) FROM gateway.reclaims WHERE slice_id = %d", idle) > before+2
	})
	if n := steps(used, came); n != 0 {
		t.Errorf("%d steps into a slice that is exempt", n)
	}
	var shown bytes.Buffer
	if err := showReclaim(t.Context(), b.db.Pool, b.settings.Server, time.Now(), &shown); err != nil || !strings.Contains(shown.String(), "exempt") {
		t.Errorf("%v\n%s", err, shown.String())
	}
}

// print shows rows, for a failure.
func (b *bundle) print(query string) {
	b.t.Helper()
	rows, err := b.db.Pool.Query(context.Background(), query)
	if err != nil {
		b.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Log(strings.Join(lines, "\n"))
}

func TestTheOrdersOfReclaim(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]reclaimOrder{
		"status":   {word: "status"},
		"now 3":    {word: "now", slice: 3},
		"exempt 3": {word: "exempt", slice: 3},
		"pause":    {word: "pause"},
		"resume":   {word: "resume"},
		"resume 3": {word: "resume", slice: 3},
	} {
		if order, err := parseReclaim(strings.Fields(words)); err != nil || order != want {
			t.Errorf("%q: %+v, %v", words, order, err)
		}
	}
	for _, words := range []string{"", "stop", "status 3", "pause 3", "now", "exempt", "resume 3 4"} {
		if _, err := parseReclaim(strings.Fields(words)); err == nil || err.Error() != usage {
			t.Errorf("%q: %v", words, err)
		}
	}
	if _, err := parseReclaim([]string{"exempt", "x"}); err == nil || !strings.Contains(err.Error(), `"x" is no number of a slice`) {
		t.Errorf("%v", err)
	}
}

func TestReclaimIsPausedOfWhatIsThere(t *testing.T) {
	b := setup(t, nil)
	give := func(word string, slice int64) error {
		return orderReclaim(t.Context(), b.db.Pool, b.settings.Server, reclaimOrder{word, slice})
	}
	if err := give("exempt", 99); err == nil || !strings.Contains(err.Error(), "there is no slice 99") {
		t.Errorf("%v", err)
	}
	if err := give("now", 99); err == nil || !strings.Contains(err.Error(), "there is no slice 99") {
		t.Errorf("%v", err)
	}
	if err := give("pause", 0); err == nil || !strings.Contains(err.Error(), "no runner has worked for server test") {
		t.Errorf("%v", err)
	}
	if err := store.New(b.db.Pool).RegisterServer(t.Context(), store.RegisterServerParams{Name: "test", ConfiguredImage: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := give("pause", 0); err != nil {
		t.Error(err)
	}
	if told := b.count("SELECT count(*) FROM gateway.audit WHERE action = 'reclaim.pause' AND subject = 'server:test'"); told != 1 {
		t.Errorf("%d lines in the audit", told)
	}
}
