package logs_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/runner/logs"
	"slicegate/store"
	"slicegate/store/storetest"
)

// bundle is a relay over rows and an engine with a fleet of its own.
type bundle struct {
	t       *testing.T
	db      storetest.Database
	queries *store.Queries
	api     *client.Client
	engine  *docker.Engine
	fleet   string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	b := &bundle{t: t, db: storetest.New(t), api: dockertest.Client(t), fleet: dockertest.Fleet(t)}
	b.queries = store.New(b.db.Pool)
	engine, err := docker.Open(t.Context(), docker.Config{Host: os.Getenv("DOCKER_HOST"), Fleet: b.fleet, WAEngine: "simulated"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	b.engine = engine
	return b
}

// relay runs one until stop.
func (b *bundle) relay() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	relay := &logs.Relay{Pool: b.db.Pool, Rows: b.queries, Containers: b.engine, Server: "test", Clock: time.Now, Every: 300 * time.Millisecond}
	go func() { defer close(ended); relay.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	b.t.Cleanup(stop)
	return stop
}

// container starts one of a slice that runs a script.
func (b *bundle) container(slice int64, script string) {
	b.t.Helper()
	made, err := b.api.ContainerCreate(b.t.Context(), &container.Config{
		Image: dockertest.Image(b.t), Entrypoint: []string{"node", "-e", script},
		Labels: map[string]string{docker.LabelFleet: b.fleet, docker.LabelSlice: fmt.Sprint(slice)},
	}, &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "2m", "max-file": "2"}}},
		nil, nil, fmt.Sprintf("%s-%d", b.fleet, slice))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.api.ContainerStart(b.t.Context(), made.ID, container.StartOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// remove takes a slice's container away.
func (b *bundle) remove(slice int64) {
	b.t.Helper()
	if err := b.api.ContainerRemove(b.t.Context(), fmt.Sprintf("%s-%d", b.fleet, slice), container.RemoveOptions{Force: true}); err != nil {
		b.t.Fatal(err)
	}
}

// open asks for a slice's log, as a function does.
func (b *bundle) open(slice int64, wanted time.Duration) (tail int64) {
	b.t.Helper()
	now := time.Now()
	tail, err := b.queries.OpenTail(b.t.Context(), store.OpenTailParams{SliceID: slice, Server: "test", Actor: "admin:1", Now: now, Until: now.Add(wanted)})
	if err == nil {
		err = b.queries.TellTail(b.t.Context(), "test")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return tail
}

func (b *bundle) lines(tail int64) []store.LogLinesAfterRow {
	b.t.Helper()
	all, err := b.queries.LogLinesAfter(b.t.Context(), store.LogLinesAfterParams{TailID: tail, Most: 5000})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// text is what a tail has so far, a stream and a line in each.
func (b *bundle) text(tail int64) string {
	var text strings.Builder
	for _, line := range b.lines(tail) {
		fmt.Fprintf(&text, "%s: %s\n", line.Stream, line.Line)
	}
	return text.String()
}

func (b *bundle) until(what string, condition func() bool) {
	b.t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within a minute: %s", what)
		}
		<-tick.C
	}
}

func (b *bundle) says(tail int64, want string) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the tail has\n%.3000s", b.text(tail))
		}
	}()
	b.until(want, func() bool { return strings.Contains(b.text(tail), want) })
}

func TestWhatAContainerWritesIsRelayedOneAfterTheOther(t *testing.T) {
	b := setup(t)
	b.relay()
	tail := b.open(7, time.Hour)
	b.says(tail, "relay: There is no container. It is followed when there is one.")
	b.container(7, `
		console.log("\x1b[31mred\x1b[0m bell \x07 nul \x00 turned \u202egnp");
		console.error("trouble");
		process.stdout.write(Buffer.from([0x61, 0xff, 0x62, 0x0a]));
		console.log("x".repeat(9000));
		setTimeout(() => { console.log("later"); process.exit(3) }, 1500);`)
	b.says(tail, "relay: The container has ended with code 3. Its next one is followed when there is one.")
	text := b.text(tail)
	for _, want := range []string{
		"stdout: red bell ␇ nul ␀ turned �gnp\n", "stderr: trouble\n", "stdout: a�b\n", "stdout: " + strings.Repeat("x", 4096) + " … (cut)\n", "stdout: later\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%.60q is there %d times:\n%.2000s", want, strings.Count(text, want), text)
		}
	}
	b.remove(7)
	b.container(7, `console.log("the second"); setInterval(() => {}, 1000)`)
	b.says(tail, "relay: Its container has started.\nstdout: the second\n")
	if n := strings.Count(b.text(tail), "later"); n != 1 {
		t.Errorf("what the first wrote last is there %d times", n)
	}
	b.remove(7)
	b.until("its end is told", func() bool { // of a container that is just being removed, or has been
		return strings.Contains(b.text(tail), "The container has been removed.") || strings.Contains(b.text(tail), "The container has ended with code 137.")
	})
}

func TestAFloodIsCutInWordsAndTheNewestAreKept(t *testing.T) {
	b := setup(t)
	b.relay()
	b.container(8, `for (let i = 0; i < 20000; i++) console.log("before " + i); setInterval(() => { for (let i = 0; i < 500; i++) console.log("line " + i) }, 200)`)
	tail := b.open(8, time.Hour)
	b.until("more than a thousand lines have come", func() bool {
		lines := b.lines(tail)
		return len(lines) > 0 && lines[len(lines)-1].Seq > 1700
	})
	lines := b.lines(tail)
	// A reader may come between the lines' coming and the going of the oldest.
	if len(lines) < 900 || len(lines) > 1500 {
		t.Errorf("%d lines are kept", len(lines))
	}
	left := 0
	for i, line := range lines {
		if line.Stream == "relay" && strings.Contains(line.Line, " lines left out: it writes more than 200 a second") {
			left++
		}
		if i > 0 && line.Seq != lines[i-1].Seq+1 {
			t.Errorf("%d comes after %d", line.Seq, lines[i-1].Seq)
		}
	}
	if left == 0 {
		t.Error("nothing says that lines were left out")
	}
	first, newest := lines[0], lines[len(lines)-1]
	if span := newest.At.Sub(first.At); span > 0 && float64(len(lines))/span.Seconds() > 700 {
		t.Errorf("%d lines in %v", len(lines), span)
	}
}

func TestATailIsRelayedAsLongAsItIsWantedAndByWhoeverWorks(t *testing.T) {
	b := setup(t)
	stop := b.relay()
	b.container(9, `let i = 0; setInterval(() => console.log("line " + i++), 20)`)
	tail := b.open(9, time.Hour)
	b.says(tail, "stdout: line 5\n")

	// Another runner goes on where the first was, and leaves nothing out.
	stop()
	reached := len(b.lines(tail))
	stop = b.relay()
	b.says(tail, "relay: The relay begins anew where it was.\n")
	b.until("more comes", func() bool { return len(b.lines(tail)) > reached+50 })
	counted := 0
	for _, line := range b.lines(tail) {
		if line.Stream == "stdout" {
			if want := fmt.Sprintf("line %d", counted); line.Line != want {
				t.Fatalf("%q comes where %q should", line.Line, want)
			}
			counted++
		}
	}

	// Nobody looks any more.
	b.exec("UPDATE gateway.log_tails SET wanted_until = now() - interval '1 second'")
	quiet := func() (n int64) {
		lines := b.lines(tail)
		return lines[len(lines)-1].Seq
	}
	var last int64
	b.until("nothing more comes", func() bool {
		before := last
		last = quiet()
		return before == last
	})
	b.exec("UPDATE gateway.log_tails SET wanted_until = now() - interval '2 minutes'")
	b.until("it is swept", func() bool { return b.count("SELECT count(*) FROM gateway.log_tails") == 0 })
	if n := b.count("SELECT count(*) FROM gateway.log_lines"); n != 0 {
		t.Errorf("%d lines are left", n)
	}
	// One of a server that has no runner is swept by any other.
	b.exec("INSERT INTO gateway.log_tails (slice_id, server, actor, opened_at, wanted_until) VALUES (1, 'dead', 'admin:1', now(), now() - interval '2 minutes')")
	b.until("it is swept", func() bool { return b.count("SELECT count(*) FROM gateway.log_tails") == 0 })
	stop()
}

func TestOfOtherServersNothingIsRelayed(t *testing.T) {
	b := setup(t)
	b.relay()
	b.container(10, `console.log("hello"); setInterval(() => {}, 1000)`)
	b.exec("INSERT INTO gateway.log_tails (slice_id, server, actor, opened_at, wanted_until) VALUES (10, 'other', 'admin:1', now(), now() + interval '1 hour')")
	b.says(b.open(10, time.Hour), "stdout: hello\n")
	if n := b.count("SELECT count(*) FROM gateway.log_lines l JOIN gateway.log_tails t ON t.id = l.tail_id WHERE t.server = 'other'"); n != 0 {
		t.Errorf("%d lines", n)
	}
}

func (b *bundle) exec(statement string) {
	b.t.Helper()
	if _, err := b.db.Pool.Exec(b.t.Context(), statement); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) count(query string) (n int) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(b.t.Context(), query).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}
