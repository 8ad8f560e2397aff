package answers

import (
	"math"
	"slices"
)

// point is a value at a time, in days; only those of one group are compared.
type point struct {
	group int
	x, y  float64
}

// trend is the slope of Theil and Sen: the median of the slopes between all pairs of points of a group,
// which a third of wild points does not move. Its interval is from the variance of Kendall's S (Sen,
// JASA 63, 1968; Hirsch, Slack and Smith for groups, Water Resources Research 18, 1982), widened where
// neighbours resemble each other.
type trend struct {
	slope     float64
	slopes    []float64 // of all pairs, sorted
	deviation float64   // of S
}

// trendOf takes a week's rhythm out first, if weekly says that there is enough of it. Not ok: too few points.
func trendOf(points []point, weekly bool) (t trend, ok bool) {
	if t, ok = theilSen(points); !ok || !weekly {
		return t, ok
	}
	// The rhythm is what is left by the trend, and the trend is what is left by the rhythm.
	for range 3 {
		rhythm := weekdays(points, t.slope)
		flat := slices.Clone(points)
		for i := range flat {
			flat[i].y -= rhythm[weekday(flat[i].x)]
		}
		if t, ok = theilSen(flat); !ok {
			return t, false
		}
	}
	return t, true
}

func weekday(x float64) int { return int(math.Round(x)) % 7 }

func theilSen(points []point) (t trend, ok bool) {
	counted, variance := 0, 0.0
	for _, group := range groups(points) {
		n := float64(len(group))
		if n < 3 {
			continue
		}
		counted += len(group)
		variance += n * (n - 1) * (2*n + 5) / 18
		for i := range group {
			for _, later := range group[i+1:] {
				if later.x > group[i].x {
					t.slopes = append(t.slopes, (later.y-group[i].y)/(later.x-group[i].x))
				}
			}
		}
	}
	if counted < fewestPoints {
		return t, false
	}
	slices.Sort(t.slopes)
	t.slope = quantile(t.slopes, 0.5)
	alike := max(0, resemblance(points, t.slope))
	t.deviation = math.Sqrt(variance * (1 + alike) / (1 - alike))
	return t, true
}

// within is where the slope is, but for a probability on each side.
func (t trend) within(beside float64) Interval {
	reach := upperNormal(beside) * t.deviation
	n := float64(len(t.slopes))
	low, high := int(math.Floor((n-reach)/2)), int(math.Ceil((n+reach)/2))
	interval := Interval{math.Inf(-1), math.Inf(1)}
	if low >= 1 {
		interval.Low = t.slopes[low-1]
	}
	if high < len(t.slopes) {
		interval.High = t.slopes[high]
	}
	return interval
}

func groups(points []point) (all [][]point) {
	byGroup := map[int][]point{}
	for _, p := range points {
		byGroup[p.group] = append(byGroup[p.group], p)
	}
	for _, group := range byGroup {
		slices.SortFunc(group, func(a, b point) int { return int(math.Copysign(1, a.x-b.x)) })
		all = append(all, group)
	}
	return all
}

// leftOf are the points without the trend and their group's level.
func leftOf(points []point, slope float64) (all [][]point) {
	for _, group := range groups(points) {
		var levels []float64
		for _, p := range group {
			levels = append(levels, p.y-slope*p.x)
		}
		level := median(levels)
		for i := range group {
			group[i].y = levels[i] - level
		}
		all = append(all, group)
	}
	return all
}

// weekdays are the medians of what is left, by the day of the week.
func weekdays(points []point, slope float64) (rhythm [7]float64) {
	var byDay [7][]float64
	for _, group := range leftOf(points, slope) {
		for _, p := range group {
			byDay[weekday(p.x)] = append(byDay[weekday(p.x)], p.y)
		}
	}
	for day, left := range byDay {
		if len(left) >= 2 {
			rhythm[day] = median(left)
		}
	}
	return rhythm
}

// resemblance is the correlation of what is left with that of the day before, below 0.9.
func resemblance(points []point, slope float64) float64 {
	var products, squares float64
	for _, group := range leftOf(points, slope) {
		for i, p := range group {
			squares += p.y * p.y
			if i > 0 {
				products += p.y * group[i-1].y
			}
		}
	}
	if squares == 0 {
		return 0
	}
	return min(0.9, products/squares)
}
