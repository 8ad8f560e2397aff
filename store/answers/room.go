package answers

import (
	"fmt"
	"math"

	"slicegate/store"
)

// Room answers: how many more slices does a server take before it shows stress, and what gives way first?
type Room struct {
	Verdict
	Server string `json:"server"`
	Slices int    `json:"slices"` // that run
	More   int    `json:"more"`   // below zero: there are too many
	Binds  string `json:"binds"`  // the name of the first limit
	// How many more with what slices take in the most usual five minutes (High), and in the worst of a
	// hundred (Low).
	Between Interval `json:"between"`
	Limits  []Limit  `json:"limits"` // all that could be reckoned
}

// Limit is how many slices one thing allows.
type Limit struct {
	Name     string  `json:"name"`
	Slices   int     `json:"slices"`   // in all
	Has      float64 `json:"has"`      // for slices: bytes, per cent or pages a second
	PerSlice float64 `json:"perSlice"` // in a busy five minutes: one of twenty is busier
	Says     string  `json:"says"`

	low, high float64 // slices, as in Room.Between
}

// The limits' names.
const (
	LimitRAM    = "RAM"
	LimitSwap   = "swap"
	LimitSwapIn = "swap-in rate"
	LimitCPU    = "CPU"
	LimitDisk   = "disk"
)

// RoomOf reckons with what slices were measured to take, each minute as many as there were then.
func RoomOf(server string, bins []store.ServerBinsRow, wakes store.WakesAtOnceRow, storage store.StorageOfSlicesRow, ceiling Ceiling, options Options) Room {
	r := Room{Server: server}
	if len(bins) > 0 {
		r.Slices = int(bins[len(bins)-1].TotalSlices)
	}
	if len(bins) < longEnough || r.Slices < 2 {
		r.Verdict = needs("a day of samples of server %s with two slices and more, and has %.1f hours with %d", server, float64(len(bins))/12, r.Slices)
		return r
	}
	l := load{bins: bins, last: bins[len(bins)-1], now: float64(r.Slices)}
	r.Limits = append(r.Limits, l.ram(wakes, options.MinFree))
	if l.last.SwapTotalBytes > 0 {
		r.Limits = append(r.Limits, l.swap(options.SwapUse), l.swapIn(ceiling, options.PageRate))
	}
	r.Limits = append(r.Limits, l.cpu())
	if storage.Slices > 0 {
		r.Limits = append(r.Limits, l.disk(storage))
	}
	first := r.Limits[0]
	for _, limit := range r.Limits[1:] {
		if limit.Slices < first.Slices {
			first = limit
		}
	}
	r.Binds, r.More = first.Name, first.Slices-r.Slices
	r.Between = Interval{math.Floor(first.low) - l.now, math.Floor(first.high) - l.now}
	r.Known = true
	// What is reckoned from 20 slices for 200 is a guess.
	stretch, days := float64(first.Slices)/l.now, float64(len(bins))/longEnough
	switch {
	case stretch <= 1.3 && days >= 7:
		r.Confidence = High
	case stretch <= 2 && days >= 3:
		r.Confidence = Medium
	default:
		r.Confidence = Low
	}
	switch {
	case r.More < 0:
		r.Says = fmt.Sprintf("%s runs %d slices, %d more than it should: %s gives way first. %s", server, r.Slices, -r.More, r.Binds, first.Says)
	default:
		r.Says = fmt.Sprintf("%d more slices can be made on %s, which runs %d (%.0f to %.0f more, by how busy they are): %s gives way first. %s",
			r.More, server, r.Slices, r.Between.Low, r.Between.High, r.Binds, first.Says)
	}
	return r
}

// load is what a server's slices were measured to take.
type load struct {
	bins []store.ServerBinsRow
	last store.ServerBinsRow
	now  float64 // slices
}

// perSlice are the sorted values of a bin, divided by the slices that it had.
func (l load) perSlice(value func(store.ServerBinsRow) (float64, bool)) (sorted []float64) {
	return l.sorted(func(bin store.ServerBinsRow) (float64, bool) {
		v, ok := value(bin)
		return v / float64(bin.TotalSlices), ok && bin.TotalSlices > 0
	})
}

func (l load) sorted(value func(store.ServerBinsRow) (float64, bool)) []float64 {
	var values []float64
	for _, bin := range l.bins {
		if v, ok := value(bin); ok {
			values = append(values, v)
		}
	}
	return sortedCopy(values)
}

// limit divides what there is by what a slice takes; extra is what each takes beside that.
func limit(name string, has float64, perSlice []float64, extra float64) Limit {
	l := Limit{Name: name, Has: has, PerSlice: extra}
	slices := func(q float64) float64 {
		takes := extra
		if len(perSlice) > 0 {
			takes += quantile(perSlice, q)
		}
		if q == 0.95 {
			l.PerSlice = takes
		}
		if takes <= 0 {
			return 1e6 // it takes nothing of it
		}
		return max(0, min(1e6, has/takes))
	}
	l.Slices, l.low, l.high = int(slices(0.95)), slices(0.99), slices(0.5)
	return l
}

// ram is for what slices have and their compressed swap takes, with as many waking at once as ever did.
func (l load) ram(wakes store.WakesAtOnceRow, minFree int64) Limit {
	taken := l.perSlice(func(bin store.ServerBinsRow) (float64, bool) {
		return float64(bin.SlicesRssBytes + bin.SwapRamBytes), true
	})
	others := quantile(l.sorted(func(bin store.ServerBinsRow) (float64, bool) {
		return float64(bin.RamUsedBytes - bin.SlicesRssBytes - bin.SwapRamBytes), true
	}), 0.95)
	waking := float64(wakes.Most) / l.now * wakes.BackBytes
	has := float64(l.last.RamTotalBytes-minFree) - max(0, others)
	one := limit(LimitRAM, has, taken, waking)
	one.Says = fmt.Sprintf("Of %s of RAM, %s are for slices (others have %s, %s stay free), and one takes %s in a busy five minutes, %s of that for those that wake at once.",
		Size(float64(l.last.RamTotalBytes)), Size(has), Size(max(0, others)), Size(float64(minFree)), Size(one.PerSlice), Size(waking))
	return one
}

func swapOfSlices(bin store.ServerBinsRow) (float64, bool) { return float64(bin.SlicesSwapBytes), true }

// othersSwap is what is swapped and no slice's.
func (l load) othersSwap() float64 {
	return max(0, quantile(l.sorted(func(bin store.ServerBinsRow) (float64, bool) {
		return float64(bin.SwapUsedBytes - bin.SlicesSwapBytes), true
	}), 0.95))
}

func (l load) swap(use float64) Limit {
	one := limit(LimitSwap, use*float64(l.last.SwapTotalBytes)-l.othersSwap(), l.perSlice(swapOfSlices), 0)
	one.Says = fmt.Sprintf("Of %s of swap, %.0f %% may be used, and a slice takes %s.", Size(float64(l.last.SwapTotalBytes)), 100*use, Size(one.PerSlice))
	return one
}

// swapIn is where pages begin to be read back faster, if that was seen, or else as many times the slices
// as the rate is below what is too much: a guess, since it does not rise evenly.
func (l load) swapIn(ceiling Ceiling, rate float64) Limit {
	if ceiling.Reached {
		one := limit(LimitSwapIn, ceiling.Bytes-l.othersSwap(), l.perSlice(swapOfSlices), 0)
		one.Says = fmt.Sprintf("From %s of swap in use on, pages are read back faster, and a slice takes %s of it.", Size(ceiling.Bytes), Size(one.PerSlice))
		return one
	}
	one := limit(LimitSwapIn, rate, l.hourlySwapIn(), 0)
	one.Says = fmt.Sprintf("%.0f pages a second may be read back for an hour, and a slice reads %.1f in a busy one.", rate, one.PerSlice)
	return one
}

// hourlySwapIn are the sorted rates of whole hours for each slice: those who wake read back for a minute,
// which is no stress.
func (l load) hourlySwapIn() (sorted []float64) {
	var sum, bins float64
	var hour int64
	for _, bin := range l.bins {
		if bin.SwapInRate == nil || bin.TotalSlices == 0 {
			continue
		}
		if this := bin.Timestamp.Unix() / 3600; this != hour {
			if bins > 0 {
				sorted = append(sorted, sum/bins)
			}
			hour, sum, bins = this, 0, 0
		}
		sum, bins = sum+deref(bin.SwapInRate)/float64(bin.TotalSlices), bins+1
	}
	return sortedCopy(sorted)
}

func (l load) cpu() Limit {
	one := limit(LimitCPU, cpuUse, l.perSlice(func(bin store.ServerBinsRow) (float64, bool) {
		return deref(bin.CpuPercent), bin.CpuPercent != nil
	}), 0)
	one.Says = fmt.Sprintf("%d %% of the CPUs may be busy, and a slice takes %.2f %% in a busy five minutes.", cpuUse, one.PerSlice)
	return one
}

func (l load) disk(storage store.StorageOfSlicesRow) Limit {
	has := diskUse*float64(l.last.DiskTotalBytes) - float64(l.last.DiskUsedBytes-storage.Bytes)
	one := limit(LimitDisk, has, nil, float64(storage.Bytes)/float64(storage.Slices))
	one.Says = fmt.Sprintf("Of %s of disk, %s are for slices, and one has %s today.", Size(float64(l.last.DiskTotalBytes)), Size(has), Size(one.PerSlice))
	return one
}

func deref(value *float32) float64 {
	if value == nil {
		return 0
	}
	return float64(*value)
}
