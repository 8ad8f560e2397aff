package suite

import (
	"context"
	"os"
	"time"

	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/process"
)

// BenchProxy measures the way through nginx to a slice and prints what came of it.
func (e *Environment) BenchProxy(ctx context.Context) error {
	return e.runSteps(ctx, []step{
		{name: "packages", work: e.Packages},
		{name: "load generator", needs: []string{"packages"}, work: func(ctx context.Context, note func(string)) error {
			return packages.Installer{Root: "/", Say: e.report.Println, Note: note}.Ensure(ctx, packages.Load)
		}},
		{name: "engine", needs: []string{"packages"}, work: e.StartEngine},
		{name: "postgres", needs: []string{"packages"}, work: e.StartPostgres},
		{name: "npm install", work: e.install},
		{name: "slice image", needs: []string{"engine"}, work: e.BuildImage},
		{name: "bench-proxy", needs: []string{"load generator", "postgres", "slice image"}, work: e.bench("./nginx", "Proxy", 30*time.Minute)},
	})
}

// BenchSlice measures what one slice weighs, with and without Chromium.
func (e *Environment) BenchSlice(ctx context.Context) error {
	return e.runSteps(ctx, []step{
		{name: "packages", work: e.Packages},
		{name: "engine", needs: []string{"packages"}, work: e.StartEngine},
		{name: "postgres", needs: []string{"packages"}, work: e.StartPostgres},
		{name: "npm install", work: e.install},
		{name: "slice image", needs: []string{"engine"}, work: e.BuildImage},
		{name: "webjs image", needs: []string{"engine"}, work: e.BuildWebJSImage},
		{name: "bench-slice", needs: []string{"postgres", "slice image", "webjs image"}, work: e.bench("./runner/docker", "Slice", 30*time.Minute)},
	})
}

// BenchMemory measures what idle slices hold, and what waking them costs, in three ways at a time:
// pushed out by the controller, by a script that pushes out everything, and not at all. SLICES is how
// many of each kind, IDLE how long, PROFILES which: simulated, lean, sandboxed.
func (e *Environment) BenchMemory(ctx context.Context) error {
	return e.benchReclaim(ctx, "bench-memory", "Memory", "SLICES", "IDLE", "PROFILES", "RECORD")
}

// BenchDensity starts as many slices as fit into FIT when they are left alone, and TIMES as many under the controller.
// IDLE is how long they are idle, PROFILES which kind they are: simulated, lean or sandboxed. ROOM is the RAM that is left
// on the server, POOL the percent of it that zswap may take.
func (e *Environment) BenchDensity(ctx context.Context) error {
	return e.benchReclaim(ctx, "bench-density", "Density", "FIT", "TIMES", "IDLE", "PROFILES", "ROOM", "POOL")
}

// benchReclaim runs a benchmark of slices of every kind.
func (e *Environment) benchReclaim(ctx context.Context, name, benchmark string, variables ...string) error {
	return e.runSteps(ctx, []step{
		{name: "packages", work: e.Packages},
		{name: "engine", needs: []string{"packages"}, work: e.StartEngine},
		{name: "postgres", needs: []string{"packages"}, work: e.StartPostgres},
		{name: "npm install", work: e.install},
		{name: "slice image", needs: []string{"engine"}, work: e.BuildImage},
		{name: "webjs image", needs: []string{"engine"}, work: e.BuildWebJSImage},
		{name: name, needs: []string{"postgres", "slice image", "webjs image"}, work: e.bench("./runner/reclaim", benchmark, 6*time.Hour, variables...)},
	})
}

// bench runs one benchmark of a package once and prints what it says; variables are passed on to it.
func (e *Environment) bench(of, name string, within time.Duration, variables ...string) func(context.Context, func(string)) error {
	return func(ctx context.Context, _ func(string)) error {
		env := e.testVariables()
		for _, variable := range variables {
			env = append(env, variable+"="+os.Getenv(variable))
		}
		return process.Run(ctx, process.Spec{
			Name: "go test", Path: "go", Args: []string{"test", of, "-run", "^$", "-bench", name, "-benchtime", "1x", "-timeout", within.String()}, Dir: e.root,
			Env: env, Line: e.report.Println,
		})
	}
}
