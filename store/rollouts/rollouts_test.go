package rollouts_test

import (
	"strings"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/rollouts"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func before(minutes int) *time.Time {
	t := noon.Add(-time.Duration(minutes) * time.Minute)
	return &t
}

func slice(id int64, state string, changes ...func(*store.RolloutSlicesRow)) store.RolloutSlicesRow {
	s := store.RolloutSlicesRow{SliceID: id, State: state, Server: "a", Status: "assigned"}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func TestTheWordsOfARollout(t *testing.T) {
	t.Parallel()
	a, alone := "a", int64(7)
	waits := func(s *store.RolloutSlicesRow) { s.ReachedAt = before(8) }
	failed := func(s *store.RolloutSlicesRow) { s.FailedAt = before(1) }
	for name, test := range map[string]struct {
		rollout store.Rollout
		servers []store.RolloutServer
		slices  []store.RolloutSlicesRow
		silent  bool // the runner of server a
		line    string
		waits   []string
		outcome string // how it failed
	}{
		"checking": {
			rollout: store.Rollout{State: "checking", CheckServer: &a}, line: "the image is being checked by server a",
			waits: []string{"The image is asked for all that the slice contract wants. That takes a minute or two."},
		},
		"checking, and nobody does": {
			rollout: store.Rollout{State: "checking", CheckServer: &a}, silent: true, line: "the image is being checked by server a",
			waits: []string{
				"The image is asked for all that the slice contract wants. That takes a minute or two.",
				"The runner of server a has been silent since 2026-01-01 11:15 UTC (45 min): see that it works again, or abort the rollout.",
			},
		},
		"refused": {
			rollout: store.Rollout{State: "refused", FinishedAt: &noon, Reason: "no image"}, line: "REFUSED, nothing was begun", outcome: "was refused: no image",
		},
		"preparing, one server is gone": {
			rollout: store.Rollout{State: "preparing"}, silent: true, line: "servers are getting ready: a, new",
			servers: []store.RolloutServer{{Server: "a"}, {Server: "b", PreparedAt: &noon}, {Server: "new"}},
			waits: []string{
				"Server a gets ready: it looks for the image, and names those of its slices for good.",
				"Server new gets ready: it looks for the image, and names those of its slices for good.",
				"The runner of server a has been silent since 2026-01-01 11:15 UTC (45 min): see that it works again, or abort the rollout.",
				"The runner of server new has never been heard of: see that it works again, or abort the rollout.",
			},
		},
		"running": {
			rollout: store.Rollout{State: "running"},
			slices:  []store.RolloutSlicesRow{slice(1, "done"), slice(2, "updating"), slice(3, "updating"), slice(4, "verifying"), slice(5, "pending", waits), slice(6, "pending")},
			line:    "[#####.........................] running, 1 of 6: 1 on the new image, 2 being restarted on it, 1 being watched on it, 2 not reached",
			waits:   []string{"Slices 2, 3 are being restarted on it.", "Slice 4 is being watched on it.", "Slice 5 is in use, and waited for until nobody is there, or ROLLOUT_PATIENCE is over."},
		},
		"running, for those that are being made": {
			rollout: store.Rollout{State: "running"}, slices: []store.RolloutSlicesRow{slice(1, "done")},
			line: "[##############################] running, 1 of 1: 1 on the new image", waits: []string{"Slices that are still being made on the old image are waited for."},
		},
		"paused": {
			rollout: store.Rollout{State: "running", Paused: true}, slices: []store.RolloutSlicesRow{slice(1, "done"), slice(2, "pending")},
			line: "[###############...............] running, paused, 1 of 2: 1 on the new image, 1 not reached", waits: []string{"It is paused: nothing more is begun until it is resumed, and what is under way ends."},
		},
		"halted, and one is on its way": {
			rollout: store.Rollout{State: "halted", Reason: "why"}, slices: []store.RolloutSlicesRow{slice(1, "rolling_back", failed), slice(2, "pending")}, silent: true,
			line: "[###############...............] HALTED, what is under way ends, 1 of 2: 1 not reached, 1 being taken back",
			waits: []string{"Slice 1 is being taken back.",
				"The runner of server a has been silent since 2026-01-01 11:15 UTC (45 min): its slices that are under way go on when it works again."},
			outcome: "was halted: why",
		},
		"aborted": {rollout: store.Rollout{State: "aborted", FinishedAt: &noon}, line: "[##############################] aborted, 0 of 0: ", outcome: "was aborted"},
		"back": {
			rollout: store.Rollout{State: "rolled_back", FinishedAt: &noon}, slices: []store.RolloutSlicesRow{slice(1, "rolled_back"), slice(2, "pending"), slice(3, "failed")},
			line: "[####################..........] everybody was taken back, 2 of 3: 1 not reached, 1 back on the old image, 1 FAILED and not back", outcome: "1 slices failed",
		},
		"a slice alone, back": {
			rollout: store.Rollout{State: "rolling_back", SliceID: &alone}, slices: []store.RolloutSlicesRow{slice(7, "rolling_back")},
			line: "[..............................] the slice is being taken back, 0 of 1: 1 being taken back", waits: []string{"Slice 7 is being taken back."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := rollouts.Progress{Rollout: test.rollout, Servers: test.servers, Slices: test.slices, Now: noon, Heard: map[string]time.Time{"a": *before(3), "b": *before(0)}}
			if test.silent {
				p.Heard["a"] = *before(45)
			}
			if got := p.Line(); got != test.line {
				t.Errorf("it says\n%s, want\n%s", got, test.line)
			}
			if got := strings.Join(p.Waits(), "\n"); got != strings.Join(test.waits, "\n") {
				t.Errorf("it waits for\n%s\nwant\n%s", got, strings.Join(test.waits, "\n"))
			}
			if err := p.Outcome(); (err != nil) != (test.outcome != "") || err != nil && !strings.Contains(err.Error(), test.outcome) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestTheWordsOfASlice(t *testing.T) {
	t.Parallel()
	resting := func(s *store.RolloutSlicesRow) { s.Resting = true }
	failed := func(s *store.RolloutSlicesRow) { s.FailedAt = before(1) }
	for want, s := range map[string]store.RolloutSlicesRow{
		"not reached":                        slice(1, "pending"),
		"in use, waited for since 11:52 UTC": slice(1, "pending", func(s *store.RolloutSlicesRow) { s.ReachedAt = before(8) }),
		"on the new image":                   slice(1, "done"),
		"down; it comes up on the new image": slice(1, "done", resting),
		"down; it comes up on the old image": slice(1, "rolled_back", resting),
		"failed, being taken back":           slice(1, "rolling_back", failed),
		"failed, back on the old image":      slice(1, "rolled_back", failed),
		"being taken back":                   slice(1, "rolling_back"),
		"FAILED and not back":                slice(1, "failed", failed),
		"gone meanwhile":                     slice(1, "skipped"),
	} {
		if got := rollouts.SliceWords(s); got != want {
			t.Errorf("%s: %q", want, got)
		}
	}
}
