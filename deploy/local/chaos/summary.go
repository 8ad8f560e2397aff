package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// outcome is one blow and how long the system took to get over it, from the fault's end.
type outcome struct {
	blow   Blow
	hit    string
	took   time.Duration
	failed []string // what did not hold when the time was over
}

// summary is a Markdown page: what was done, how long each kind of fault took, and the log.
func summary(o Options, started time.Time, outcomes []outcome, lines []string) string {
	var out strings.Builder
	longest, broken := time.Duration(0), 0
	for _, one := range outcomes {
		longest = max(longest, one.took)
		broken += min(1, len(one.failed))
	}
	fmt.Fprintf(&out, "Seed %d, %d faults, %s, %s in all. Longest until everything was as it must be: %s. Invariants broken: %d.\n\n",
		o.Seed, len(outcomes), started.UTC().Format("2006-01-02"), time.Since(started).Round(time.Second), seconds(longest), broken)
	fmt.Fprintln(&out, "| fault | times | median | longest |\n|---|---|---|---|")
	byKind := map[string][]time.Duration{}
	for _, one := range outcomes {
		name := string(one.blow[0].Kind)
		if len(one.blow) > 1 {
			name = "two at once"
		}
		byKind[name] = append(byKind[name], one.took)
	}
	var names []string
	for _, one := range weights {
		names = append(names, string(one.kind))
	}
	for _, name := range append(names, "two at once") {
		if times := byKind[name]; len(times) > 0 {
			slices.Sort(times)
			fmt.Fprintf(&out, "| %s | %d | %s | %s |\n", name, len(times), seconds(times[len(times)/2]), seconds(times[len(times)-1]))
		}
	}
	fmt.Fprintf(&out, "\n```\n%s\n```\n", strings.Join(lines, "\n"))
	return out.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
