// Package rollouts puts a rollout into words: `runner rollout` and the operator's page say the same.
package rollouts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"slicegate/store"
)

// Progress is a rollout as it stands.
type Progress struct {
	Rollout store.Rollout
	Servers []store.RolloutServer
	Slices  []store.RolloutSlicesRow
	Heard   map[string]time.Time // when each server's runner last wrote something down
	Now     time.Time
}

// Read gives a rollout as it stands. A slice is in use whose user was there since presentSince.
func Read(ctx context.Context, queries *store.Queries, id int64, presentSince, now time.Time) (p Progress, err error) {
	p.Now, p.Heard = now, map[string]time.Time{}
	if p.Rollout, err = queries.RolloutByID(ctx, id); err != nil {
		return p, err
	}
	if p.Servers, err = queries.RolloutServers(ctx, id); err != nil {
		return p, err
	}
	if p.Slices, err = queries.RolloutSlices(ctx, store.RolloutSlicesParams{Rollout: id, PresentSince: presentSince}); err != nil {
		return p, err
	}
	heard, err := queries.ServersHeard(ctx)
	for _, server := range heard {
		p.Heard[server.Name] = server.At
	}
	return p, err
}

// states say what each state of a slice means, in the order in which they are shown.
var states = []struct{ state, words string }{
	{"done", "on the new image"},
	{"updating", "being restarted on it"},
	{"verifying", "being watched on it"},
	{"pending", "not reached"},
	{"to_roll_back", "to be taken back"},
	{"rolling_back", "being taken back"},
	{"rolled_back", "back on the old image"},
	{"failed", "FAILED and not back"},
	{"skipped", "gone meanwhile"},
}

// StateWords say what a state of a slice means.
func StateWords(state string) string {
	for _, one := range states {
		if one.state == state {
			return one.words
		}
	}
	return state
}

// SliceWords say how a slice of a rollout stands.
func SliceWords(slice store.RolloutSlicesRow) string {
	switch {
	case slice.State == "pending" && slice.ReachedAt != nil:
		return "in use, waited for since " + clock(*slice.ReachedAt)
	case slice.State == "done" && slice.Resting:
		return "down; it comes up on the new image"
	case slice.State == "rolled_back" && slice.Resting:
		return "down; it comes up on the old image"
	case slice.State == "rolled_back" && slice.FailedAt != nil:
		return "failed, back on the old image"
	case slice.State == "rolling_back" && slice.FailedAt != nil:
		return "failed, being taken back"
	}
	return StateWords(slice.State)
}

// UnderWay is true of a state in which a server is at a slice.
func UnderWay(state string) bool {
	return state == "updating" || state == "verifying" || state == "rolling_back"
}

// Count is how many slices are in a state.
func (p Progress) Count(state string) (n int) {
	for _, slice := range p.Slices {
		if slice.State == state {
			n++
		}
	}
	return n
}

func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }

// span is a time in the two units that tell most.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// Broken is true of a line of a check that tells of a promise which the image breaks.
func Broken(line string) bool { return strings.HasPrefix(line, "BREAKS") }
