package answers

import (
	"fmt"
	"math"
	"time"

	"slicegate/store"
)

// Ceiling answers: at what use of a server's swap do pages begin to be read back faster?
type Ceiling struct {
	Verdict
	Server  string   `json:"server"`
	Reached bool     `json:"reached"`
	Bytes   float64  `json:"bytes"`   // of swap in use, from which on the rate rises; if it was not reached, zero
	Between Interval `json:"between"` // where that is
	Most    float64  `json:"most"`    // bytes that have been in use
	Total   float64  `json:"total"`   // bytes that there are
	Below   float64  `json:"below"`   // pages a second before it
	Above   float64  `json:"above"`   // and at the most that was in use
	Curve   []Paging `json:"curve"`
}

// Paging is how fast pages are read back at one use of swap.
type Paging struct {
	Swap    float64 `json:"swap"`    // bytes in use
	Rate    float64 `json:"rate"`    // pages a second
	Samples int     `json:"samples"` // of five minutes
}

const (
	pagingBins  = 40
	fewestBins  = 8       // of those, with something in them
	riseAtLeast = 50      // pages a second, and as much again as without it
	fAtLeast    = 10      // of the two lines against one: the F of 2 and some 30 degrees of freedom, one in 2,000
	longEnough  = 12 * 24 // bins of five minutes: a day
)

// CeilingOf looks for the bend in pages read back against swap in use.
func CeilingOf(server string, bins []store.ServerBinsRow) Ceiling {
	c := Ceiling{Server: server}
	var last time.Time
	for _, bin := range bins {
		c.Most = max(c.Most, float64(bin.SwapUsedBytes))
		if bin.Timestamp.After(last) {
			last, c.Total = bin.Timestamp, float64(bin.SwapTotalBytes)
		}
	}
	c.Curve = paging(bins)
	switch {
	case len(bins) > 0 && c.Most == 0:
		c.Verdict = needs("swap in use, and %s has used none", server)
		return c
	case len(bins) < longEnough:
		c.Verdict = needs("a day of samples of server %s, and has %.1f hours", server, float64(len(bins))/12)
		return c
	case len(c.Curve) < fewestBins:
		c.Verdict = needs("swap in use that varies, on server %s, and it was always about %s", server, Size(c.Most))
		return c
	}
	c.Known = true
	bend := findBend(c.Curve)
	c.Below, c.Above = bend.below, bend.above
	if c.Reached = bend.found; !c.Reached {
		c.Confidence = Medium
		if c.Most < c.Total/2 {
			c.Confidence = Low
		}
		c.Says = fmt.Sprintf("Not reached yet on %s: up to %s of swap in use, of %s, pages are read back no faster (%.0f a second).", server, Size(c.Most), Size(c.Total), c.Below)
		return c
	}
	c.Bytes, c.Between = bend.at, bend.between
	c.Confidence = Medium
	if c.Between.High-c.Between.Low < c.Bytes/5 {
		c.Confidence = High
	}
	c.Says = fmt.Sprintf("On %s pages are read back faster from %s of swap in use on (%s to %s; %.0f %% of it): %.0f a second below, %.0f at the most that was in use, %s.",
		server, Size(c.Bytes), Size(c.Between.Low), Size(c.Between.High), 100*c.Bytes/c.Total, c.Below, c.Above, Size(c.Most))
	return c
}

// paging averages the samples in bins of equal width; one with fewer than three is left out.
func paging(bins []store.ServerBinsRow) (curve []Paging) {
	low, high := math.Inf(1), 0.0
	for _, bin := range bins {
		if bin.SwapInRate != nil {
			low, high = min(low, float64(bin.SwapUsedBytes)), max(high, float64(bin.SwapUsedBytes))
		}
	}
	if !(high > low) {
		return nil
	}
	var sums [pagingBins]Paging
	for _, bin := range bins {
		if bin.SwapInRate == nil {
			continue
		}
		used := float64(bin.SwapUsedBytes)
		one := &sums[min(pagingBins-1, int(pagingBins*(used-low)/(high-low)))]
		one.Swap, one.Rate, one.Samples = one.Swap+used, one.Rate+float64(*bin.SwapInRate), one.Samples+1
	}
	for _, one := range sums {
		if n := float64(one.Samples); n >= 3 {
			curve = append(curve, Paging{one.Swap / n, one.Rate / n, one.Samples})
		}
	}
	return curve
}

// bend is where a line that is bent once fits best.
type bend struct {
	found        bool
	at           float64
	between      Interval
	below, above float64
}

// findBend compares one straight line with two that meet. The second must be steeper by what matters,
// not only by what can be told from chance.
func findBend(curve []Paging) (b bend) {
	n := len(curve)
	straight := fitLine(curve, math.Inf(1))
	best, at := line{left: math.Inf(1)}, 0.0
	type try struct{ at, left float64 }
	var tries []try
	for i := 2; i < n-2; i++ {
		for _, candidate := range []float64{curve[i].Swap, (curve[i].Swap + curve[i+1].Swap) / 2} {
			fit := fitLine(curve, candidate)
			tries = append(tries, try{candidate, fit.left})
			if fit.left < best.left {
				best, at = fit, candidate
			}
		}
	}
	last := curve[n-1].Swap
	expected := max(0, best.at(last)-best.rise*(last-at))
	b.above = curve[n-1].Rate
	b.below = rateBelow(curve, math.Inf(1))
	excess := best.rise * (last - at)
	free := float64(n - 4)
	f := (straight.left - best.left) / 2 / (best.left / free)
	if best.rise <= 0 || f < fAtLeast || excess < max(riseAtLeast, expected) {
		return b
	}
	b.found, b.at, b.below = true, at, rateBelow(curve, at)
	b.between = Interval{at, at}
	for i, one := range tries {
		if one.left <= best.left*(1+4/free) { // the F of 1 and many degrees of freedom, one in twenty
			// It is not known better than from one try to the next.
			b.between.Low = min(b.between.Low, tries[max(0, i-1)].at)
			b.between.High = max(b.between.High, tries[min(len(tries)-1, i+1)].at)
		}
	}
	return b
}

func rateBelow(curve []Paging, at float64) float64 {
	sum, samples := 0.0, 0.0
	for _, point := range curve {
		if point.Swap <= at {
			sum, samples = sum+point.Rate*float64(point.Samples), samples+float64(point.Samples)
		}
	}
	return sum / max(1, samples)
}

// line is level + slope*x + rise*max(0, x-bend), and what it leaves unexplained.
type line struct{ level, slope, rise, bend, left float64 }

func (l line) at(x float64) float64 { return l.level + l.slope*x + l.rise*max(0, x-l.bend) }

// fitLine is the weighted least squares fit with a bend; infinite: without.
func fitLine(curve []Paging, bend float64) line {
	scale := curve[len(curve)-1].Swap
	terms := 3
	if math.IsInf(bend, 1) {
		terms = 2
	}
	var a [3][4]float64
	for _, point := range curve {
		x := point.Swap / scale
		row := [3]float64{1, x, max(0, x-bend/scale)}
		for i := range terms {
			for j := range terms {
				a[i][j] += float64(point.Samples) * row[i] * row[j]
			}
			a[i][3] += float64(point.Samples) * row[i] * point.Rate
		}
	}
	solution := solve(a, terms)
	l := line{level: solution[0], slope: solution[1] / scale, rise: solution[2] / scale, bend: bend}
	for _, point := range curve {
		off := point.Rate - l.at(point.Swap)
		l.left += float64(point.Samples) * off * off
	}
	return l
}

// solve is Gauss's elimination with the largest pivot; the fourth column is the right side.
func solve(a [3][4]float64, n int) (x [3]float64) {
	for i := range n {
		pivot := i
		for k := i + 1; k < n; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[pivot][i]) {
				pivot = k
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if a[i][i] == 0 {
			continue
		}
		for k := range n {
			if k != i {
				factor := a[k][i] / a[i][i]
				for j := range a[k] {
					a[k][j] -= factor * a[i][j]
				}
			}
		}
	}
	for i := range n {
		if a[i][i] != 0 {
			x[i] = a[i][3] / a[i][i]
		}
	}
	return x
}
