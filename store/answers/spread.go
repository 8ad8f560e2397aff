package answers

import (
	"fmt"
	"math"
	"slices"
)

// Interval holds a number with a probability of 95 %, where nothing else is said.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// quantile of sorted values, interpolated; NaN of none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func sortedCopy(values []float64) []float64 {
	values = slices.Clone(values)
	slices.Sort(values)
	return values
}

func median(values []float64) float64 { return quantile(sortedCopy(values), 0.5) }

// medianWithin is the median, and where that of the population is, by order statistics: whatever the
// values are distributed like. Few values give the widest that they allow.
func medianWithin(values []float64) (float64, Interval) {
	sorted := sortedCopy(values)
	n := float64(len(sorted))
	reach := 1.96 * math.Sqrt(n) / 2
	low := max(0, int(math.Floor(n/2-reach)))
	high := min(len(sorted)-1, int(math.Ceil(n/2+reach))-1)
	return quantile(sorted, 0.5), Interval{sorted[low], sorted[max(low, high)]}
}

// upperNormal is how many standard deviations a normal variable exceeds with a probability of p.
func upperNormal(p float64) float64 { return math.Sqrt2 * math.Erfinv(1-2*p) }

const megabyte = 1 << 20

// Size writes bytes as people do, in three digits.
func Size(bytes float64) string {
	unit, name := float64(megabyte), "MB"
	if math.Abs(bytes) >= 1<<30 {
		unit, name = 1<<30, "GB"
	}
	digits := 0
	switch abs := math.Abs(bytes / unit); {
	case abs < 10:
		digits = 2
	case abs < 100:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, bytes/unit, name)
}
