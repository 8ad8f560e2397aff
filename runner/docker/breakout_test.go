package docker_test

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/docker/dockertest"
)

// try runs JavaScript that prints what it got; "denied" when it throws.
func try(script string) string {
	return `const fs = require("fs"), cp = require("child_process")
		;(async () => { ` + script + ` })().catch(() => console.log("denied")).finally(() => process.exit())`
}

// asRole runs statements as the slice's own role, through the socket that is mounted, each of
// which is to fail; it prints those that did not.
func asRole(database string, statements ...string) string {
	var list []string
	for _, statement := range statements {
		list = append(list, fmt.Sprintf("%q", statement))
	}
	return try(`
		const pg = require("/app/node_modules/pg"), address = new URL(process.env.DATABASE_URL)
		address.pathname = "/` + database + `"
		const client = new pg.Client({ connectionString: address.href })
		await client.connect()
		const done = []
		for (const statement of [` + strings.Join(list, ", ") + `]) await client.query(statement).then(() => done.push(statement), () => {})
		await client.end()
		console.log(done.length ? "could: " + done.join("; ") : "denied")`)
}

// rootInside runs a program as root of a user namespace of the slice's own.
func rootInside(program ...string) string {
	var words []string
	for _, word := range append([]string{"-Ur"}, program...) {
		words = append(words, fmt.Sprintf("%q", word))
	}
	return try(`cp.execFileSync("unshare", [` + strings.Join(words, ", ") + `], { stdio: "ignore" }); console.log("did")`)
}

// Where Chromium's sandbox is on, a slice may make user namespaces. Being root in one gains it nothing.
func TestRootOfANamespaceIsRootOfNothing(t *testing.T) {
	t.Parallel()
	sandboxed := withChromium(docker.Sandboxed)
	b := setupWith(t, func(config *docker.Config) {
		sandboxed(config)
		config.Limits.Pids = 256
	})
	mine, theirs := b.spec(dockertest.WebJSImage(t), dockertest.Port()), b.spec(dockertest.Image(t), dockertest.Port())
	running, err := b.engine.Run(context.Background(), mine)
	if err != nil {
		t.Fatal(err)
	}
	b.answers(running)
	for _, wall := range []struct{ name, script, want string }{
		{"a namespace of its own", rootInside("true"), "did"},
		{"mounting", rootInside("mount", "-t", "tmpfs", "x", "/tmp"), "denied"},
		{"raw packets on the slices' network", rootInside("perl", "-e", "socket(my $s, 17, 3, 768) or exit 1"), "denied"},
		{"the neighbour's session", rootInside("ls", theirs.Directory+"/session"), "denied"},
		{"the root file system", rootInside("touch", "/app/x"), "denied"},
		{"the kernel's settings", rootInside("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"), "denied"},
		{"the control groups", rootInside("sh", "-c", "echo max > /sys/fs/cgroup/pids/pids.max || echo max > /sys/fs/cgroup/pids.max"), "denied"},
	} {
		if got := b.inside(mine.Slice, wall.script); got != wall.want {
			t.Errorf("%s: got %q, want %q", wall.name, got, wall.want)
		}
	}
}

// Attempts to get out of a running slice: into its neighbour, the platform or the machine.
func TestASliceBreaksOutOfNothing(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	pair := []jobs.Spec{b.spec(dockertest.Image(t), dockertest.Port()), b.spec(dockertest.Image(t), dockertest.Port())}
	var running []jobs.Running
	for _, spec := range pair {
		one, err := b.engine.Run(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		b.answers(one)
		running = append(running, one)
	}
	for i, mine := range pair {
		theirs := pair[1-i]
		address, err := url.Parse(theirs.DatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		for _, wall := range []struct{ name, script, want string }{
			{"it is nobody here", try(`console.log(process.getuid(), process.getgid(), process.getgroups().join())`), fmt.Sprintf("%d %d %d", mine.Owner, mine.Owner, mine.Owner)},
			{"it has no capability", try(`console.log(/CapEff:\s*(\w+)/.exec(fs.readFileSync("/proc/self/status"))[1], /CapBnd:\s*(\w+)/.exec(fs.readFileSync("/proc/self/status"))[1])`), "0000000000000000 0000000000000000"},
			{"it gains no privileges", try(`console.log(/NoNewPrivs:\s*(\w+)/.exec(fs.readFileSync("/proc/self/status"))[1])`), "1"},
			{"system calls are filtered", try(`console.log(/Seccomp:\s*(\w+)/.exec(fs.readFileSync("/proc/self/status"))[1])`), "2"},
			{"its own session is writable", try(`fs.writeFileSync("/app/session/x", ""); console.log("ok")`), "ok"},
			{"the root file system", try(`fs.writeFileSync("/app/x", "")`), "denied"},
			{"programs in /tmp", try(`fs.copyFileSync("/bin/true", "/tmp/x"); fs.chmodSync("/tmp/x", 0o755); cp.execFileSync("/tmp/x"); console.log("ran")`), "denied"},
			{"the neighbour's session", try(`console.log(fs.readdirSync("` + theirs.Directory + `/session"))`), "denied"},
			{"the neighbour's media, past its own", try(`console.log(fs.readdirSync("/app/media/../../` + strings.TrimPrefix(theirs.Directory, "/") + `/media"))`), "denied"},
			{"the machine's root by a process of the machine", try(`console.log(fs.readdirSync("/proc/1/root` + filepath.Dir(theirs.Directory) + `"))`), "denied"},
			{"other processes than its own", try(`console.log(fs.readdirSync("/proc").filter((n) => /^\d+$/.test(n)).some((n) => { try { return !/tini|init|node|sh/.test(fs.readFileSync("/proc/" + n + "/comm", "utf8")) } catch { return false } }))`), "false"},
			{"the engine's socket", try(`console.log(["/var/run/docker.sock", "/run/docker.sock"].some((path) => fs.existsSync(path)) || "none")`), "none"},
			{"the kernel's settings", try(`fs.writeFileSync("/proc/sys/kernel/core_pattern", "|/x")`), "denied"},
			{"the kernel's memory", try(`fs.readFileSync("/proc/kcore")[0]; fs.openSync("/dev/mem", "r")`), "denied"},
			{"the control groups", try(`fs.writeFileSync(fs.existsSync("/sys/fs/cgroup/cgroup.procs") ? "/sys/fs/cgroup/memory.max" : "/sys/fs/cgroup/memory/memory.limit_in_bytes", "999999999999")`), "denied"},
			{"mounting", try(`cp.execFileSync("mount", ["-t", "tmpfs", "x", "/tmp"], { stdio: "ignore" }); console.log("mounted")`), "denied"},
			{"namespaces of its own", rootInside("true"), "denied"},
			{"the gateway's database", asRole("slicegate", "SELECT 1"), "denied"},
			{"Postgres's own database", asRole("postgres", "SELECT 1"), "denied"},
			{"what is not its own in the database", asRole("slices",
				"SELECT * FROM "+address.User.Username()+".messages", "SET ROLE "+address.User.Username(), "SELECT * FROM pg_authid", "SELECT * FROM pg_shadow",
				"COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/x'", "SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('.')",
				"CREATE SCHEMA mine", "CREATE TABLE public.mine (n int)", "CREATE EXTENSION dblink", "SELECT pg_advisory_lock(1)",
			), "denied"},
			{"the neighbour's role by its own password", try(`
				const pg = require("/app/node_modules/pg"), address = new URL(process.env.DATABASE_URL)
				address.username = "` + address.User.Username() + `"
				await new pg.Client({ connectionString: address.href }).connect(); console.log("connected")`), "denied"},
			{"more connections than its role has", try(`
				const pg = require("/app/node_modules/pg"), clients = []
				const client = () => { const one = new pg.Client({ connectionString: process.env.DATABASE_URL }); one.on("error", () => {}); return one }
				for (let i = 0; i < 5; i++) { clients.push(client()); await clients[i].connect() }
				console.log("has them")`), "denied"},
		} {
			if got := b.inside(mine.Slice, wall.script); got != wall.want {
				t.Errorf("slice %d, %s: got %q, want %q", i, wall.name, got, wall.want)
			}
		}
		for _, bomb := range []struct{ name, script, bad string }{
			{"a fork bomb", try(`
				let refused = 0; const children = []
				for (let i = 0; i < 400; i++) { const child = cp.spawn("sleep", ["60"]); child.on("error", () => refused++); children.push(child) }
				await new Promise((r) => setTimeout(r, 3000))
				console.log(refused > 100 ? "held" : "free"); for (const child of children) child.kill("SIGKILL")`), "free"},
			{"more memory than it has", try(`
				const kept = []
				while (kept.length < 128) { kept.push(Buffer.alloc(16 * 2 ** 20, 1)); await new Promise((r) => setTimeout(r, 5)) }
				console.log("free")`), "free"},
		} {
			// The neighbour and the database answer while it lasts.
			var over atomic.Bool
			output := make(chan string, 1)
			go func() { output <- b.inside(mine.Slice, bomb.script); over.Store(true) }()
			answers := 0
			for !over.Load() {
				asked, cancel := context.WithTimeout(ctx, 10*time.Second)
				if _, err := b.engine.Status(asked, running[1-i]); err == nil {
					answers++
				}
				if _, err := b.db.Pool.Exec(asked, "SELECT 1"); err != nil {
					t.Errorf("slice %d, %s: the database: %v", i, bomb.name, err)
				}
				cancel()
				time.Sleep(50 * time.Millisecond)
			}
			if got := <-output; strings.Contains(got, bomb.bad) {
				t.Errorf("slice %d, %s: %s", i, bomb.name, got)
			}
			if answers == 0 {
				t.Errorf("slice %d, %s: the neighbour did not answer once", i, bomb.name)
			}
		}
		// A slice whose process the kernel ended is brought back for its turn as a neighbour.
		again, err := b.engine.Run(ctx, mine)
		if err != nil {
			t.Fatal(err)
		}
		b.answers(again)
		running[i] = again
	}
}
