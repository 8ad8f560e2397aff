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
// which a third of wild points does not move (Sen, JASA 63, 1968). Its error is that of a straight line
// by the spread of what it leaves, but for the wildest fifth, and widened where a day resembles the one
// before: then there are fewer days than it seems.
type trend struct {
	slope, deviation float64
	free             int // degrees of freedom
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
	// The days of the week were fitted too, and left less than there is.
	fitted := max(1, t.free-6)
	t.deviation *= math.Sqrt(float64(t.free) / float64(fitted))
	t.free = fitted
	return t, true
}

func weekday(x float64) int { return int(math.Round(x)) % 7 }

func theilSen(points []point) (t trend, ok bool) {
	var slopes []float64
	counted, spread := 0, 0.0
	for _, group := range groups(points) {
		n := float64(len(group))
		if n < 3 {
			continue
		}
		var sum, squares float64
		for i := range group {
			sum, squares = sum+group[i].x, squares+group[i].x*group[i].x
			for _, later := range group[i+1:] {
				if later.x > group[i].x {
					slopes = append(slopes, (later.y-group[i].y)/(later.x-group[i].x))
				}
			}
		}
		counted, spread = counted+len(group), spread+squares-sum*sum/n
		t.free += len(group) - 1
	}
	if counted < fewestPoints {
		return t, false
	}
	t.slope = median(slopes)
	t.free--
	off, alike := left(points, t.slope)
	t.deviation = off * math.Sqrt(float64(counted)/float64(t.free)*(1+alike)/(1-alike)/spread)
	return t, true
}

// within is where the slope is, but for a probability on each side: by Student's distribution, near
// enough, from the normal one.
func (t trend) within(beside float64) Interval {
	z := upperNormal(beside)
	reach := (z + (z*z*z+z)/4/float64(t.free)) * t.deviation
	return Interval{t.slope - reach, t.slope + reach}
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

// left tells how far points are off the trend, as the standard deviation that four fifths of them speak
// for, and how much each resembles that of the day before: the correlation, from 0 to 0.9.
func left(points []point, slope float64) (off, alike float64) {
	var deviations []float64
	var products, squares float64
	for _, group := range leftOf(points, slope) {
		if len(group) < 3 {
			continue
		}
		for i, p := range group {
			deviations = append(deviations, math.Abs(p.y))
			squares += p.y * p.y
			if i > 0 {
				products += p.y * group[i-1].y
			}
		}
	}
	if squares > 0 {
		alike = min(0.9, max(0, products/squares))
	}
	return quantile(sortedCopy(deviations), 0.8) / 1.2816, alike
}
