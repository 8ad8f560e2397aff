package answers

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"slicegate/store"
)

// Leaks answers: do slices grow over time even when idle, and how fast?
type Leaks struct {
	Verdict
	Leaking []Growth `json:"leaking"` // the fastest first
	Others  []Growth `json:"others"`  // that are not told from standing still
	Median  float64  `json:"median"`  // bytes a day, of all that could be judged
	Judged  int      `json:"judged"`  // slices
	Days    float64  `json:"days"`    // of the longest series
}

// Growth is how a slice's memory, RAM and swap together, changes at rest.
type Growth struct {
	Slice   int64    `json:"slice"`
	PerDay  float64  `json:"perDay"` // bytes
	Between Interval `json:"between"`
	Bytes   float64  `json:"bytes"` // at the end
	Days    []Day    `json:"days"`
}

// Day is what a slice held at rest on one.
type Day struct {
	Day       time.Time `json:"day"`
	Bytes     float64   `json:"bytes"`
	Container int       `json:"container"` // counted from 0: a restart begins another
}

const (
	leakAtLeast  = megabyte // a day; less fills nothing within months
	hoursOfADay  = 3        // at rest, for the day to count
	fewestPoints = 6        // days, in containers of three and more
	twoWeeks     = 14 * 24 * time.Hour
	// Without two weeks a week's rhythm looks like growth: a twentieth of its size a day is more than that.
	shortLeak = 0.05
)

// LeaksOf judges each slice by its days at rest. Growth is compared within a container alone: a
// restart gives back what has leaked.
func LeaksOf(rows []store.RestByDayRow) (l Leaks) {
	bySlice := map[int64][]store.RestByDayRow{}
	for _, row := range rows {
		if row.Hours >= hoursOfADay {
			bySlice[row.SliceID] = append(bySlice[row.SliceID], row)
		}
	}
	var growths []float64
	short := true
	var judged []judgement
	for slice, days := range bySlice {
		one, ok := judge(slice, days)
		if !ok {
			continue
		}
		judged = append(judged, one)
		growths = append(growths, one.growth.PerDay)
		short = short && one.span < twoWeeks
		l.Days = max(l.Days, one.span.Hours()/24)
	}
	l.Judged = len(judged)
	if l.Judged == 0 {
		l.Verdict = needs("slices with %d days on which they rested for %d hours and more, without a restart between", fewestPoints, hoursOfADay)
		return l
	}
	l.Median = median(growths)
	for _, one := range judged {
		if one.leaks(l.Judged) {
			l.Leaking = append(l.Leaking, one.growth)
		} else {
			l.Others = append(l.Others, one.growth)
		}
	}
	fastest := func(a, b Growth) int { return cmp.Compare(b.PerDay, a.PerDay) }
	slices.SortFunc(l.Leaking, fastest)
	slices.SortFunc(l.Others, fastest)
	l.Known = true
	l.Confidence = High
	if l.Days < 21 {
		l.Confidence = Medium
	}
	if short {
		l.Confidence = Low
	}
	l.Says = l.sentence(short)
	return l
}

func (l Leaks) sentence(short bool) string {
	says := fmt.Sprintf("None of %d slices grows at rest by %s a day or more.", l.Judged, Size(leakAtLeast))
	if n := len(l.Leaking); n > 0 {
		says = fmt.Sprintf("%d of %d slices grow at rest, the fastest, slice %d, by %s a day (%s to %s).", n, l.Judged,
			l.Leaking[0].Slice, Size(l.Leaking[0].PerDay), Size(l.Leaking[0].Between.Low), Size(l.Leaking[0].Between.High))
	}
	if short {
		says += fmt.Sprintf(" With less than two weeks, only growth by %.0f %% a day can be told from a week's rhythm.", 100*shortLeak)
	}
	return says
}

// judgement is a slice's growth and what it is certain by.
type judgement struct {
	growth Growth
	trend  trend
	span   time.Duration
}

func judge(slice int64, days []store.RestByDayRow) (j judgement, ok bool) {
	containers := map[time.Time]int{}
	var points []point
	first := days[0].Day
	j.growth.Slice = slice
	for _, day := range days {
		container, seen := containers[day.StartedAt]
		if !seen {
			container = len(containers)
			containers[day.StartedAt] = container
		}
		j.growth.Days = append(j.growth.Days, Day{day.Day, day.Bytes, container})
		points = append(points, point{container, day.Day.Sub(first).Hours() / 24, day.Bytes})
	}
	last := days[len(days)-1]
	j.span = last.Day.Sub(first) + 24*time.Hour
	j.growth.Bytes = last.Bytes
	if j.trend, ok = trendOf(points, j.span >= twoWeeks); !ok {
		return j, false
	}
	j.growth.PerDay, j.growth.Between = j.trend.slope, j.trend.within(0.025)
	return j, true
}

// leaks is judged so that of all slices together one is suspected wrongly in one fleet of twenty.
func (j judgement) leaks(of int) bool {
	least := float64(leakAtLeast)
	if j.span < twoWeeks {
		least = max(least, shortLeak*j.growth.Bytes)
	}
	return j.trend.slope > least && j.trend.within(0.05/float64(of)).Low > 0
}
