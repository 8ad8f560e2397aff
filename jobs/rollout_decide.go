package jobs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"slicegate/store"
	"slicegate/store/rollouts"
)

// fleet is all that the next step of a rollout depends on.
type fleet struct {
	rollout  store.Rollout
	servers  []store.RolloutServer
	slices   []store.RolloutSlicesRow
	patience time.Duration // how long a slice in use is waited for
	now      time.Time
}

// next is what to do now. Its zero value is nothing: something is under way, or over.
type next struct {
	state  string // to take; "" stays
	reason string // for halting, in words

	begin  []int64 // forth or back, as one batch
	canary bool    // begin is the canary
	batch  int     // begin's number
	rest   []int64 // are down on purpose: to have their image set, and no more
	skip   []int64 // are gone
	reach  []int64 // would be next, and are in use

	over     bool // nothing is left to do but for slices that are being made
	finished bool // a halted or aborted one has nothing under way any more
}

// A check that has not ended by then is not waited for: its server's runner is gone.
const checkLate = 15 * time.Minute

// decide is the whole policy: the image is checked and servers are prepared first, then one slice alone is updated, then
// batch after batch, each when the one before has ended.
func decide(f fleet) next {
	if f.rollout.FinishedAt != nil {
		return next{}
	}
	switch f.rollout.State {
	case "checking":
		return f.check()
	case "preparing":
		return f.prepare()
	case "running":
		return f.forth()
	case "rolling_back":
		return f.back()
	default: // halted, aborted: what is under way ends, and nothing is begun
		return next{finished: f.underWay() == 0}
	}
}

func (f fleet) check() next {
	switch {
	case f.rollout.CheckServer == nil:
		return next{state: "refused", reason: "the server that was to check the image is gone"}
	case f.now.Sub(f.rollout.CreatedAt) >= checkLate:
		return next{state: "refused", reason: fmt.Sprintf("server %s has not said within %.0f minutes whether the image can be a slice: see whether its runner works, and start again", *f.rollout.CheckServer, checkLate.Minutes())}
	}
	return next{}
}

func (f fleet) prepare() next {
	if reason := f.refused(); reason != "" {
		return next{state: "halted", reason: reason}
	}
	if f.rollout.Paused || !f.prepared() {
		return next{}
	}
	return next{state: "running"}
}

func (f fleet) forth() next {
	if reason := cmp.Or(f.refused(), f.tooManyFailed()); reason != "" {
		return next{state: "halted", reason: reason}
	}
	if f.rollout.Paused || f.underWay() > 0 {
		return next{}
	}
	gone, resting, up := f.sorted("pending")
	n := next{skip: gone, batch: f.lastBatch() + 1}
	if len(up) == 0 {
		n.rest = resting
		n.over = len(gone)+len(resting) == 0 && f.prepared()
		return n
	}
	if n.canary = !slices.ContainsFunc(f.slices, verified); !n.canary {
		n.rest = resting
	}
	free := slices.DeleteFunc(slices.Clone(up), f.mustWait)
	if len(free) == 0 {
		for _, slice := range up {
			if slice.ReachedAt == nil {
				n.reach = append(n.reach, slice.SliceID)
			}
		}
		return n
	}
	slices.SortStableFunc(free, func(a, b store.RolloutSlicesRow) int {
		if n.canary {
			return cmp.Compare(worthAsCanary(b), worthAsCanary(a))
		}
		return cmp.Compare(haste(a), haste(b))
	})
	size := int(f.rollout.BatchSize)
	if n.canary {
		size = 1
	}
	n.begin = ids(free[:min(size, len(free))])
	return n
}

func (f fleet) back() next {
	if reason := f.backFails(); reason != "" {
		return next{state: "halted", reason: reason}
	}
	if f.rollout.Paused || f.underWay() > 0 {
		return next{}
	}
	gone, resting, up := f.sorted("done", "to_roll_back")
	n := next{skip: gone, rest: resting, batch: f.lastBatch() + 1}
	slices.SortStableFunc(up, func(a, b store.RolloutSlicesRow) int { return cmp.Compare(haste(a), haste(b)) })
	n.begin = ids(up[:min(int(f.rollout.BatchSize), len(up))])
	n.over = len(gone)+len(resting)+len(up) == 0
	return n
}

// sorted are the slices in some states by how they stand: gone for good, down on purpose, or up.
func (f fleet) sorted(states ...string) (gone, resting []int64, up []store.RolloutSlicesRow) {
	for _, slice := range f.slices {
		switch {
		case !slices.Contains(states, slice.State):
		case isGone(slice.Status, slice.UserID):
			gone = append(gone, slice.SliceID)
		case isResting(slice.Status):
			resting = append(resting, slice.SliceID)
		default:
			up = append(up, slice)
		}
	}
	return gone, resting, up
}

// isGone is true of a slice that has nothing to update; a failed one of somebody's has their data.
func isGone(status string, user *int64) bool {
	return status == "destroying" || status == "destroyed" || status == "failed" && user == nil
}

// isResting is true of a slice that comes up on its image when it is resumed.
func isResting(status string) bool { return status == "suspended" || status == "failed" }

func (f fleet) underWay() (n int) {
	for _, slice := range f.slices {
		if rollouts.UnderWay(slice.State) {
			n++
		}
	}
	return n
}

func (f fleet) prepared() bool {
	return !slices.ContainsFunc(f.servers, func(s store.RolloutServer) bool { return s.PreparedAt == nil })
}

// refused says which servers cannot take part, and why.
func (f fleet) refused() string {
	for _, server := range f.servers {
		if server.Error != "" {
			return fmt.Sprintf("server %s: %s", server.Server, server.Error)
		}
	}
	return ""
}

func (f fleet) lastBatch() (last int) {
	for _, slice := range f.slices {
		if slice.Batch != nil {
			last = max(last, int(*slice.Batch))
		}
	}
	return last
}

// verified is true of a slice that was seen to work on the new image.
func verified(slice store.RolloutSlicesRow) bool { return slice.State == "done" && !slice.Resting }

// mustWait is true of a slice in use that has not been waited for long enough. One that was asked for
// by its number goes at once, as it would be restarted at once.
func (f fleet) mustWait(slice store.RolloutSlicesRow) bool {
	return f.rollout.SliceID == nil && slice.InUse && (slice.ReachedAt == nil || f.now.Before(slice.ReachedAt.Add(f.patience)))
}

// worthAsCanary is how much a slice tells of the image: most if it is somebody's and WhatsApp is
// ready. One that crashes already tells nothing.
func worthAsCanary(slice store.RolloutSlicesRow) (worth int) {
	for weight, holds := range []bool{!slice.InUse, slice.LastWaState == "ready", slice.Status == "assigned", slice.Crashes == 0} {
		if holds {
			worth += 1 << weight
		}
	}
	return worth
}

// haste is the order of those after the canary: the pool first, which nobody uses, what is in use last.
func haste(slice store.RolloutSlicesRow) int {
	switch {
	case slice.InUse:
		return 2
	case slice.Status != "available":
		return 1
	default:
		return 0
	}
}

// tooManyFailed says why the rollout must not go on: the canary failed, or two in a row, or more
// than a tenth of all.
func (f fleet) tooManyFailed() string {
	var verdicts []store.RolloutSlicesRow
	all, failed := 0, 0
	for _, slice := range f.slices {
		if slice.State != "skipped" {
			all++
		}
		if slice.FailedAt != nil {
			failed++
			if f.rollout.SliceID != nil {
				return fmt.Sprintf("slice %d failed: %s", slice.SliceID, slice.Note)
			}
			if slice.Canary {
				return fmt.Sprintf("the canary, slice %d, failed: %s", slice.SliceID, slice.Note)
			}
		}
		if slice.FailedAt != nil || verified(slice) {
			verdicts = append(verdicts, slice)
		}
	}
	slices.SortStableFunc(verdicts, func(a, b store.RolloutSlicesRow) int { return verdictAt(a).Compare(verdictAt(b)) })
	for i, slice := range verdicts {
		if i > 0 && slice.FailedAt != nil && verdicts[i-1].FailedAt != nil {
			return fmt.Sprintf("two in a row failed, slices %d and %d: %s", verdicts[i-1].SliceID, slice.SliceID, slice.Note)
		}
	}
	if failed*10 > all {
		return fmt.Sprintf("%d of %d slices failed, more than a tenth", failed, all)
	}
	return ""
}

func verdictAt(slice store.RolloutSlicesRow) time.Time {
	if slice.FailedAt != nil {
		return *slice.FailedAt
	}
	if slice.EndedAt != nil {
		return *slice.EndedAt
	}
	return time.Time{}
}

// backFails says that the way back leads nowhere either: two in a row could not be taken there.
func (f fleet) backFails() string {
	var ends []store.RolloutSlicesRow
	for _, slice := range f.slices {
		if slice.EndedAt != nil && (slice.State == "failed" || slice.State == "rolled_back" && !slice.Resting) {
			ends = append(ends, slice)
		}
	}
	slices.SortStableFunc(ends, func(a, b store.RolloutSlicesRow) int { return a.EndedAt.Compare(*b.EndedAt) })
	for i, slice := range ends {
		if i > 0 && slice.State == "failed" && ends[i-1].State == "failed" {
			return fmt.Sprintf("two in a row could not be taken back, slices %d and %d: %s", ends[i-1].SliceID, slice.SliceID, slice.Note)
		}
	}
	return ""
}

func ids(rows []store.RolloutSlicesRow) (ids []int64) {
	for _, row := range rows {
		ids = append(ids, row.SliceID)
	}
	return ids
}
