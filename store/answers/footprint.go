package answers

import (
	"fmt"
	"slices"

	"slicegate/store"
)

// Footprint answers: do slices that are pushed out stay at some 10 MB, or do they pull pages back in?
type Footprint struct {
	Verdict
	Bytes   float64  `json:"bytes"`   // resident, of the median slice, from half an hour to an hour after its last use
	Between Interval `json:"between"` // where that median is
	Low     float64  `json:"low"`     // a tenth of the slices have less
	High    float64  `json:"high"`    // a tenth have more
	Slices  int      `json:"slices"`
	// What the median slice gains an hour, from one to 32 hours of rest.
	Creep        float64  `json:"creep"` // bytes
	CreepBetween Interval `json:"creepBetween"`
	Creeps       bool     `json:"creeps"`
	Curve        []Rest   `json:"curve"`
}

// Rest is what slices hold so long after their last use.
type Rest struct {
	Hours  float64 `json:"hours"`
	Median float64 `json:"median"` // resident bytes
	Low    float64 `json:"low"`    // tenth of the slices
	High   float64 `json:"high"`   // tenth
	Swap   float64 `json:"swap"`   // median
	Slices int     `json:"slices"`
}

const (
	leastSlices = 3
	creepAtMost = 0.01 // of the footprint, an hour, that is none to speak of
)

// FootprintOf takes what each slice held in the first hour after its last use, and later.
func FootprintOf(minutes []store.RestByMinutesRow, hours []store.RestByHoursRow) (f Footprint) {
	settled, later := map[int64][]held{}, map[int64][]held{}
	bands := map[float64][]held{}
	for _, row := range minutes {
		one := held{row.IdleSeconds / 3600, row.RssBytes, row.SwapBytes, row.Bins}
		bands[float64(row.Band)] = append(bands[float64(row.Band)], one)
		if row.Band >= 6 {
			settled[row.SliceID] = append(settled[row.SliceID], one)
		}
	}
	for _, row := range hours {
		one := held{row.IdleSeconds / 3600, row.RssBytes, row.SwapBytes, row.Bins}
		bands[100+float64(row.Band)] = append(bands[100+float64(row.Band)], one)
		if row.Band <= 4 {
			later[row.SliceID] = append(later[row.SliceID], one)
		}
	}
	f.Curve = curve(bands)
	var levels []float64
	for _, rows := range settled {
		level, bins := average(rows)
		if bins >= 6 { // half an hour in all
			levels = append(levels, level)
		}
	}
	f.Slices = len(levels)
	if len(levels) < leastSlices {
		f.Verdict = needs("%d slices that were used and then idle for an hour, and has %d", leastSlices, len(levels))
		return f
	}
	sorted := sortedCopy(levels)
	f.Low, f.High = quantile(sorted, 0.1), quantile(sorted, 0.9)
	f.Bytes, f.Between = medianWithin(levels)
	f.creep(later)
	f.Known = true
	f.Confidence = Medium
	switch {
	case f.Slices >= 20 && f.Between.High-f.Between.Low < f.Bytes/4:
		f.Confidence = High
	case f.Slices < 6:
		f.Confidence = Low
	}
	f.Says = fmt.Sprintf("After half an hour without its user the median slice holds %s of RAM (%s to %s; one in ten less than %s, one in ten more than %s).",
		Size(f.Bytes), Size(f.Between.Low), Size(f.Between.High), Size(f.Low), Size(f.High)) + f.creepSays()
	return f
}

// held is what one slice had in one band of idle time.
type held struct {
	hours, rss, swap float64
	bins             int64
}

func average(rows []held) (rss float64, bins int64) {
	for _, row := range rows {
		rss += row.rss * float64(row.bins)
		bins += row.bins
	}
	return rss / float64(bins), bins
}

// creep is each slice's own gain, so that it does not matter which slices rest for long.
func (f *Footprint) creep(later map[int64][]held) {
	var gains []float64
	for _, rows := range later {
		if len(rows) >= 2 {
			gains = append(gains, slope(rows))
		}
	}
	if len(gains) < leastSlices {
		return
	}
	f.Creep, f.CreepBetween = medianWithin(gains)
	f.Creeps = f.CreepBetween.Low > creepAtMost*f.Bytes
}

// slope is the bytes gained an hour, by least squares over the bands weighted by their bins.
func slope(rows []held) float64 {
	var n, x, y, xx, xy float64
	for _, row := range rows {
		w := float64(row.bins)
		n, x, y, xx, xy = n+w, x+w*row.hours, y+w*row.rss, xx+w*row.hours*row.hours, xy+w*row.hours*row.rss
	}
	return (xy - x*y/n) / (xx - x*x/n)
}

func (f *Footprint) creepSays() string {
	switch {
	case f.CreepBetween == Interval{}:
		return " Whether pages come back later is not known: hardly any rested for hours."
	case f.Creeps:
		return fmt.Sprintf(" Pages come back: it gains %s an hour (%s to %s).", Size(f.Creep), Size(f.CreepBetween.Low), Size(f.CreepBetween.High))
	default:
		return fmt.Sprintf(" It stays there: what it gains is at most %s an hour.", Size(max(0, f.CreepBetween.High)))
	}
}

func curve(bands map[float64][]held) (points []Rest) {
	for _, rows := range bands {
		var rss, swap []float64
		hours, bins := 0.0, int64(0)
		for _, row := range rows {
			rss, swap = append(rss, row.rss), append(swap, row.swap)
			hours, bins = hours+row.hours*float64(row.bins), bins+row.bins
		}
		sorted := sortedCopy(rss)
		points = append(points, Rest{
			Hours: hours / float64(bins), Median: quantile(sorted, 0.5), Low: quantile(sorted, 0.1), High: quantile(sorted, 0.9),
			Swap: median(swap), Slices: len(rows),
		})
	}
	slices.SortFunc(points, func(a, b Rest) int {
		if a.Hours < b.Hours {
			return -1
		}
		return 1
	})
	return points
}
