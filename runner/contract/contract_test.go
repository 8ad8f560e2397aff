package contract_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/runner/contract"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
	"slicegate/store/storetest"
)

// TestMain runs many at once: these tests wait for containers more than they compute. The engine
// has addresses for some thirty networks, one for each of them.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "6")
	os.Exit(m.Run())
}

func options(t *testing.T, image string) contract.Options {
	t.Helper()
	return contract.Options{
		Image: image, Slices: storetest.Slices(t), RoleKey: [32]byte{3}, Root: dockertest.Scratch(t), Walls: true,
		Docker: docker.Config{
			Host: os.Getenv("DOCKER_HOST"), SocketDir: dockertest.Sockets(t), WAEngine: "simulated",
			Limits: docker.Limits{Memory: 256 << 20, CPUs: 1, Pids: 128, MediaQuota: 1 << 30},
		},
		AnswerWithin: 20 * time.Second, LinkWithin: 20 * time.Second, IdleWithin: 20 * time.Second,
	}
}

// findings runs the checks and gives the marks by promise.
func findings(t *testing.T, options contract.Options) (map[string]contract.Mark, bool) {
	t.Helper()
	marks := map[string]contract.Mark{}
	ok, err := contract.Check(context.Background(), options, func(found contract.Finding) {
		marks[found.Promise] = found.Mark
		if found.Mark != contract.Keeps {
			t.Logf("%s: %s: %s", found.Promise, found.Mark, found.Seen)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return marks, ok
}

func TestOurImagesKeepEverything(t *testing.T) {
	simulated, webjs := options(t, dockertest.Image(t)), options(t, dockertest.WebJSImage(t))
	webjs.Docker.WAEngine, webjs.Docker.StandIn, webjs.Docker.ChromiumProfile = "webjs", true, docker.Sandboxed
	webjs.Docker.Limits.Memory, webjs.Docker.Limits.Pids, webjs.LinkWithin = 512<<20, 256, time.Minute
	for engine, asked := range map[string]contract.Options{"simulated": simulated, "webjs": webjs} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			marks, ok := findings(t, asked)
			for promise, mark := range marks {
				if mark != contract.Keeps {
					t.Errorf("%s: %s", promise, mark)
				}
			}
			if !ok || len(marks) < 20 {
				t.Errorf("ok %v, %d promises", ok, len(marks))
			}
		})
	}
}

// An image of another make keeps the contract, and each flaw in it is found by the check that is for it.
func TestFlawsAreFound(t *testing.T) {
	t.Parallel()
	image := dockertest.SmallImage(t)
	const status, metrics = "GET /status on port 4002: the same status", "GET /metrics: Prometheus text"
	const probe = "POST /probe asks the page whether it lives: {alive, status}"
	const quota, export = "PUT /quota sets how many bytes the media may take up", "GET /export on port 4002: the same ZIP"
	lacking := map[string][]string{"one port": {status}, "status": {status}, "platform": {status, metrics}, "no probe": {probe}, "old quota": {quota}, "no export": {export}}
	for flaw, broken := range map[string]string{
		"none":        "",
		"one port":    "", // what else is asked there is not asked then
		"platform":    "",
		"no probe":    "",
		"old quota":   "",
		"no export":   "",
		"probe":       "POST /probe",
		"port":        "answers on port 4001",
		"root":        "answers on port 4001",
		"files":       "answers on port 4001",
		"status":      "GET /api/status: ,POST /messages,POST /probe,GET /status,Socket.IO,links,starts again,POST /api/messages,DELETE /api/data",
		"state":       "GET /api/status/state",
		"words":       "refuses in words,DELETE /api/data,PUT /quota,POST /messages",
		"open":        "has nothing of the platform's port",
		"events":      "Socket.IO",
		"quota":       "PUT /quota",
		"alert":       "POST /messages",
		"link":        "links",
		"pending":     "POST /api/messages",
		"export":      "GET /api/export,GET /export",
		"connections": "has two connections",
		"log":         "its log",
		"text":        "its log",
		"term":        "stops within 20 s,stops in order",
		"exit":        "stops within 20 s,stops in order",
		"forgets":     "starts again",
		"careless":    "DELETE /api/data",
		"keeps data":  "DELETE /api/data",
		"memory":      "memory at rest",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			marks, ok := findings(t, flawed(t, image, flaw))
			if ok != (broken == "") {
				t.Errorf("the image may be a slice: %v", ok)
			}
			allowed := strings.Split(broken, ",")
			found := false
			for promise, mark := range marks {
				if mark != contract.Breaks {
					continue
				}
				found = found || strings.HasPrefix(promise, allowed[0])
				if !slices.ContainsFunc(allowed, func(one string) bool { return one != "" && strings.HasPrefix(promise, one) }) {
					t.Errorf("also broken: %s", promise)
				}
			}
			if broken != "" && !found {
				t.Errorf("%s is not found broken", allowed[0])
			}
			for promise, mark := range marks {
				lacks := slices.Contains(lacking[flaw], promise)
				if lacks != (mark == contract.Lacks) {
					t.Errorf("what it need not have: %s: %s", promise, mark)
				}
			}
		})
	}
}

func TestAnImageThatIsNotHere(t *testing.T) {
	t.Parallel()
	marks, ok := findings(t, options(t, "no-such-image:1"))
	if ok || marks["is here"] != contract.Breaks || marks["GET /api/export: a ZIP of messages, contacts and media"] != contract.Unasked {
		t.Errorf("ok %v: %v", ok, marks)
	}
}

// Who loses patience leaves nothing behind, and what a killed run left goes with the next.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked := options(t, dockertest.Image(t))
	if _, err := contract.Check(ctx, asked, func(found contract.Finding) {
		if found.Part == "user port" {
			cancel()
		}
	}); err == nil {
		t.Error("it went on")
	}
	if entries, err := os.ReadDir(filepath.Join(asked.Root, "slices")); err != nil || len(entries) > 0 {
		t.Errorf("directories: %v, %v", entries, err)
	}

	killed, stop := contract.Abandon(t, asked)
	if err := contract.RemoveLeftovers(context.Background(), asked); err != nil {
		t.Fatal(err)
	}
	if !contract.Exists(t, asked, killed) {
		t.Error("one that is being asked was taken away")
	}
	stop()
	if err := contract.RemoveLeftovers(context.Background(), asked); err != nil {
		t.Fatal(err)
	}
	if contract.Exists(t, asked, killed) {
		t.Error("what a killed run left is still there")
	}
}

// flawed asks the image for a slice with one flaw.
func flawed(t *testing.T, image, flaw string) contract.Options {
	t.Helper()
	asked := options(t, image)
	asked.Docker.Env = []string{"FLAW=" + flaw}
	return asked
}
