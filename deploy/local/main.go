// Command local runs the whole system on this machine, and its tests: what `make run`,
// `make env` and `make test` call. It is for development; deploy/ has what servers use.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	// A closed pipe on our output must not end us before what we started is stopped.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `Usage: local COMMAND, in the checkout

  run          start the whole system in the foreground
  env          print how to reach the running system, as KEY=value lines
  test         run every test
  chaos        run the fault test: SEED, N (faults) and FAULTS (their kinds) are taken from the environment
  fleet        make up the telemetry of N slices over DAYS days by SEED, and ask the answers of it
  lint         run the linters
  clean        remove the state of systems that do not run
  test-env     keep up what tests need, and print the variables they read
  bench-proxy  measure the way through nginx to a slice
  bench-slice  measure what one slice weighs, with and without Chromium
  bench-memory measure what idle slices hold and what waking them costs
  bench-density
               measure how many more slices run than when they are left alone, and what waking them costs
`

type command func(ctx context.Context, root string, out *os.File) error

var commands = map[string]command{
	"run":      runSystem,
	"env":      printAddresses,
	"clean":    clean,
	"test":     runTests,
	"chaos":    runChaos,
	"fleet":    runFleet,
	"lint":     runLinters,
	"test-env": runTestEnvironment,

	"bench-proxy":  runBenchProxy,
	"bench-slice":  runBenchSlice,
	"bench-memory": runBenchMemory,

	"bench-density": runBenchDensity,
}

func run(ctx context.Context, args []string, out, errs *os.File) int {
	if len(args) != 1 || commands[args[0]] == nil {
		fmt.Fprint(errs, usage)
		return 2
	}
	root, err := checkout()
	if err == nil {
		err = commands[args[0]](ctx, root, out)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(errs, "Stopped.")
		return 130
	default:
		fmt.Fprintln(errs, "Error:", err)
		return 1
	}
}

// checkout is the current folder, which must be the project's own.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.HasPrefix(string(module), "module slicegate\n") {
		return "", fmt.Errorf("%s is not the project's folder: run this through make, there", dir)
	}
	return dir, nil
}

// needRoot says in words what would fail later in numbers.
func needRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("this needs root, for containers and packages: run it as root, or install sudo and run it through make")
	}
	return nil
}
