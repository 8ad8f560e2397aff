package suite

import "context"

// Run runs everything. Its error is ErrFailed when a step failed.
func (e *Environment) Run(ctx context.Context) error {
	return e.runSteps(ctx, []step{
		{name: "packages", work: e.Packages},
		// Most of its time it waits, for a memory that settles.
		{name: "cgroup v2", needs: []string{"packages"}, work: e.cgroupV2, beside: true},
		{name: "engine", needs: []string{"packages"}, work: e.StartEngine},
		{name: "postgres", needs: []string{"packages"}, work: e.StartPostgres},
		{name: "npm install", work: e.install},
		{name: "slice image", needs: []string{"engine"}, work: e.BuildImage},
		{name: "webjs image", needs: []string{"engine"}, work: e.BuildWebJSImage},
		{name: "lint", needs: []string{"npm install"}, work: e.lint},
		{name: "generated code", work: e.generated},
		{name: "go tests", needs: []string{"postgres", "slice image", "webjs image", "npm install"}, work: e.goTests},
		{name: "faults", needs: []string{"postgres", "slice image"}, work: e.faults},
		{name: "slice tests", needs: []string{"postgres", "npm install"}, work: e.script("slice", "test")},
		{name: "web tests", needs: []string{"npm install"}, work: e.script("web", "test")},
		{name: "browser tests", needs: []string{"slice image"}, work: e.browser},
	})
}

// Lint runs the linters alone, which need nothing started.
func (e *Environment) Lint(ctx context.Context) error {
	return e.runSteps(ctx, []step{
		{name: "npm install", work: e.install},
		{name: "lint", needs: []string{"npm install"}, work: e.lint},
		{name: "generated code", work: e.generated},
	})
}
