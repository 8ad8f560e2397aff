package admin

import (
	"cmp"
	"math"
	"slices"
	"time"

	"slicegate/views"
)

// span is how far a page of pictures looks back, and in which steps.
type span struct {
	name, title string
	length      time.Duration
	step        time.Duration // from one point to the next, at the least
}

// The first is that of a page that names none.
var spans = []span{
	{"24h", "24 hours", 24 * time.Hour, time.Minute},
	{"7d", "7 days", 7 * 24 * time.Hour, 15 * time.Minute},
	{"30d", "30 days", 30 * 24 * time.Hour, time.Hour},
}

func spanOf(name string) span {
	for _, one := range spans {
		if one.name == name {
			return one
		}
	}
	return spans[0]
}

func spanOptions() (options []views.AdminOption) {
	for _, one := range spans {
		options = append(options, views.AdminOption{Value: one.name, Title: one.title})
	}
	return options
}

// since is where a span begins: with a whole step, so that the first point is whole.
func (s span) since(now time.Time) time.Time {
	return now.Add(-s.length).Truncate(s.step)
}

// plots are empty pictures over a span.
func (s span) plots(id string, now time.Time, times []time.Time) views.AdminPlots {
	p := views.AdminPlots{ID: id, X: "time", From: unix(s.since(now)), Until: unix(now), Step: s.stepOf(times).Seconds()}
	for _, t := range times {
		p.At = append(p.At, unix(t))
	}
	return p
}

// stepOf is the usual distance of samples, which is a setting of the runner; bins have theirs.
func (s span) stepOf(times []time.Time) time.Duration {
	var apart []time.Duration
	for i := 1; i < len(times); i++ {
		apart = append(apart, times[i].Sub(times[i-1]))
	}
	if len(apart) == 0 || s.step > time.Minute {
		return s.step
	}
	slices.Sort(apart)
	return apart[len(apart)/2]
}

func unix(t time.Time) float64 { return math.Round(float64(t.UnixMilli())) / 1000 }

// column is one value of each row.
func column[T any](rows []T, of func(T) float64) views.AdminValues {
	values := make(views.AdminValues, len(rows))
	for i, row := range rows {
		values[i] = of(row)
	}
	return values
}

// newest is the last of what is in the order of time; the zero value of nothing.
func newest[T any](rows []T) (last T) {
	if len(rows) > 0 {
		last = rows[len(rows)-1]
	}
	return last
}

// sooner compares by time, the newest first.
func sooner(a, b time.Time) int { return cmp.Compare(b.UnixNano(), a.UnixNano()) }
