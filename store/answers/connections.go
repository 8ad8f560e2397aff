package answers

import (
	"fmt"
	"math"

	"slicegate/store"
)

// Connections answers: do WhatsApp's connections break more often for slices that are in swap?
type Connections struct {
	Verdict
	Resident Breaks `json:"resident"` // less than half of the slice's memory was in swap
	Swapped  Breaks `json:"swapped"`  // half of it and more
	// How many times as often a connection breaks in swap, slice by slice.
	Ratio   float64  `json:"ratio"`
	Between Interval `json:"between"`
	More    bool     `json:"more"`    // for certain: one in a hundred that it is chance
	Outages int      `json:"outages"` // hours in which it broke for more than a third of all, left out
	ByShare []Breaks `json:"byShare"` // by which fifth of its memory was in swap
	Slices  int      `json:"slices"`
}

// Breaks are disconnects in the time that slices were connected.
type Breaks struct {
	Days   float64 `json:"days"`   // of slices, connected
	Breaks int64   `json:"breaks"` // ready before, and not after, in the same container
	PerDay float64 `json:"perDay"`
}

func (b *Breaks) add(seconds float64, breaks int64) {
	b.Days += seconds / 86400
	b.Breaks += breaks
	b.PerDay = float64(b.Breaks) / max(b.Days, 1e-9)
}

const (
	fewestBreaks = 10
	fewestDays   = 5 // of slices, in each state
)

// ConnectionsOf compares each slice with itself, so that one that is flaky and rests much says
// nothing: the ratio is that of Mantel and Haenszel for rates, its variance of Greenland and Robins
// (Biometrics 41, 1985).
func ConnectionsOf(rows []store.ConnectionsRow) (c Connections) {
	type pair struct{ swapped, resident Breaks }
	bySlice := map[int64]*pair{}
	c.ByShare = make([]Breaks, 5)
	for _, row := range rows {
		one := bySlice[row.SliceID]
		if one == nil {
			one = &pair{}
			bySlice[row.SliceID] = one
		}
		one.swapped.add(row.SwappedReadySeconds, row.SwappedDisconnects)
		one.resident.add(row.ReadySeconds-row.SwappedReadySeconds, row.Disconnects-row.SwappedDisconnects)
		c.ByShare[row.Band].add(row.ReadySeconds, row.Disconnects)
		c.Outages = int(row.OutageHours)
	}
	c.Slices = len(bySlice)
	var above, below, variance float64
	for _, one := range bySlice {
		c.Swapped.add(one.swapped.Days*86400, one.swapped.Breaks)
		c.Resident.add(one.resident.Days*86400, one.resident.Breaks)
		days := one.swapped.Days + one.resident.Days
		if days == 0 {
			continue
		}
		above += float64(one.swapped.Breaks) * one.resident.Days / days
		below += float64(one.resident.Breaks) * one.swapped.Days / days
		variance += float64(one.swapped.Breaks+one.resident.Breaks) * one.swapped.Days * one.resident.Days / (days * days)
	}
	breaks := c.Swapped.Breaks + c.Resident.Breaks
	switch {
	case c.Swapped.Days < fewestDays || c.Resident.Days < fewestDays:
		c.Verdict = needs("%d slice-days of connections with most of the memory in swap and as many without, and has %.1f and %.1f", fewestDays, c.Swapped.Days, c.Resident.Days)
	case breaks < fewestBreaks || above == 0 || below == 0:
		c.tooRare(breaks)
	default:
		c.compare(above/below, math.Sqrt(variance/(above*below)))
	}
	return c
}

// tooRare has nothing to compare, which says something too.
func (c *Connections) tooRare(breaks int64) {
	days := c.Swapped.Days + c.Resident.Days
	if days < 100 {
		c.Verdict = needs("%d disconnects or 100 slice-days, and has %d in %.0f", fewestBreaks, breaks, days)
		return
	}
	// At most: Poisson's upper bound, by the square of a normal (exact for none within a tenth).
	most := math.Pow(math.Sqrt(float64(breaks)+1)+0.73, 2) / days
	c.Known, c.Confidence = true, Low
	c.Says = fmt.Sprintf("Connections hardly break: %d times in %.0f slice-days, at most %.3f a day each. That is too rare to be held against swap.", breaks, days, most)
}

func (c *Connections) compare(ratio, deviation float64) {
	c.Known = true
	c.Ratio = ratio
	c.Between = Interval{ratio * math.Exp(-1.96*deviation), ratio * math.Exp(1.96*deviation)}
	c.More = ratio*math.Exp(-2.576*deviation) > 1
	switch {
	case c.Between.High/c.Between.Low < 2:
		c.Confidence = High
	case c.Between.High/c.Between.Low < 6:
		c.Confidence = Medium
	default:
		c.Confidence = Low
	}
	rates := fmt.Sprintf("%.2f a slice-day in swap, %.2f in RAM; %.1f times as often (%.1f to %.1f)", c.Swapped.PerDay, c.Resident.PerDay, c.Ratio, c.Between.Low, c.Between.High)
	if c.More {
		c.Says = "Connections break more often in swap: " + rates + "."
	} else {
		c.Says = "Swap is not seen to break connections: " + rates + "."
	}
	if c.Outages > 0 {
		c.Says += fmt.Sprintf(" Hours in which everybody's broke are left out: %d.", c.Outages)
	}
}
