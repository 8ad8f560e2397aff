package script_test

import (
	"errors"
	"strings"
	"testing"

	"slicegate/deploy/local/vm/script"
)

func TestWhatDidNotRunAndPassIsAnError(t *testing.T) {
	t.Parallel()
	passed := []string{"=== RUN   TestA", "--- PASS: TestA (0.00s)"}
	for name, test := range map[string]struct {
		lines []string
		want  []string // in the error; none of it is no error
	}{
		"all is well":        {append(passed, script.Ended("./a", nil)), nil},
		"a test failed":      {append(passed, "--- FAIL: TestB (0.00s)", script.Ended("./a", errors.New("exit code 1"))), []string{"./a", "exit code 1"}},
		"nothing ran":        {[]string{"testing: warning: no tests to run", script.Ended("./a", nil)}, []string{"./a has no test"}},
		"one was skipped":    {append(passed, "    --- SKIP: TestC/of_it (0.00s)", script.Ended("./a", nil)), []string{"TestC/of_it", "skipped"}},
		"the kernel paniced": {append(passed, "Kernel panic - not syncing"), []string{"./a did not come to its end"}},
	} {
		var said []string
		results := script.Results{Line: func(line string) { said = append(said, line) }}
		for _, line := range test.lines {
			results.Read(line)
		}
		err := results.Err([]string{"./a"})
		if len(test.want) == 0 && err != nil || len(test.want) > 0 && err == nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range test.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
		if len(said) < len(test.lines)-1 {
			t.Errorf("%s: of %d lines %d were passed on", name, len(test.lines), len(said))
		}
	}
	// What one package's tests did is nothing to the next.
	results := script.Results{Line: func(string) {}}
	for _, line := range append(passed, script.Ended("./a", nil), script.Ended("./b", nil)) {
		results.Read(line)
	}
	if err := results.Err([]string{"./a", "./b"}); err == nil || !strings.Contains(err.Error(), "./b has no test") {
		t.Errorf("%v", err)
	}
}
