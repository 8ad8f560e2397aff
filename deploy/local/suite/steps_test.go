package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/state"
)

// environment is one whose words go to a file.
func environment(t *testing.T) (e *Environment, said func() string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes folders in /run: run the tests by `make test`")
	}
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := state.Claim(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	report := progress.New(out)
	t.Cleanup(func() {
		report.Close()
		claimed.Release()
		out.Close()
	})
	return &Environment{State: claimed, report: report, root: dir}, func() string {
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestEveryStepRunsButThoseWhoseNeedsFailed(t *testing.T) {
	e, said := environment(t)
	var ran []string
	work := func(name string, err error) func(context.Context, func(string)) error {
		return func(_ context.Context, line func(string)) error {
			ran = append(ran, name)
			line("words of " + name)
			return err
		}
	}
	err := e.runSteps(t.Context(), []step{
		{name: "one", work: work("one", nil)},
		{name: "two", work: work("two", errors.New("broken"))},
		{name: "three", needs: []string{"one", "two"}, work: work("three", nil)},
		{name: "four", needs: []string{"three"}, work: work("four", nil)},
		{name: "five", needs: []string{"one"}, work: work("five", nil)},
	})
	if !errors.Is(err, ErrFailed) || strings.Join(ran, " ") != "one two five" {
		t.Fatalf("ran %v, %v", ran, err)
	}
	text := said()
	if !strings.HasSuffix(text, "\n2 passed, 3 failed\n") || !strings.Contains(text, "words of two") || strings.Contains(text, "words of one") {
		t.Fatalf("said\n%s", text)
	}
	if err := e.runSteps(t.Context(), []step{{name: "one", work: work("one", nil)}}); err != nil || !strings.HasSuffix(said(), "\n1 passed, 0 failed\n") {
		t.Fatalf("%v, said\n%s", err, said())
	}
}

func TestAStepBesideOthersIsWaitedForWhereItIsNeededAndAtTheEnd(t *testing.T) {
	e, said := environment(t)
	began, goOn := make(chan struct{}), make(chan struct{})
	nothing := func(context.Context, func(string)) error { return nil }
	err := e.runSteps(t.Context(), []step{
		{name: "long", beside: true, work: func(context.Context, func(string)) error {
			close(began)
			<-goOn
			return errors.New("broken")
		}},
		{name: "short", work: func(context.Context, func(string)) error {
			<-began
			close(goOn)
			return nil
		}},
		{name: "needy", needs: []string{"long"}, work: func(context.Context, func(string)) error {
			t.Error("it ran without what it needs")
			return nil
		}},
		{name: "last", beside: true, work: nothing},
	})
	table := regexp.MustCompile(` +[0-9.]+ s`).ReplaceAllString(said(), "")
	if !errors.Is(err, ErrFailed) || !strings.Contains(table, "  long             FAILED\n  short            passed\n  needy            FAILED\n  last             passed\n") {
		t.Errorf("%v, said\n%s", err, said())
	}
}

func TestWhatFailedIsNamedAfterTheTable(t *testing.T) {
	e, said := environment(t)
	err := e.runSteps(t.Context(), []step{
		{name: "good", work: func(_ context.Context, line func(string)) error {
			line("--- FAIL: TestTriedAgain (0.00s)")
			return nil
		}},
		{name: "bad", work: func(_ context.Context, line func(string)) error {
			line("--- FAIL: TestOne (1.00s)")
			line("    --- FAIL: TestOne/part (1.00s)")
			line("        one_test.go:7: three is not four")
			for range 2000 {
				line("something else")
			}
			return errors.New("broken")
		}},
	})
	_, after, _ := strings.Cut(said(), "bad              FAILED")
	_, names, _ := strings.Cut(after, "\n")
	wanted := "  ✗ --- FAIL: TestOne (1.00s)\n  ✗ --- FAIL: TestOne/part (1.00s)\n  ✗ one_test.go:7: three is not four\n\n1 passed, 1 failed\n"
	if !errors.Is(err, ErrFailed) || names != wanted {
		t.Errorf("%v, said\n%s", err, said())
	}
}

func TestAnInterruptedRunHasNoResult(t *testing.T) {
	e, said := environment(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := e.runSteps(ctx, []step{
		{name: "one", work: func(context.Context, func(string)) error { cancel(); return ctx.Err() }},
		{name: "two", work: func(context.Context, func(string)) error { t.Error("went on"); return nil }},
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(said(), "passed,") {
		t.Fatalf("%v, said\n%s", err, said())
	}
}
