package reclaim

import (
	"cmp"
	"slices"
	"time"
)

// model behaves as a slice does under the kernel's least-recently-used lists: parts of its memory
// are touched again and again, each at its own rhythm, and whoever takes memory gets what was
// touched longest ago. The first that is taken is any of it: the kernel has not aged it yet.
type model struct {
	parts    []*part
	grows    int64 // bytes a minute that are new, touched once
	grown    time.Time
	aged     bool
	stuck    bool // its swap is full
	refaults int64
	taken    int64 // bytes that were ever taken
}

type part struct {
	bytes, out int64         // held in all; of it pushed out
	every      time.Duration // 0: never touched again
	touched    time.Time
}

func newModel(start time.Time, parts ...part) *model {
	t := &model{}
	for _, p := range parts {
		p.touched = start
		t.parts = append(t.parts, &p)
	}
	return t
}

// live touches what is due until now.
func (t *model) live(now time.Time) {
	if t.grows > 0 && now.Sub(t.grown) >= time.Minute {
		t.parts, t.grown = append(t.parts, &part{bytes: t.grows, touched: now}), now
	}
	for _, p := range t.parts {
		if p.every > 0 && now.Sub(p.touched) >= p.every {
			t.refaults += p.out / page
			p.out, p.touched = 0, now
		}
	}
}

// take pushes bytes out, coldest first.
func (t *model) take(bytes int64) (given int64) {
	if t.stuck {
		return 0
	}
	order := slices.Clone(t.parts)
	if t.aged {
		slices.SortStableFunc(order, func(a, b *part) int { return a.touched.Compare(b.touched) })
	} else { // evenly, as far as it goes
		share := float64(bytes) / float64(t.resident())
		slices.SortStableFunc(order, func(a, b *part) int { return cmp.Compare(a.bytes, b.bytes) })
		for _, p := range order {
			some := min(int64(share*float64(p.bytes-p.out)), p.bytes-p.out)
			p.out += some
			given += some
		}
		t.aged = true
	}
	for _, p := range order {
		some := min(bytes-given, p.bytes-p.out)
		p.out += some
		given += some
	}
	t.taken += given
	return given
}

func (t *model) resident() int64 {
	var sum int64
	for _, p := range t.parts {
		sum += p.bytes - p.out
	}
	return sum
}

func (t *model) swapped() int64 {
	var sum int64
	for _, p := range t.parts {
		sum += p.out
	}
	return sum
}
