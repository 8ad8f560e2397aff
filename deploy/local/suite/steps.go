package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// step is one part of the tests.
type step struct {
	name  string
	needs []string // steps without which it cannot be run
	work  func(ctx context.Context, line func(string)) error
	// beside lets the steps after it begin before it has ended. It shares nothing with them.
	beside bool
}

// result is how a step ended.
type result struct {
	name  string
	took  time.Duration
	err   error
	lines []string // the last that were said, for a failure
	named []string // what failed, in its own words
}

// ErrFailed says that at least one step failed; which ones has been printed.
var ErrFailed = errors.New("not everything passed")

// runSteps runs every step whose needs passed, whatever else failed, and prints what the
// failed ones said and a table of all.
func (e *Environment) runSteps(ctx context.Context, steps []step) error {
	results, ended := make([]result, len(steps)), map[string]<-chan struct{}{}
	var beside sync.WaitGroup
	defer beside.Wait()
	failed := func(name string) bool {
		i := slices.IndexFunc(steps, func(s step) bool { return s.name == name })
		<-ended[name]
		return results[i].err != nil
	}
	for i, s := range steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		end := make(chan struct{})
		ended[s.name] = end
		work := func() {
			defer close(end)
			results[i] = e.runStep(ctx, s)
		}
		if lacking := slices.IndexFunc(s.needs, failed); lacking >= 0 {
			results[i] = result{name: s.name, err: fmt.Errorf("not run, for want of: %s", s.needs[lacking])}
			close(end)
		} else if s.beside {
			beside.Go(work)
		} else {
			work()
		}
	}
	beside.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return e.summary(results)
}

func (e *Environment) runStep(ctx context.Context, s step) result {
	var mu sync.Mutex
	var lines, named []string
	started := time.Now()
	err := e.report.Do(s.name, func(note func(string)) error {
		say := e.logged(s.name, note)
		return s.work(ctx, func(line string) {
			say(line)
			if !telling(line) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if culprit.MatchString(line) && len(named) < 30 {
				named = append(named, strings.TrimSpace(line))
			}
			if lines = append(lines, line); len(lines) > 1000 {
				lines = lines[1:]
			}
		})
	})
	mu.Lock()
	defer mu.Unlock()
	if ctx.Err() == nil && err != nil {
		e.printFailure(s.name, err, lines)
	}
	return result{s.name, time.Since(started), err, lines, named}
}

// serviceLog is a line of log/slog's: what a service of ours told while it was tested.
var serviceLog = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (DEBUG|INFO|WARN|ERROR) `)

// culprit is a line that names a failed test of Go's or where it failed.
var culprit = regexp.MustCompile(`^\s*(--- FAIL: |[a-z0-9_]+_test\.go:\d+: |panic: )`)

// telling is false for lines that hide why a step failed: of packages that passed, and of the
// services' own logs, which a package's failing test brings along whole.
func telling(line string) bool {
	return !strings.HasPrefix(line, "ok  \t") && !strings.Contains(line, "[no test files]") && !serviceLog.MatchString(line)
}

func (e *Environment) printFailure(name string, err error, lines []string) {
	const most = 150
	if len(lines) > most {
		e.report.Println(fmt.Sprintf("    (the last %d lines; all are in %s)", most, e.State.Path("log")))
		lines = lines[len(lines)-most:]
	}
	for _, line := range lines {
		e.report.Println("    " + line)
	}
	if len(lines) > 0 {
		err = withoutTail(err)
	}
	e.report.Println(fmt.Sprintf("    %s: %v", name, err))
}

func (e *Environment) summary(results []result) error {
	e.report.Println("")
	passed := 0
	for _, r := range results {
		word := "FAILED"
		if r.err == nil {
			word = "passed"
			passed++
		}
		e.report.Println(fmt.Sprintf("  %-16s %-7s %7.1f s", r.name, word, r.took.Seconds()))
	}
	for _, r := range results {
		for _, line := range r.named { // once more: what a step printed is far above, and long
			if r.err != nil {
				e.report.Println("  ✗ " + line)
			}
		}
	}
	e.report.Println("")
	e.report.Println(fmt.Sprintf("%d passed, %d failed", passed, len(results)-passed))
	if passed < len(results) {
		return ErrFailed
	}
	return nil
}

// testVariables are what the tests of every kind read.
func (e *Environment) testVariables() []string {
	variables := e.Exports()
	if os.Geteuid() == 0 && e.invoker.UID != 0 {
		// Root's build cache beside the user's: a file of root's in theirs would lock them out.
		variables = append(variables, "GOCACHE="+e.State.Path("go-build"))
	}
	return variables
}
