package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/state"
	"slicegate/deploy/local/suite"
)

func printAddresses(_ context.Context, root string, out *os.File) error {
	lines, err := state.Reach(filepath.Join(root, "var", "run"))
	if err != nil {
		return fmt.Errorf("%w; `make run` starts one", err)
	}
	_, err = fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// runTestEnvironment keeps up what single tests need until it is interrupted.
func runTestEnvironment(ctx context.Context, root string, out *os.File) (err error) {
	if err := needRoot(); err != nil {
		return err
	}
	report := progress.New(out)
	defer report.Close()
	environment, err := suite.Claim(root, "test-env", report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, environment.Close(context.WithoutCancel(ctx))) }()
	for _, step := range []struct {
		name string
		work func(context.Context, func(string)) error
	}{
		{"packages", environment.Packages},
		{"engine", environment.StartEngine},
		{"postgres", environment.StartPostgres},
	} {
		if err := report.Do(step.name, func(note func(string)) error { return step.work(ctx, note) }); err != nil {
			return err
		}
	}
	// A slice that does not build just now must not keep anybody from the other tests.
	for _, image := range []struct {
		name  string
		build func(context.Context, func(string)) error
	}{
		{"slice image", environment.BuildImage},
		{"webjs image", environment.BuildWebJSImage},
	} {
		if err := report.Do(image.name, func(note func(string)) error { return image.build(ctx, note) }); err != nil {
			report.Println(err.Error())
		}
	}
	if err := environment.Publish(); err != nil {
		return err
	}
	for _, line := range environment.Exports() {
		report.Println("export " + line)
	}
	report.Println("Up until it is interrupted. The same lines are in " + environment.State.Path("env") + ".")
	return environment.Wait(ctx)
}

// runTests runs every test there is.
func runTests(ctx context.Context, root string, out *os.File) (err error) {
	if err := needRoot(); err != nil {
		return err
	}
	return withEnvironment(ctx, root, "test", out, (*suite.Environment).Run)
}

// runBenchProxy measures the way through nginx.
func runBenchProxy(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	return withEnvironment(ctx, root, "bench", out, (*suite.Environment).BenchProxy)
}

// runBenchSlice measures what one slice weighs.
func runBenchSlice(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	return withEnvironment(ctx, root, "bench", out, (*suite.Environment).BenchSlice)
}

// runBenchMemory measures what idle slices hold.
func runBenchMemory(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	return withEnvironment(ctx, root, "bench", out, (*suite.Environment).BenchMemory)
}

// runBenchDensity measures how many more slices run than when they are left alone.
func runBenchDensity(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	return withEnvironment(ctx, root, "bench", out, (*suite.Environment).BenchDensity)
}

// runLinters runs the linters alone.
func runLinters(ctx context.Context, root string, out *os.File) error {
	return withEnvironment(ctx, root, "lint", out, (*suite.Environment).Lint)
}

func withEnvironment(ctx context.Context, root, name string, out *os.File, work func(*suite.Environment, context.Context) error) error {
	report := progress.New(out)
	defer report.Close()
	environment, err := suite.Claim(root, name, report)
	if err != nil {
		return err
	}
	return errors.Join(work(environment, ctx), environment.Close(context.WithoutCancel(ctx)))
}
