package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
)

// phone is a slice with the real engine on the page that plays WhatsApp Web, and its user's port.
type phone struct {
	*bundle
	spec jobs.Spec
	port int
}

type status struct {
	State, Reason string
	PhoneNumber   string
	StandIn       bool
	Engine        string
}

// withChromium makes a fleet's slices run the real engine on the page of the image.
func withChromium(profile string) func(*docker.Config) {
	return func(config *docker.Config) {
		config.WAEngine, config.StandIn, config.ChromiumProfile = "webjs", true, profile
	}
}

// newPhone describes a slice; run starts it.
func newPhone(t testing.TB, image string, change func(*docker.Config)) *phone {
	t.Helper()
	b := setupWith(t, change)
	p := &phone{bundle: b, port: dockertest.Port()}
	p.spec = b.spec(image, p.port)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(b.engine.LastWords(context.Background(), p.spec.Slice))
		}
	})
	return p
}

// ask sends JSON to the user's port and decodes the answer into into, if it is not nil.
func (p *phone) ask(method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path), sent)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func (p *phone) must(method, path string, body, into any) {
	p.t.Helper()
	if err := p.ask(method, path, body, into); err != nil {
		p.t.Fatal(err)
	}
}

// until asks until the condition holds, and gives up with what was last said.
func (p *phone) until(what string, within time.Duration, condition func() (bool, string)) {
	p.t.Helper()
	for deadline := time.Now().Add(within); ; {
		held, said := condition()
		if held {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("never in %s: %s; at last: %s", within, what, said)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *phone) state(want string) {
	p.t.Helper()
	p.until("state "+want, 90*time.Second, func() (bool, string) {
		var found status
		err := p.ask(http.MethodGet, "/api/status", nil, &found)
		return err == nil && found.State == want, fmt.Sprintf("%+v, %v", found, err)
	})
}

type message struct {
	ID, ChatID, Text, Ack string
	FromMe                bool
}

func (p *phone) messages(chat string) []message {
	var page struct{ Messages []message }
	if err := p.ask(http.MethodGet, "/api/chats/"+chat+"/messages?limit=200", nil, &page); err != nil {
		return nil
	}
	return page.Messages
}

// has waits for exactly one message of that text, as far as ack.
func (p *phone) has(chat, text, ack string) {
	p.t.Helper()
	count := 0
	p.until("one message “"+text+"”, ack "+ack, 60*time.Second, func() (bool, string) {
		count = 0
		said := ""
		for _, one := range p.messages(chat) {
			if one.Text == text {
				count++
				said = one.Ack
			}
		}
		return count == 1 && said == ack, fmt.Sprintf("%d, ack %q", count, said)
	})
}

// pids are the processes of the slice, as the host numbers them.
func (p *phone) pids() map[int]string {
	p.t.Helper()
	top, err := p.api.ContainerTop(context.Background(), p.name(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	column := map[string]int{}
	for i, title := range top.Titles {
		column[title] = i
	}
	found := map[int]string{}
	for _, process := range top.Processes {
		pid, err := strconv.Atoi(process[column["PID"]])
		if err != nil {
			p.t.Fatal(err)
		}
		found[pid] = process[column["CMD"]]
	}
	return found
}

func (p *phone) name() string { return fmt.Sprintf("%s-%d", p.fleet, p.spec.Slice) }

// renderers are the user namespaces and seccomp modes of the processes that run the page, and
// of the backend.
func (p *phone) sandbox() (backend string, renderers []string) {
	p.t.Helper()
	for pid, command := range p.pids() {
		namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
		if err != nil {
			continue // it has ended
		}
		switch {
		case strings.Contains(command, "--type=renderer"):
			renderers = append(renderers, namespace)
		case strings.Contains(command, "dist/main.js") && !strings.Contains(command, "docker-init"):
			backend = namespace
		}
	}
	return backend, renderers
}

func TestTheRealEngineInItsBox(t *testing.T) {
	for _, profile := range []string{"sandboxed", "lean"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			p := newPhone(t, dockertest.WebJSImage(t), withChromium(profile))
			p.run()
			p.state("qr")
			p.atTheCode(profile)
			p.must(http.MethodPost, "/api/simulated/scan", nil, nil)
			p.state("ready")

			var found status
			p.must(http.MethodGet, "/api/status", nil, &found)
			if found.Engine != "webjs" || !found.StandIn || !strings.HasPrefix(found.PhoneNumber, "+") {
				t.Errorf("status %+v", found)
			}
			p.converse("one")
			p.must(http.MethodPost, "/api/simulated/drop", map[string]any{"seconds": 2}, nil)
			p.state("disconnected")
			p.state("ready")
			p.converse("two")

			p.stopsInOrder()
			p.run()
			p.state("ready") // without a scan: the profile on the volume holds the link
			p.converse("three")

			// As by a power cut: Chromium's lock on the profile stays behind.
			if err := p.api.ContainerKill(context.Background(), p.name(), "KILL"); err != nil {
				t.Fatal(err)
			}
			p.run()
			p.state("ready")
			for _, round := range []string{"one", "two", "three"} {
				p.has(chat, "in "+round, "")
				p.has(chat, "out "+round, "read")
			}
		})
	}
}

const chat = "15550109999@c.us"

// converse lets a message come in and sends one out.
func (p *phone) converse(round string) {
	p.t.Helper()
	p.must(http.MethodPost, "/api/simulated/receive", map[string]string{"from": "+15550109999", "name": "Ada", "text": "in " + round}, nil)
	p.has(chat, "in "+round, "")
	p.must(http.MethodPost, "/api/messages", map[string]string{"to": chat, "text": "out " + round}, nil)
	p.has(chat, "out "+round, "read")
}

// atTheCode looks at a slice that shows its code: its size, and whether the page is in a sandbox.
func (p *phone) atTheCode(profile string) {
	p.t.Helper()
	if used := p.memory(); used > 512<<20 {
		p.t.Errorf("%d MB at the code", used>>20)
	}
	backend, renderers := p.sandbox()
	switch profile {
	case "sandboxed":
		if backend == "" || len(renderers) == 0 {
			p.t.Fatalf("backend in %q, renderers in %v", backend, renderers)
		}
		for _, one := range renderers {
			if one == backend {
				p.t.Errorf("a renderer is in the backend's user namespace %s: no sandbox", one)
			}
		}
	case "lean":
		if len(renderers) != 0 {
			p.t.Errorf("a process for the page alone: %v", renderers)
		}
	}
}

// memory is what the container has resident, in bytes, without the cache of files.
func (p *phone) memory() uint64 {
	p.t.Helper()
	answer, err := p.api.ContainerStatsOneShot(context.Background(), p.name())
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var stats container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		p.t.Fatal(err)
	}
	for _, name := range []string{"total_rss", "anon"} { // cgroup v1, v2
		if bytes, ok := stats.MemoryStats.Stats[name]; ok {
			return bytes
		}
	}
	p.t.Fatalf("no size in %+v", stats.MemoryStats.Stats)
	return 0
}

// stopsInOrder sends SIGTERM and wants the end in order within the contract's time.
func (p *phone) stopsInOrder() {
	p.t.Helper()
	ctx := context.Background()
	patience := int(docker.StopWithin.Seconds())
	if err := p.api.ContainerStop(ctx, p.name(), container.StopOptions{Timeout: &patience}); err != nil {
		p.t.Fatal(err)
	}
	found, err := p.api.ContainerInspect(ctx, p.name())
	if err != nil {
		p.t.Fatal(err)
	}
	if found.State.ExitCode != 0 {
		p.t.Errorf("ended with %d: %s", found.State.ExitCode, p.engine.LastWords(ctx, p.spec.Slice))
	}
	if locks, _ := filepath.Glob(p.spec.Directory + "/session/session*/Singleton*"); len(locks) != 0 {
		p.t.Errorf("left behind: %v", locks)
	}
}

func (p *phone) run() {
	p.t.Helper()
	if _, err := p.engine.Run(context.Background(), p.spec); err != nil {
		p.t.Fatal(err)
	}
}
