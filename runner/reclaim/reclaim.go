// Package reclaim pushes the memory of idle slices to swap, down to what each of them goes on
// using, and brings it back when somebody comes. What is to be done is decided by Decide, a pure
// function; Controller reads the server, does it, and writes down what came of it.
//
// The signal is refaults: pages that a slice touched again after they had been taken away. Taking
// costs nothing as long as none come back; where they do, the slice's working set begins. Stalls
// (PSI) say the same later, and on compressed memory hardly at all. The way down is that of
// Weiner et al., "TMO: Transparent Memory Offloading in Datacenters" (ASPLOS 2022): ask for a
// little, watch, ask for more; with refaults in the place of their pressure, because a slice has no
// throughput to lose, and what counts is how fast it answers when its user comes.
package reclaim

import "time"

// Settings are the operator's.
type Settings struct {
	After    time.Duration // without user traffic, and a slice is idle
	SwapUse  float64       // of the server's swap that may be used, from 0 to 1
	Rate     int64         // bytes a second that are pushed out at most, all slices together
	SwapIn   float64       // pages a second that the server reads back: above it nothing is pushed out
	Refaults int64         // pages a minute that an idle slice may read back without being left alone for it
	Upstream int64         // bytes a minute from WhatsApp: above it a slice is not quiet, and steps stay small
	Watch    time.Duration // how long what comes back is held against the steps before it: Watch, but in tests
	Reserve  int64         // bytes of a slice in use that the kernel itself leaves alone (memory.low)
}

// Watch is how long it is watched what a slice reads back: what it uses less often than that is worth
// less than the memory.
const Watch = time.Minute

// glance is how long after a step that has not hurt the next one comes: what is used all the time is
// back within seconds. It is also the first hold: a first step may only have met pages that the kernel
// had not aged yet. Near the floor, where each page counts, all of Watch is waited for.
func (s Settings) glance() time.Duration { return s.Watch / 4 }

// Reading is what was read of a slice at one moment. Counters run since its control group was made.
type Reading struct {
	At       time.Time
	Resident int64         // bytes
	Swapped  int64         // bytes
	Refaults int64         // pages, anonymous and of files
	Pressure time.Duration // that some task of it stalled for memory
	User     time.Time     // the last packet of its user; zero: none yet
	Upstream int64         // bytes to and from WhatsApp
}

// Slice is one that runs, with what is remembered of it.
type Slice struct {
	ID      int64
	Started time.Time
	Awake   time.Time // until then it is exempt: its user is on their way
	Paused  bool      // exempt: an operator wants its memory left alone
	Asked   time.Time // when an operator asked for it to be pushed out now; zero: not
	History []Reading // of the last minutes, oldest first, the newest is now's
	Pace    Pace
}

// Pace is how a slice is being taken down, and what that has taught. The zero Pace begins anew.
type Pace struct {
	Size   int64         // bytes of the next step; 0: the first
	Taken  []Done        // the steps of the last minute, oldest first
	Judge  bool          // the newest of them has not been judged yet
	Empty  bool          // it came to nothing
	Hurt   bool          // it reads back what was taken; a minute is waited for, to see how much
	HurtAt time.Time     // when it last began to
	Cut    int64         // bytes that it held before the last steps before that, if most of what they took came back
	Hurts  int           // small steps that hurt, the one soon after the other
	Hold   time.Duration // how long it was left alone for that
	Until  time.Time     // no step before, but of what can be spared
	Held   int64         // bytes that it held at its least, a minute after it was hurt; 0: it never was
	Debt   float64       // pages that it has read back since then beyond what it may; below 0: that it may read back yet
	// The least that the slice was seen to live on: what it held a minute after a step had cut into
	// its working set. 0: not known. It outlives the slice's sessions.
	Floor   int64
	FloorAt time.Time
}

// Done is a step that was carried out.
type Done struct {
	At    time.Time
	Given int64 // bytes that came
}

// Note remembers a step that was carried out.
func (p *Pace) Note(at time.Time, given int64) {
	p.Taken, p.Judge, p.Empty = append(p.Taken, Done{at, given}), true, false
}

// Server is the state of the whole server.
type Server struct {
	SwapUsed, SwapTotal int64   // bytes
	SwapIn              float64 // pages a second, over the last ticks
	Paused              bool    // by an operator
}

// Plan is what Decide wants done.
type Plan struct {
	Steps   []Step
	Paces   map[int64]Pace   // of every slice, as its history has changed it
	Shields map[int64]int64  // bytes of memory.low that each should have
	Stopped string           // why nothing is pushed out of any slice; empty: it may be
	Ended   map[int64]string // of the slices that an operator asked for: those for which that is over, and why
}

// Step is so much to be taken from a slice.
type Step struct {
	Slice  int64
	Bytes  int64
	Reason string // a few words for the row
}
