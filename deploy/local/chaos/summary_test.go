package chaos

import (
	"strings"
	"testing"
	"time"
)

func TestTheSummaryCountsEachKind(t *testing.T) {
	t.Parallel()
	blow := func(kinds ...Kind) (b Blow) {
		for _, kind := range kinds {
			b = append(b, Fault{Kind: kind})
		}
		return b
	}
	text := summary(Options{Seed: 7}, time.Now(), []outcome{
		{blow: blow(KillRunner), took: 3 * time.Second}, {blow: blow(KillRunner), took: time.Second}, {blow: blow(KillRunner), took: 2 * time.Second},
		{blow: blow(KillNginx, FillDisk), took: 9 * time.Second, failed: []string{"something"}},
	}, []string{"a line"})
	for _, want := range []string{
		"Seed 7, 4 faults", "was as it must be: 9.0 s", "Invariants broken: 1.",
		"| runner | 3 | 2.0 s | 3.0 s |\n| two at once | 1 | 9.0 s | 9.0 s |\n", "a line",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
