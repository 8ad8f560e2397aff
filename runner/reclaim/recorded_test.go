package reclaim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Decide is replayed over what real slices did under it: it would do the same again. Whoever changes
// it on purpose records anew.
func TestRecordedHistoriesAreDecidedAsTheyWere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var seen Recorded
			if err := json.Unmarshal(content, &seen); err != nil {
				t.Fatal(err)
			}
			replay(t, seen)
		})
	}
}

func replay(t *testing.T, seen Recorded) {
	t.Helper()
	slice := Slice{ID: 1, Started: seen.Started}
	var asked, decided int64
	var differ []string
	steps := seen.Steps
	for i, reading := range seen.Readings {
		slice.History = append(slices.DeleteFunc(slices.Clone(slice.History), func(r Reading) bool { return reading.At.Sub(r.At) > kept }), reading)
		plan := Decide(reading.At, roomy, []Slice{slice}, settings, tick)
		slice.Pace = plan.Paces[1]
		var want, got int64
		// What was asked for after this reading and before the next one.
		for len(steps) > 0 && (i+1 == len(seen.Readings) || steps[0].At.Before(seen.Readings[i+1].At)) {
			want += steps[0].Asked
			slice.Pace.Note(steps[0].At, steps[0].Given)
			steps = steps[1:]
		}
		for _, step := range plan.Steps {
			got += step.Bytes
			if Idle(reading.At, slice) < settings.After {
				t.Errorf("at %v a step in a session", reading.At)
			}
		}
		asked, decided = asked+want, decided+got
		if want != got {
			differ = append(differ, fmt.Sprintf("%s: %d bytes were asked for, now it would be %d", reading.At.Format(time.TimeOnly), want, got))
		}
	}
	if asked == 0 || len(seen.Steps) < 10 {
		t.Fatalf("%d steps of %d bytes are no history", len(seen.Steps), asked)
	}
	// A step may have been kept from being carried out, by traffic or the server's budget.
	if len(differ) > len(seen.Steps)/20 {
		t.Errorf("%d of %d steps differ, %d bytes in all and not %d:\n%v", len(differ), len(seen.Steps), decided, asked, differ)
	}
}
