package suite

import (
	"context"

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
		{name: "bench-proxy", needs: []string{"load generator", "postgres", "slice image"}, work: e.benchProxy},
	})
}

func (e *Environment) benchProxy(ctx context.Context, _ func(string)) error {
	return process.Run(ctx, process.Spec{
		Name: "go test", Path: "go", Args: []string{"test", "./nginx", "-run", "^$", "-bench", "Proxy", "-benchtime", "1x"}, Dir: e.root,
		Env: e.testVariables(), Line: e.report.Println,
	})
}
