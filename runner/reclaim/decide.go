package reclaim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

const smallest = 1 << 20 // bytes: less is not worth a write

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

// next is the step that the slice is due for, if it is.
func next(now time.Time, slice Slice, pace *Pace, idle time.Duration, settings Settings) (Step, bool) {
	held, some := now.Before(pace.Until), spare(now, slice, *pace, settings)
	if pace.Judge || pace.Hurt || held && some == 0 {
		return Step{}, false
	}
	resident := slice.History[len(slice.History)-1].Resident
	// From a sixteenth of what it holds to a quarter, after half an hour.
	most := int64(float64(resident) * (1.0/16 + 3.0/16*min(1, idle.Minutes()/30)))
	reason := "idle for " + idle.Round(time.Second).String()
	if !slice.Asked.IsZero() {
		reason = "asked for by an operator, " + reason
	}
	if upstream(slice) > settings.Upstream {
		most, reason = small(resident), reason+", WhatsApp is busy"
	}
	switch {
	case held:
		pace.Size, most = math.MaxInt64, some
		reason += ", more than it needed when it was hurt"
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
