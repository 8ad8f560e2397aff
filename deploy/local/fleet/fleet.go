// Package fleet makes up the telemetry of a server with many slices over many days, as the seed has
// it, and knows what it has put in: leaks, a use of swap beyond which pages are read back, slices that
// lose their connection in swap, a limit that binds first. It is there to see whether the answers
// find that, and nothing else, and to look at pages full of data.
package fleet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Options say what is made up.
type Options struct {
	Slices int
	Days   int
	Seed   uint64
	Every  time.Duration // from one sample to the next
	End    time.Time     // of the last day
	// Healthy plants no leak, no creep, no thrashing and nothing between swap and disconnects.
	Healthy bool
	Server  string
}

// Planted is what the answers are to find.
type Planted struct {
	Leaks     map[int64]float64 // bytes a day, by slice
	Footprint float64           // resident bytes of the median slice, from half an hour to an hour after its last use
	Creep     float64           // bytes that come back an hour after that
	Ceiling   float64           // bytes of swap in use, beyond which pages are read back; zero: none
	MostSwap  float64           // bytes of swap that came to be in use
	Ratio     float64           // how many times as often a connection breaks in swap
	Binds     string            // the limit that gives way first
	Answer    float64           // seconds that a slice in swap takes for its first answer, p50
	Restarts  int
	Gaps      int // samples that nobody took, of the whole server
	Moved     [2]int64
	Samples   int
}

const (
	mb   = 1 << 20
	page = 4096
)

// world is what is true of the server.
type world struct {
	options   Options
	start     time.Time
	random    *rand.Rand
	slices    []*slice
	planted   Planted
	thrash    float64 // bytes of swap
	ramTotal  int64
	swapTotal int64
	diskTotal int64
	cpuBase   float64 // per cent
	cores     float64
	storage   int64 // of each slice
	outage    time.Time
	gapFrom   time.Time // three hours without a runner
}

// limits are the names by which answers know them.
var limits = []string{"RAM", "swap", "CPU", "disk"}

func newWorld(options Options, ids []int64) *world {
	w := &world{options: options, random: rand.New(rand.NewPCG(options.Seed, 1)), start: options.End.AddDate(0, 0, -options.Days)}
	w.planted = Planted{Leaks: map[int64]float64{}, Ratio: 1, Answer: 0.06 + 0.05*w.random.Float64()}
	r := w.random
	w.planted.Footprint = (40 + 35*r.Float64()) * mb
	working := (150 + 40*r.Float64()) * mb
	if !options.Healthy {
		w.planted.Creep = float64(options.Seed%2) * 0.035 * w.planted.Footprint
		w.planted.Ratio = 3 + 2*r.Float64()
	}
	days := float64(options.Days)
	n := len(ids) - 1 // the last is where a user is moved to
	for i, id := range ids {
		s := &slice{id: id, world: w, random: rand.New(rand.NewPCG(options.Seed, uint64(1000+i)))}
		// Evenly spread, so that the median is what was planted, and by a chance that is the seed's.
		s.floor = w.planted.Footprint * (1 + 0.5*(float64(i)+0.5-float64(n)/2)/float64(n))
		s.working = working * (1 + 0.12*(2*s.random.Float64()-1))
		s.perDay = 2.5 + 3*s.random.Float64()
		s.phase = s.random.Float64() * 2 * math.Pi
		if born := float64(i)/float64(n) - 0.6; born > 0 {
			s.born = w.start.Add(time.Duration(born / 0.4 * 0.8 * days * 24 * float64(time.Hour)))
		}
		s.restartsPerDay = 1.0 / 30
		w.slices = append(w.slices, s)
	}
	w.plantLeaks(ids[:n])
	w.move(w.slices[n/3], w.slices[n])
	w.outage = w.at(days * (0.2 + 0.5*r.Float64()))
	w.gapFrom = w.at(days * (0.3 + 0.5*r.Float64()))
	w.size(working, float64(n))
	return w
}

func (w *world) at(days float64) time.Time {
	return w.start.Add(time.Duration(days * 24 * float64(time.Hour))).Truncate(time.Hour)
}

// plantLeaks makes one in twelve leak, those that are there from the beginning.
func (w *world) plantLeaks(ids []int64) {
	if w.options.Healthy {
		return
	}
	for _, i := range w.random.Perm(len(ids) / 2)[:max(1, len(ids)/12)] {
		s := w.slices[i]
		s.leak = (2.5 + 9*w.random.Float64()) * mb
		w.planted.Leaks[s.id] = s.leak
	}
}

// move ends one slice in the middle of its life and goes on with its user in another.
func (w *world) move(from, to *slice) {
	when := w.at(float64(w.options.Days) * 0.6)
	from.ends, to.born, to.perDay = when, when, from.perDay
	w.planted.Moved = [2]int64{from.id, to.id}
	delete(w.planted.Leaks, from.id)
	from.leak = 0
}

// size makes the server such that the limit that the seed names is the first: it takes a fifth more
// slices than there are, and everything else three times as many.
func (w *world) size(working, n float64) {
	w.planted.Binds = limits[w.options.Seed%uint64(len(limits))]
	takes := func(name string) float64 {
		if name == w.planted.Binds {
			return 1.2 * n
		}
		return 3 * n
	}
	swap := working - w.planted.Footprint
	w.ramTotal = int64(1<<30 + othersRAM + takes("RAM")*1.25*(w.planted.Footprint+0.12*working))
	w.swapTotal = int64(takes("swap") * swap / 0.8)
	w.storage = 700 * mb
	w.diskTotal = int64((othersDisk + takes("disk")*float64(w.storage)) / 0.85)
	w.cpuBase = 3
	w.cores = takes("CPU") * 5.5 / 90 // in busy minutes a slice takes some 5.5 % of a core, its part of the rest included
	if !w.options.Healthy {
		// Of what this many slices come to have in swap.
		w.thrash = (0.7 + 0.15*w.random.Float64()) * n * swap
		w.planted.Ceiling, w.planted.Binds = w.thrash, "swap-in rate"
		w.ramTotal, w.swapTotal = w.ramTotal*3, max(w.swapTotal, int64(2*n*swap))
		w.diskTotal, w.cores = w.diskTotal*3, w.cores*3
	}
}

const (
	othersRAM  = 1200 * mb
	othersDisk = 9 << 30
)

// Tell writes what was planted, for a person.
func (p Planted) Tell() string {
	says := fmt.Sprintf("Planted in %d samples, with %d gaps, %d restarts and a user who moves from slice %d to %d:\n", p.Samples, p.Gaps, p.Restarts, p.Moved[0], p.Moved[1])
	says += fmt.Sprintf("  a footprint of %.0f MB half an hour after the last use, and %.1f MB an hour that come back after it\n", p.Footprint/mb, p.Creep/mb)
	if p.Ceiling > 0 {
		says += fmt.Sprintf("  pages that are read back from %.2f GB of swap on, of at most %.2f GB that were in use\n", p.Ceiling/(1<<30), p.MostSwap/(1<<30))
	} else {
		says += fmt.Sprintf("  no thrashing, up to %.2f GB of swap in use\n", p.MostSwap/(1<<30))
	}
	says += fmt.Sprintf("  connections that break %.1f times as often in swap\n", p.Ratio)
	says += fmt.Sprintf("  a first answer of %.0f ms from swap (p50), 8 ms from RAM\n", 1000*p.Answer)
	says += fmt.Sprintf("  %d leaks", len(p.Leaks))
	for slice, leak := range p.Leaks {
		says += fmt.Sprintf("; slice %d: %.1f MB a day", slice, leak/mb)
	}
	return says + fmt.Sprintf("\n  the limit that gives way first: %s\n", p.Binds)
}
