package reclaim

import (
	"os"
	"time"
)

var page = int64(os.Getpagesize())

const (
	longestHold = time.Hour
	// A slice that gives nothing has nothing left, or its own swap is full.
	emptyHold = 5 * time.Minute

	hurtShare  = 0.2           // of what was taken, read back: the step cut into the working set
	stallShare = 0.02          // of the time since the step, stalled for memory
	floorLife  = 6 * time.Hour // then the floor is looked for anew
	owedFor    = 15            // minutes of what a slice may read back that it may owe, or have saved
	triedAt    = 3             // minutes of it saved: with less than it holds it is tried
	tryAgain   = 10 * time.Minute
)

// judge sees what the steps of the last while did to the slice.
func judge(now time.Time, slice Slice, pace Pace, settings Settings) Pace {
	for len(pace.Taken) > 1 && now.Sub(pace.Taken[0].At) > settings.Watch {
		pace.Taken = pace.Taken[1:]
	}
	newest := slice.History[len(slice.History)-1]
	pace.Debt = owed(slice.History, pace, settings)
	if pace.Hurt {
		if now.Sub(pace.HurtAt) >= settings.Watch {
			pace = hurtOver(now, newest.Resident, pace)
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
		cut := back-settings.Refaults*page >= given/2 && back < 2*given
		if pace = hurt(now, newest.Resident, pace, settings); cut {
			pace.Cut = newest.Resident + given
		}
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

// hurt is the pace of a slice that has begun to read back what was taken.
func hurt(now time.Time, resident int64, pace Pace, settings Settings) Pace {
	// Near the floor a hurt is never far, and what was learned of it is kept for longer.
	forgiven := 3 * settings.Watch
	if nearFloor(now, resident, pace) {
		forgiven = 10 * settings.Watch
	}
	if now.Sub(pace.HurtAt) > pace.Hold+forgiven {
		pace.Hurts = 0
	}
	// A large step may have met more than what is cold: the next ones are smaller.
	if pace.Size <= 2*small(resident) {
		pace.Hurts, pace.Size = pace.Hurts+1, smallest
	} else {
		pace.Size /= 4
	}
	pace.Hurt, pace.HurtAt, pace.Cut = true, now, 0
	pace.Hold = min(longestHold, settings.glance()<<min(12, max(0, pace.Hurts-1)))
	pace.Until = now.Add(pace.Hold)
	pace.Taken, pace.Judge = nil, false
	return pace
}

// hurtOver is its pace a while later, when it is seen how much it has read back. What came back in one go though it had
// not just been taken, as by a collection of all garbage, is not what the slice lives on.
func hurtOver(now time.Time, resident int64, pace Pace) Pace {
	pace.Hurt = false
	switch {
	case pace.Cut > 0:
		pace.Held = min(resident, pace.Cut)
	case pace.Held == 0 || resident < pace.Held:
		pace.Held = resident
	}
	if pace.Hurts >= enough(now, resident, pace) {
		pace.Floor, pace.FloorAt = resident, now
	}
	return pace
}

// borne is how many pages a minute a slice that is left alone may read back: some come back without any step too.
func borne(settings Settings) float64 { return float64(2 * settings.Refaults) }

// owed is what a slice that was hurt has read back beyond what it may, after its newest reading; less than 0: what it may
// still read back. It is a token bucket, so that a burst is borne from what was saved, and the mean is bounded.
func owed(history []Reading, pace Pace, settings Settings) float64 {
	if n := len(history); n > 1 && pace.Held > 0 {
		newest, before := history[n-1], history[n-2]
		debt := pace.Debt + float64(newest.Refaults-before.Refaults) - borne(settings)*newest.At.Sub(before.At).Minutes()
		return max(-owedFor*borne(settings), min(owedFor*borne(settings), debt))
	}
	return 0
}

// spare is what may be taken at a time from a slice that is left alone for having been hurt, once it owes nothing of what
// it has read back. Half of what it has grown by, since the most of that is new, or was needed once; and a little
// where it reads back much less than it may.
func spare(now time.Time, slice Slice, pace Pace, settings Settings) int64 {
	resident := slice.History[len(slice.History)-1].Resident
	grown := resident - pace.Held
	switch {
	case pace.Held == 0 || pace.Debt >= float64(settings.Refaults):
		return 0
	case grown >= small(pace.Held):
		return max(small(resident), grown/2)
	case pace.Debt <= -triedAt*borne(settings) && (pace.Cut == 0 || now.Sub(pace.HurtAt) >= tryAgain):
		return small(resident)
	}
	return 0
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
