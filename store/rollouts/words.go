package rollouts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slicegate/store"
)

// State is that of the rollout, in words.
func (p Progress) State() string {
	whom := "everybody"
	if p.Rollout.SliceID != nil {
		whom = "the slice"
	}
	words := map[string]string{
		"checking": "the image is being checked", "refused": "REFUSED, nothing was begun",
		"preparing": "servers are getting ready", "running": "running", "halted": "HALTED", "aborted": "aborted",
		"done": "done", "rolling_back": whom + " is being taken back", "rolled_back": whom + " was taken back",
	}[p.Rollout.State]
	if p.Rollout.Paused {
		words += ", paused"
	}
	switch {
	case p.Rollout.State == "checking" && p.Rollout.CheckServer != nil:
		words += " by server " + *p.Rollout.CheckServer
	case p.Rollout.State == "preparing":
		words += ": " + strings.Join(p.unprepared(), ", ")
	case p.Rollout.FinishedAt == nil && (p.Rollout.State == "halted" || p.Rollout.State == "aborted"):
		words += ", what is under way ends"
	}
	return words
}

func (p Progress) unprepared() (names []string) {
	for _, server := range p.Servers {
		if server.PreparedAt == nil {
			names = append(names, server.Server)
		}
	}
	return names
}

// Begun is true once slices may have been touched.
func (p Progress) Begun() bool {
	return p.Rollout.State != "checking" && p.Rollout.State != "refused" && p.Rollout.State != "preparing"
}

// Reached is how many slices are where the rollout wants them, or are not going there.
func (p Progress) Reached() int {
	if p.Rollout.State == "rolling_back" || p.Rollout.State == "rolled_back" {
		return p.Count("rolled_back") + p.Count("failed") + p.Count("skipped")
	}
	return len(p.Slices) - p.Count("pending") - p.Count("updating") - p.Count("verifying")
}

// Parts are how many slices are how far: "5 on the new image, 5 not reached".
func (p Progress) Parts() string {
	var parts []string
	for _, one := range states {
		if n := p.Count(one.state); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, one.words))
		}
	}
	return strings.Join(parts, ", ")
}

// Line is the whole in one line: "[#####.....] running, 5 of 10: 5 on the new image, 5 not reached".
func (p Progress) Line() string {
	if !p.Begun() {
		return p.State()
	}
	const width = 30
	filled := width
	if len(p.Slices) > 0 {
		filled = width * p.Reached() / len(p.Slices)
	}
	return fmt.Sprintf("[%s%s] %s, %d of %d: %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), p.State(), p.Reached(), len(p.Slices), p.Parts())
}

// silentAfter is when a server's runner should have been heard of: three samples at the default SAMPLE_EVERY,
// and a minute.
const silentAfter = 4 * time.Minute

// silence says since when a server's runner has not been heard of; empty: it was, lately. at is true where
// it has slices under way: those it has to finish, aborted or not.
func (p Progress) silence(server string, at bool) string {
	since, heard := "has never been heard of", p.Heard[server]
	switch {
	case heard.IsZero():
	case p.Now.Sub(heard) < silentAfter:
		return ""
	default:
		since = fmt.Sprintf("has been silent since %s (%s)", heard.UTC().Format("2006-01-02 15:04 UTC"), span(p.Now.Sub(heard)))
	}
	if at {
		return fmt.Sprintf("The runner of server %s %s: its slices that are under way go on when it works again.", server, since)
	}
	return fmt.Sprintf("The runner of server %s %s: see that it works again, or abort the rollout.", server, since)
}

// Waits say what an unfinished rollout waits for, a sentence each.
func (p Progress) Waits() (lines []string) {
	r := p.Rollout
	if r.FinishedAt != nil {
		return nil
	}
	if r.Paused {
		lines = append(lines, "It is paused: nothing more is begun until it is resumed, and what is under way ends.")
	}
	servers := map[string]bool{} // that it waits for, and whether they have slices under way
	switch r.State {
	case "checking":
		lines = append(lines, "The image is asked for all that the slice contract wants. That takes a minute or two.")
		if r.CheckServer != nil {
			servers[*r.CheckServer] = false
		}
	case "preparing", "running":
		for _, server := range p.unprepared() {
			lines = append(lines, fmt.Sprintf("Server %s gets ready: it looks for the image, and names those of its slices for good.", server))
			servers[server] = false
		}
	}
	var used []int64
	under := map[string][]int64{}
	for _, slice := range p.Slices {
		switch {
		case UnderWay(slice.State):
			under[slice.State] = append(under[slice.State], slice.SliceID)
			servers[slice.Server] = true
		case slice.State == "pending" && slice.ReachedAt != nil && r.State == "running":
			used = append(used, slice.SliceID)
		}
	}
	for _, one := range states {
		if ids := under[one.state]; len(ids) > 0 {
			lines = append(lines, named(ids)+" "+one.words+".")
		}
	}
	if len(used) > 0 {
		lines = append(lines, named(used)+" in use, and waited for until nobody is there, or ROLLOUT_PATIENCE is over.")
	}
	if len(lines) == 0 && r.State == "running" && p.Reached() == len(p.Slices) {
		lines = append(lines, "Slices that are still being made on the old image are waited for.")
	}
	for _, server := range slices.Sorted(maps.Keys(servers)) {
		if silence := p.silence(server, servers[server]); silence != "" {
			lines = append(lines, silence)
		}
	}
	return lines
}

// named begins a sentence about slices: "Slice 4 is", "Slices 4, 5 are".
func named(ids []int64) string {
	if len(ids) == 1 {
		return fmt.Sprintf("Slice %d is", ids[0])
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	return "Slices " + strings.Join(words, ", ") + " are"
}

// Failures are the slices that have failed on the new image, or could not be taken back, in the order of
// their numbers.
func (p Progress) Failures() (failed []store.RolloutSlicesRow) {
	for _, slice := range p.Slices {
		if slice.FailedAt != nil || slice.State == "failed" {
			failed = append(failed, slice)
		}
	}
	return failed
}

// Outcome is nil if everything ended as it was wanted.
func (p Progress) Outcome() error {
	switch r := p.Rollout; {
	case r.State == "refused":
		return fmt.Errorf("rollout %d was refused: %s", r.ID, r.Reason)
	case r.State == "halted":
		return fmt.Errorf("rollout %d was halted: %s", r.ID, r.Reason)
	case r.State == "aborted":
		return fmt.Errorf("rollout %d was aborted", r.ID)
	case p.Count("failed") > 0:
		return fmt.Errorf("%d slices failed and could not be taken back: `runner rollout status` says which", p.Count("failed"))
	}
	return nil
}
