// Package suite runs every test there is, beside a running system: what the tests need
// (Postgres, the Docker engine, the slice image) is made for them and taken away after.
package suite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/chaos"
	"slicegate/deploy/local/engine"
	"slicegate/deploy/local/image"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/postgres"
	"slicegate/deploy/local/process"
	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/state"
	"slicegate/deploy/local/system"
)

// Environment is what tests use. Its parts exist as far as Prepare came.
type Environment struct {
	State  *state.State
	Engine *engine.Engine
	Image  string // of the slice, without a browser

	WebJSImage string // of the slice, with one

	root     string
	name     string
	invoker  account.Account
	started  time.Time
	services *process.Group
	report   *progress.Reporter
	postgres postgres.Config
}

// Claim takes the state folder of a test run in a checkout.
func Claim(root, name string, report *progress.Reporter) (*Environment, error) {
	invoker, err := account.Invoker()
	if err != nil {
		return nil, err
	}
	claimed, err := state.Claim(filepath.Join(root, "var", name))
	if err != nil {
		return nil, err
	}
	// What a killed predecessor's tests left must not be taken for theirs.
	if err := os.RemoveAll(claimed.Path("scratch")); err != nil {
		return nil, errors.Join(err, claimed.Release())
	}
	if err := os.MkdirAll(claimed.Path("scratch"), 0o755); err != nil {
		return nil, errors.Join(err, claimed.Release())
	}
	return &Environment{State: claimed, root: root, name: name, started: time.Now(), invoker: invoker, services: process.NewGroup(), report: report}, nil
}

// Packages installs what tests need and this machine lacks.
func (e *Environment) Packages(ctx context.Context, note func(string)) error {
	needs := []packages.Need{packages.Postgres, packages.Nginx, packages.Bases, packages.Keyring, packages.Browser, packages.Compiler, packages.Headers, packages.Networks, packages.Unzip, packages.Clang, packages.Strip, packages.Libbpf}
	found, err := engine.Answering(ctx)
	if err != nil {
		return err
	}
	if found != nil {
		e.Engine = found
	} else {
		needs = append(needs, packages.Engine()...)
	}
	return packages.Installer{Root: "/", Say: e.report.Println, Note: e.logged("packages", note)}.Ensure(ctx, needs...)
}

// StartEngine joins the machine's engine.
func (e *Environment) StartEngine(ctx context.Context, _ func(string)) error {
	if e.Engine != nil {
		return nil
	}
	joined, err := engine.Join(ctx, engine.Options{})
	e.Engine = joined
	return err
}

// StartPostgres starts a fresh cluster that forgets everything.
func (e *Environment) StartPostgres(ctx context.Context, note func(string)) error {
	who, err := account.Service("postgres", "nobody")
	if err != nil {
		return err
	}
	password, err := e.State.Secret("postgres")
	if err != nil {
		return err
	}
	e.postgres = postgres.Config{
		DataDir: e.State.Path("postgres"), Sockets: filepath.Join(e.State.RunDir, "postgres"), SliceSockets: filepath.Join(e.State.RunDir, "slices"),
		Account: who, Password: password, Throwaway: true, AnyDatabase: true,
		Line: e.logged("postgres", nil), Note: note,
	}
	if err := os.RemoveAll(e.postgres.DataDir); err != nil {
		return err
	}
	return postgres.Start(ctx, e.services, e.postgres)
}

// BuildImage makes the slice image without a browser, unless the engine has it.
func (e *Environment) BuildImage(ctx context.Context, note func(string)) (err error) {
	e.Image, err = e.buildImage(ctx, image.Simulated, note)
	return err
}

// BuildWebJSImage makes the slice image with a browser, unless the engine has it.
func (e *Environment) BuildWebJSImage(ctx context.Context, note func(string)) (err error) {
	e.WebJSImage, err = e.buildImage(ctx, image.WebJS, note)
	return err
}

func (e *Environment) buildImage(ctx context.Context, variant image.Variant, note func(string)) (string, error) {
	if e.Engine == nil {
		return "", errors.New("there is no engine")
	}
	return image.Builder{
		Docker: e.Engine.Client, Source: filepath.Join(e.root, "slice"), Scratch: "/var/lib/slicegate/scratch",
		BuildDir: filepath.Join(e.root, "var", "build"), Invoker: e.invoker, Line: e.logged("image", note),
	}.Slice(ctx, variant)
}

// Exports are the variables that tests read, as KEY=value, in order.
func (e *Environment) Exports() []string {
	exports := map[string]string{
		"TEST_POSTGRES_URL":     e.postgres.SuperuserURL(),
		"TEST_POSTGRES_SOCKETS": e.postgres.SliceSockets,
		"TEST_ROOT":             e.State.Path("scratch"),
	}
	if e.Engine != nil {
		exports["DOCKER_HOST"] = e.Engine.Host
	}
	if e.Image != "" {
		exports["SLICE_IMAGE"] = e.Image
	}
	if e.WebJSImage != "" {
		exports["WEBJS_IMAGE"] = e.WebJSImage
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		lines = append(lines, name+"="+exports[name])
	}
	return lines
}

// Close stops and removes everything that Prepare's steps made.
func (e *Environment) Close(ctx context.Context) error {
	var failures []error
	if e.Engine != nil {
		failures = append(failures,
			e.Engine.Remove(ctx, "slicegate.test=1"),
			e.Engine.RemoveMounting(ctx, e.State.Dir, e.State.RunDir),
			e.Engine.RemoveDeserted(ctx, e.started),
			system.RemoveAbandoned(ctx, e.Engine, fleetPrefix),
			system.RemoveAbandoned(ctx, e.Engine, chaos.FleetPrefix))
	}
	e.services.Stop()
	if e.Engine != nil {
		failures = append(failures, e.Engine.Leave(ctx))
	}
	for _, name := range []string{"postgres", "scratch", "secrets"} {
		failures = append(failures, os.RemoveAll(e.State.Path(name)))
	}
	failures = append(failures, e.State.Release())
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("clean up after the tests: %w", err)
	}
	return nil
}

// logged gives a function that writes lines to the log of that name and, if there is one,
// to note. A log that cannot be opened does not stop the work.
func (e *Environment) logged(name string, note func(string)) func(string) {
	write, err := e.State.Log(name)
	if err != nil {
		e.report.Println(fmt.Sprintf("No log of %s: %v", name, err))
		write = func(string) {}
	}
	return func(line string) {
		write(line)
		if note != nil {
			note(line)
		}
	}
}

// Publish writes the exports to the state folder, for `set -a; . var/NAME/env`.
func (e *Environment) Publish() error {
	addresses := map[string]string{}
	for _, line := range e.Exports() {
		name, value, _ := strings.Cut(line, "=")
		addresses[name] = value
	}
	return e.State.Publish(addresses, e.invoker)
}

// Wait waits until ctx ends, which is no error, or a service does.
func (e *Environment) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-e.services.Failed():
		return err
	}
}
