package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	convergedWithin = 90 * time.Second // from the end of a fault
	upWithin        = 5 * time.Minute  // the first slices, before the first fault
	calm            = time.Second      // in which customers act between two faults, and as much again at random
	slow            = 20 * time.Second // what takes longer is told with what it waited for
)

// run does one blow after the other and holds the system against the invariants after each.
func (t *test) run(ctx context.Context) error {
	if _, left := t.converge(ctx, time.Now(), upWithin); len(left) > 0 {
		return t.failure(ctx, "the start", upWithin, left)
	}
	random := rand.New(rand.NewPCG(t.options.Seed, 2))
	longest := time.Duration(0)
	plan := Plan(t.options.Seed, t.options.Faults, t.options.Kinds)
	for i, blow := range plan {
		wait(ctx, calm+time.Duration(random.Int64N(int64(calm))))
		hit, err := t.strike(ctx, blow)
		if err != nil {
			return fmt.Errorf("fault %d, %s: %w", i+1, blow, err)
		}
		took, left := t.converge(ctx, time.Now(), convergedWithin)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		longest = max(longest, took)
		t.outcomes = append(t.outcomes, outcome{blow, hit, took, left})
		t.say("%3d/%d  %-24s %-34s %6s  longest %s", i+1, len(plan), blow, hit, seconds(took), seconds(longest))
		if took > slow {
			t.say("         at last it waited for: %s", t.lastSeen)
		}
		if len(left) > 0 {
			return t.failure(ctx, fmt.Sprintf("fault %d, %s (%s)", i+1, blow, hit), convergedWithin, left)
		}
	}
	return nil
}

// strike does the faults of a blow at the same time, and returns when the last is over.
func (t *test) strike(ctx context.Context, blow Blow) (string, error) {
	hits := make([]string, len(blow))
	var together errgroup.Group
	for i, fault := range blow {
		together.Go(func() (err error) {
			hits[i], err = t.hurter.do(ctx, fault)
			return err
		})
	}
	err := together.Wait()
	return strings.Join(hits, ", "), err
}

// converge holds the customers still and waits until everything is as it must be. What is not after
// the time is left.
func (t *test) converge(ctx context.Context, since time.Time, within time.Duration) (took time.Duration, left []string) {
	t.crowd.hold()
	defer t.crowd.letGo()
	t.lastSeen = fmt.Sprintf("the customers' last requests, after %s", seconds(time.Since(since)))
	err := until(ctx, time.Until(since.Add(within)), func() bool {
		left = t.check(ctx)
		if len(left) > 0 {
			t.lastSeen = fmt.Sprintf("%s, after %s", left[0], seconds(time.Since(since)))
		}
		return len(left) == 0
	})
	took = time.Since(since)
	if err == nil && took > within { // the look that found nothing wrong had begun before
		left = []string{t.lastSeen}
	}
	return took, left
}

// check looks once and names what is not as it must be.
func (t *test) check(ctx context.Context) []string {
	w, err := t.observer.look(ctx)
	if err != nil {
		return []string{"it cannot be seen: " + err.Error()}
	}
	if waits := t.operate(ctx, w); waits != "" {
		return []string{waits}
	}
	if found := violations(w); len(found) > 0 {
		return found
	}
	return t.crowd.find(ctx, w)
}

// operate does what an operator does: a slice that crashed six times within an hour stays down with its
// user until somebody acts on the alert. It returns what is then waited for; "" is nothing.
func (t *test) operate(ctx context.Context, w world) string {
	for _, row := range w.slices {
		if row.status != "failed" || row.user == 0 {
			continue
		}
		if !row.told {
			return fmt.Sprintf("slice %d has failed, and nobody is told", row.id)
		}
		if err := t.ledger.give(ctx, row.id, "resume"); err != nil {
			return fmt.Sprintf("slice %d has failed, and is not resumed: %v", row.id, err)
		}
		return fmt.Sprintf("slice %d had failed, and its operator has it resumed", row.id)
	}
	return ""
}

// failure says what does not hold, and shows what there is.
func (t *test) failure(ctx context.Context, when string, within time.Duration, left []string) error {
	w, err := t.observer.look(ctx)
	if err != nil {
		t.say("it cannot be seen: %v", err)
	}
	for line := range strings.Lines(t.observer.picture(ctx, w)) {
		t.say("    %s", strings.TrimRight(line, "\n"))
	}
	return fmt.Errorf("seed %d: after %s it did not come right within %s:\n    %s",
		t.options.Seed, when, within, strings.Join(left, "\n    "))
}
