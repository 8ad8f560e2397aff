package reclaim

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

var page = int64(os.Getpagesize())

const (
	smallest = 1 << 20 // bytes: less is not worth a write

	longestHold = time.Hour
	// A slice that gives nothing has nothing left, or its own swap is full.
	emptyHold = 5 * time.Minute

	hurtShare  = 0.2           // of what was taken, read back: the step cut into the working set
	stallShare = 0.02          // of the time since the step, stalled for memory
	floorLife  = 6 * time.Hour // then the floor is looked for anew

	// A page that is open is heard of every 25 s (Socket.IO's ping): who was not for so long is not there.
	gone = time.Minute
	// What an operator has asked for is forgotten after this.
	askedFor = time.Hour
)

// Decide says what to take from which slice now, how every slice's pace has changed by what its
// history shows, and which the kernel should spare.
func Decide(now time.Time, server Server, all []Slice, settings Settings, since time.Duration) Plan {
	plan := Plan{Paces: map[int64]Pace{}, Shields: map[int64]int64{}, Ended: map[int64]string{}, Stopped: stopped(server, settings)}
	type candidate struct {
		step  Step
		asked bool
		idle  time.Duration
	}
	var candidates []candidate
	for _, slice := range all {
		pace := slice.Pace
		if len(slice.History) == 0 {
			plan.Paces[slice.ID], plan.Shields[slice.ID] = pace, settings.Reserve
			continue
		}
		idle := Idle(now, slice)
		if why := forgotten(now, slice); why != "" {
			plan.Ended[slice.ID], slice.Asked = why, time.Time{}
		}
		if idle < idleAfter(slice, settings) {
			// What it was taught about its floor stays true.
			plan.Paces[slice.ID] = Pace{Floor: pace.Floor, FloorAt: pace.FloorAt}
			plan.Shields[slice.ID] = settings.Reserve
			continue
		}
		plan.Shields[slice.ID] = 0
		pace = judge(now, slice, pace, settings)
		if why := done(now, slice, pace); !slice.Asked.IsZero() && why != "" {
			plan.Ended[slice.ID], slice.Asked = why, time.Time{}
		}
		if !slice.Paused && plan.Stopped == "" && idle >= idleAfter(slice, settings) {
			if step, ok := next(now, slice, &pace, idle, settings); ok {
				candidates = append(candidates, candidate{step, !slice.Asked.IsZero(), idle})
			}
		}
		plan.Paces[slice.ID] = pace
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		if a.asked != b.asked { // somebody waits for it
			return map[bool]int{true: -1, false: 1}[a.asked]
		}
		return cmp.Compare(b.idle, a.idle)
	})
	budget := int64(float64(settings.Rate) * since.Seconds())
	budget = min(budget, int64(settings.SwapUse*float64(server.SwapTotal))-server.SwapUsed)
	for _, c := range candidates {
		c.step.Bytes = min(c.step.Bytes, budget)
		if c.step.Bytes < smallest {
			break
		}
		budget -= c.step.Bytes
		plan.Steps = append(plan.Steps, c.step)
	}
	return plan
}

// stopped is why nothing may be taken. It stays the same as long as that lasts, and so is told once.
func stopped(server Server, settings Settings) string {
	switch {
	case server.Paused:
		return "an operator paused it"
	case server.SwapTotal == 0:
		return "the server has no swap"
	case float64(server.SwapUsed) >= settings.SwapUse*float64(server.SwapTotal):
		return fmt.Sprintf("%.0f %% of the swap or more is used", 100*settings.SwapUse)
	case server.SwapIn > settings.SwapIn:
		return fmt.Sprintf("the server reads more than %.0f pages a second back", settings.SwapIn)
	}
	return ""
}

// Idle is how long nobody has used the slice; 0 while it is exempt.
func Idle(now time.Time, slice Slice) time.Duration {
	last := slice.Started
	if n := len(slice.History); n > 0 && slice.History[n-1].User.After(last) {
		last = slice.History[n-1].User
	}
	if slice.Awake.After(last) {
		last = slice.Awake
	}
	return max(0, now.Sub(last))
}

// idleAfter is how long nobody must have used a slice before anything is taken of it. Who asks for it does
// not wait for longer than it takes to know that nobody is there.
func idleAfter(slice Slice, settings Settings) time.Duration {
	if slice.Asked.IsZero() {
		return settings.After
	}
	return min(gone, settings.After)
}

// forgotten is why what an operator asked for is not to be done any more; empty: it is, or nothing was.
func forgotten(now time.Time, slice Slice) string {
	if slice.Asked.IsZero() {
		return ""
	}
	user := slice.History[len(slice.History)-1].User
	switch {
	case now.Before(slice.Awake):
		return "its user is on their way"
	case user.After(slice.Asked), !user.IsZero() && now.Sub(user) < gone:
		return "its user is there, or was within the last minute"
	case slice.Paused:
		return "it is exempt from reclaim"
	case now.Sub(slice.Asked) >= askedFor:
		return "an hour has passed"
	}
	return ""
}

// done is why nothing more is to be got of a slice that an operator asked for; empty: there may be.
func done(now time.Time, slice Slice, pace Pace) string {
	newest := slice.History[len(slice.History)-1]
	switch {
	case pace.Judge || pace.Hurt:
		return "" // that is yet to be seen
	case nearFloor(now, newest.Resident, pace):
		return fmt.Sprintf("done: it holds %d MB, which is about what it needs", newest.Resident>>20)
	case pace.Empty:
		return fmt.Sprintf("done: it holds %d MB, and gives no more", newest.Resident>>20)
	}
	return ""
}

// judge sees what the steps of the last while did to the slice.
func judge(now time.Time, slice Slice, pace Pace, settings Settings) Pace {
	for len(pace.Taken) > 1 && now.Sub(pace.Taken[0].At) > settings.Watch {
		pace.Taken = pace.Taken[1:]
	}
	newest := slice.History[len(slice.History)-1]
	pace.Debt = owed(slice.History, pace, settings)
	if pace.Hurt {
		if now.Sub(pace.HurtAt) >= settings.Watch {
			pace.Hurt, pace.Held = false, newest.Resident
			if pace.Hurts >= enough(now, newest.Resident, pace) {
				pace.Floor, pace.FloorAt = newest.Resident, now
			}
		}
		return pace
	}
	var given int64
	for _, step := range pace.Taken {
		given += step.Given
	}
	earlier := lately(slice.History, settings.Watch)
	back := (newest.Refaults - earlier.Refaults) * page
	stalled, elapsed := newest.Pressure-earlier.Pressure, newest.At.Sub(earlier.At)
	tolerated := max(settings.Refaults*page, int64(hurtShare*float64(given)))
	if back > tolerated || float64(stalled) > stallShare*float64(max(elapsed, settings.glance())) {
		// Near the floor a hurt is never far, and what was learned of it is kept for longer.
		forgiven := 3 * settings.Watch
		if nearFloor(now, newest.Resident, pace) {
			forgiven = 10 * settings.Watch
		}
		if now.Sub(pace.HurtAt) > pace.Hold+forgiven {
			pace.Hurts = 0
		}
		// A large step may have met more than what is cold: the next ones are smaller.
		if pace.Size <= 2*small(newest.Resident) {
			pace.Hurts, pace.Size = pace.Hurts+1, smallest
		} else {
			pace.Size /= 4
		}
		pace.Hurt, pace.HurtAt = true, now
		pace.Hold = min(longestHold, settings.glance()<<min(12, max(0, pace.Hurts-1)))
		pace.Until = now.Add(pace.Hold)
		pace.Taken, pace.Judge = nil, false
		return pace
	}
	if !pace.Judge {
		return pace
	}
	last := pace.Taken[len(pace.Taken)-1]
	near := nearFloor(now, newest.Resident, pace)
	wait := settings.glance()
	if near { // here each page counts
		wait = settings.Watch
	}
	switch {
	case last.Given < smallest/2:
		pace.Judge, pace.Empty, pace.Until = false, true, now.Add(emptyHold)
	case now.Sub(last.At) >= wait:
		pace.Judge = false
		pace.Size *= 2
		if near {
			pace.Floor, pace.FloorAt = min(pace.Floor, newest.Resident), now
		}
	}
	return pace
}

// owed is what a slice has read back beyond what it may, after its newest reading.
func owed(history []Reading, pace Pace, settings Settings) float64 {
	if n := len(history); n > 1 && pace.Held > 0 {
		newest, before := history[n-1], history[n-2]
		return max(0, pace.Debt+float64(newest.Refaults-before.Refaults)-float64(settings.Refaults)*newest.At.Sub(before.At).Minutes())
	}
	return 0
}

// regrown tells whether a slice that is left alone for having been hurt holds more than it did then, and owes
// nothing of what it has read back: the most of it is new, garbage of its heap, and little of it is needed often.
func regrown(slice Slice, pace Pace, settings Settings) bool {
	resident := slice.History[len(slice.History)-1].Resident
	return pace.Held > 0 && resident >= pace.Held+small(pace.Held) && pace.Debt < float64(settings.Refaults)
}

// enough is how many small steps in a row must hurt before that is held for the floor. The kernel has not
// sorted the pages of who was just in use, so that the first ones may meet any; what a slice once
// lived on counts against what it seems to need now.
func enough(now time.Time, resident int64, pace Pace) int {
	if known(now, pace) && resident > pace.Floor+pace.Floor/4 {
		return 5
	}
	return 3
}

// known tells whether a slice's floor is, and holds still.
func known(now time.Time, pace Pace) bool { return pace.Floor > 0 && now.Sub(pace.FloorAt) < floorLife }

// small is the most that a step may take without being large, in bytes.
func small(resident int64) int64 { return max(smallest, resident/32) }

// lately is the oldest reading that is not older than the newest by more than so much.
func lately(history []Reading, since time.Duration) Reading {
	newest := history[len(history)-1]
	for _, reading := range history {
		if newest.At.Sub(reading.At) <= since {
			return reading
		}
	}
	return newest
}

// nearFloor: a step of the usual size could cut into what the slice is known to need.
func nearFloor(now time.Time, resident int64, pace Pace) bool {
	return known(now, pace) && resident < pace.Floor+pace.Floor/8
}

// next is the step that the slice is due for, if it is.
func next(now time.Time, slice Slice, pace *Pace, idle time.Duration, settings Settings) (Step, bool) {
	held := now.Before(pace.Until)
	if pace.Judge || pace.Hurt || held && !regrown(slice, *pace, settings) {
		return Step{}, false
	}
	resident := slice.History[len(slice.History)-1].Resident
	// From a sixteenth of what it holds to a quarter, after half an hour.
	grown := min(1, idle.Minutes()/30)
	most := int64(float64(resident) * (1.0/16 + 3.0/16*grown))
	reason := "idle for " + idle.Round(time.Second).String()
	if !slice.Asked.IsZero() {
		reason = "asked for by an operator, " + reason
	}
	if upstream(slice) > settings.Upstream {
		most, reason = small(resident), reason+", WhatsApp is busy"
	}
	switch {
	case held:
		most, reason = small(resident), reason+", has grown since it was hurt"
	case nearFloor(now, resident, *pace):
		most, reason = small(resident), reason+", near its floor"
		if pace.Size == 0 {
			pace.Size = smallest
		}
	case pace.Size > 0 && pace.HurtAt.IsZero() && known(now, *pace):
		// It was here before, and a first step has had the kernel sort its pages: straight to where
		// care begins.
		pace.Size, most = math.MaxInt64, max(small(resident), min(resident/4, resident-pace.Floor-pace.Floor/8))
		reason += ", towards its floor"
	}
	if pace.Size == 0 {
		pace.Size = small(resident)
	}
	pace.Size = max(smallest, min(pace.Size, most))
	if pace.Size >= resident {
		return Step{}, false
	}
	return Step{Slice: slice.ID, Bytes: pace.Size, Reason: reason}, true
}

// upstream is the bytes to and from WhatsApp in the last minute of the history.
func upstream(slice Slice) int64 {
	return slice.History[len(slice.History)-1].Upstream - lately(slice.History, time.Minute).Upstream
}
