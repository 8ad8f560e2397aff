package suite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"slicegate/deploy/local/node"
	"slicegate/deploy/local/process"
)

const staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"

// npm is one of the checkout's packages.
func (e *Environment) npm(name string, line func(string)) node.Project {
	return node.Project{Dir: filepath.Join(e.root, name), Invoker: e.invoker, Line: line}
}

func (e *Environment) install(ctx context.Context, line func(string)) error {
	for _, name := range []string{"slice", "web"} {
		if err := e.npm(name, line).Install(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lint runs every linter, the later ones too when an earlier one complains, and repeats
// what the complaining ones said.
func (e *Environment) lint(ctx context.Context, line func(string)) error {
	var failures []error
	for _, linter := range []func(context.Context, func(string)) error{
		e.formatted,
		func(ctx context.Context, line func(string)) error { return e.tool(ctx, line, "go", "vet", "./...") },
		func(ctx context.Context, line func(string)) error {
			return e.tool(ctx, line, "go", "run", staticcheck, "./...")
		},
		e.script("slice", "lint"),
		e.script("web", "lint"),
	} {
		var said []string
		if err := linter(ctx, func(text string) { said = append(said, text) }); err != nil {
			for _, text := range said {
				line(text)
			}
			failures = append(failures, withoutTail(err))
		}
	}
	return errors.Join(failures...)
}

// withoutTail takes a command's last lines out of its error, where they were shown already.
func withoutTail(err error) error {
	var command *process.CommandError
	if errors.As(err, &command) {
		return fmt.Errorf("%s: %w", command.Name, command.Err)
	}
	return err
}

func (e *Environment) formatted(ctx context.Context, line func(string)) error {
	files, err := e.files(ctx)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(name string) bool { return !strings.HasSuffix(name, ".go") })
	var unformatted []string
	if err := e.tool(ctx, func(name string) {
		line("not formatted: " + name)
		unformatted = append(unformatted, name)
	}, "gofmt", append([]string{"-l"}, files...)...); err != nil {
		return err
	}
	if len(unformatted) > 0 {
		return fmt.Errorf("gofmt would change %s", strings.Join(unformatted, ", "))
	}
	return nil
}

// generated writes all generated code anew; it must be what is there.
func (e *Environment) generated(ctx context.Context, line func(string)) error {
	before, err := e.contents(ctx)
	if err != nil {
		return err
	}
	if err := e.tool(ctx, line, "go", "generate", "./..."); err != nil {
		return err
	}
	after, err := e.contents(ctx)
	if err != nil {
		return err
	}
	var stale []string
	for name, sum := range after {
		if before[name] != sum {
			stale = append(stale, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			stale = append(stale, name)
		}
	}
	if len(stale) > 0 {
		slices.Sort(stale)
		return fmt.Errorf("these were not current, and are now written anew: %s", strings.Join(stale, ", "))
	}
	return nil
}

// contents are the hashes of all files of the checkout that git knows or would take.
func (e *Environment) contents(ctx context.Context) (map[string][32]byte, error) {
	names, err := e.files(ctx)
	if err != nil {
		return nil, err
	}
	sums := map[string][32]byte{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(e.root, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.EISDIR) {
			return nil, err
		}
		if err == nil {
			sums[name] = sha256.Sum256(text)
		}
	}
	return sums, nil
}

// files are the checkout's own: what git knows or would take.
func (e *Environment) files(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "git", "-c", "safe.directory="+e.root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	cmd.Dir = e.root
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the checkout's files: %w", err)
	}
	present := map[string]bool{}
	for name := range strings.SplitSeq(string(output), "\x00") {
		if _, err := os.Lstat(filepath.Join(e.root, name)); name != "" && err == nil {
			present[name] = true
		}
	}
	return slices.Sorted(maps.Keys(present)), nil
}

// goTests runs as root, as the runner does: containers and control groups need it.
func (e *Environment) goTests(ctx context.Context, line func(string)) error {
	if err := e.tool(ctx, line, "go", "mod", "download"); err != nil {
		return err
	}
	modules, err := e.moduleCache(ctx)
	if err != nil {
		return err
	}
	// One package after the other: several of them keep the engine busy with as many containers as
	// it can start at a time, and together with more than that.
	return process.Run(ctx, process.Spec{
		Name: "go test", Path: "go", Args: []string{"test", "-race", "-p", "1", "-timeout", "45m", "./..."}, Dir: e.root,
		Env: append(e.testVariables(), "GOMODCACHE="+modules), Line: line,
	})
}

func (e *Environment) moduleCache(ctx context.Context) (string, error) {
	var path string
	err := e.tool(ctx, func(line string) { path = line }, "go", "env", "GOMODCACHE")
	return path, err
}

// script runs a script of one of the npm packages as the invoker.
func (e *Environment) script(name, script string) func(context.Context, func(string)) error {
	return func(ctx context.Context, line func(string)) error {
		return e.npm(name, line).Script(ctx, script, e.testVariables()...)
	}
}

// tool runs a program in the checkout as the invoker, so that what it writes is theirs.
func (e *Environment) tool(ctx context.Context, line func(string), path string, args ...string) error {
	return process.Run(ctx, process.Spec{
		Name: strings.Join(append([]string{path}, args[:min(2, len(args))]...), " "), Path: path, Args: args,
		Dir: e.root, Account: &e.invoker, Line: line,
	})
}
