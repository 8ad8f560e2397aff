package answers

import (
	"fmt"
	"math"
	"time"
)

// Filling answers: on which day is a server full, if its slices go on to become more as they do?
type Filling struct {
	Verdict
	PerDay  float64   `json:"perDay"`  // slices
	Between Interval  `json:"between"` // where that is
	Full    bool      `json:"full"`    // it is already
	Day     time.Time `json:"day"`     // zero: not within a year
	First   time.Time `json:"first"`   // at the fastest that the days allow; zero: not within a year
	Last    time.Time `json:"last"`    // at the slowest; zero: not within a year
}

// SlicesOfDay is the most that ran on a day.
type SlicesOfDay struct {
	Day    time.Time
	Slices int
}

const (
	fewestDaysToFill = 7
	aYear            = 365 * 24 * time.Hour
)

// FillingOf goes on with the trend of whole days, from the slices that there are now to the most that a
// server takes.
func FillingOf(server string, days []SlicesOfDay, slices, most int, now time.Time) (f Filling) {
	if slices >= most {
		f.Known, f.Full, f.Confidence = true, true, High
		f.Says = fmt.Sprintf("%s is full: it has %d slices and takes %d.", server, slices, most)
		return f
	}
	var points []point
	for _, one := range days {
		points = append(points, point{0, one.Day.Sub(days[0].Day).Hours() / 24, float64(one.Slices)})
	}
	trend, ok := trendOf(points, len(points) >= 14)
	if !ok || len(points) < fewestDaysToFill {
		f.Verdict = needs("the slices of %d whole days on %s, and has %d", fewestDaysToFill, server, len(points))
		return f
	}
	span := days[len(days)-1].Day.Sub(days[0].Day) + 24*time.Hour
	f.Known, f.PerDay, f.Between = true, trend.slope, trend.within(0.025)
	// A week that went otherwise is a bound too, whatever the days before it speak for.
	week := (points[len(points)-1].y - points[max(0, len(points)-8)].y) / (points[len(points)-1].x - points[max(0, len(points)-8)].x)
	otherwise := math.Abs(week-f.PerDay) > 0.5*math.Abs(f.PerDay)
	if otherwise {
		f.Between = Interval{min(f.Between.Low, week), max(f.Between.High, week)}
	}
	f.Day, f.First, f.Last = whenFull(slices, most, f.PerDay, now), whenFull(slices, most, f.Between.High, now), whenFull(slices, most, f.Between.Low, now)
	f.Confidence = f.sure(span, now)
	f.Says = f.sentence(server, span, most)
	if otherwise {
		f.Confidence = Low
		f.Says += fmt.Sprintf(" In the last week it was %s a day.", paceOf(week))
	}
	return f
}

// whenFull is the day on which the last place is taken at a pace; zero: not within a year.
func whenFull(slices, most int, perDay float64, now time.Time) time.Time {
	days := float64(most-slices) / perDay
	if perDay <= 0 || days*24 > aYear.Hours() {
		return time.Time{}
	}
	return now.Add(time.Duration(days * 24 * float64(time.Hour)))
}

// sure is how much a projection may be relied on: not further than the days that it is made from reach back.
func (f Filling) sure(span time.Duration, now time.Time) Confidence {
	ahead := aYear
	if !f.Day.IsZero() {
		ahead = f.Day.Sub(now)
	}
	narrow := f.Between.High-f.Between.Low <= 0.5*math.Abs(f.PerDay)
	switch {
	case f.Day.IsZero() && f.First.IsZero() && span >= 21*24*time.Hour:
		return Medium // far away, at any pace that was seen
	case narrow && ahead <= span && span >= twoWeeks:
		return High
	case !f.Day.IsZero() && !f.Last.IsZero() && ahead <= 3*span:
		return Medium
	}
	return Low
}

func (f Filling) sentence(server string, span time.Duration, most int) string {
	says := fmt.Sprintf("In the last %.0f days the slices on %s became %s a day more (%s to %s)", span.Hours()/24, server, paceOf(f.PerDay), paceOf(f.Between.Low), paceOf(f.Between.High))
	if f.PerDay < 0 {
		says = fmt.Sprintf("In the last %.0f days the slices on %s became fewer, by %s a day (between %s fewer and %s more)", span.Hours()/24, server, paceOf(-f.PerDay), paceOf(-f.Between.Low), paceOf(max(0, f.Between.High)))
	}
	switch {
	case f.Day.IsZero() && f.First.IsZero():
		return fmt.Sprintf("%s: its %d places are not full within a year.", says, most)
	case f.Day.IsZero():
		return fmt.Sprintf("%s: its %d places are not full within a year at that pace, and on %s at the fastest.", says, most, date(f.First))
	case f.Last.IsZero():
		return fmt.Sprintf("%s: at that pace its %d places are full on %s, at the fastest on %s, and at the slowest not within a year.", says, most, date(f.Day), date(f.First))
	}
	return fmt.Sprintf("%s: at that pace its %d places are full on %s (%s to %s).", says, most, date(f.Day), date(f.First), date(f.Last))
}

func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

// paceOf has two digits that say something, and no minus before a zero.
func paceOf(perDay float64) string {
	if math.Abs(perDay) < 0.005 {
		return "0"
	}
	if math.Abs(perDay) < 10 {
		return fmt.Sprintf("%.2g", perDay)
	}
	return fmt.Sprintf("%.0f", perDay)
}
