package chaos

import (
	"time"
)

// world is what there is at one moment, seen from outside: rows, jobs, containers, files.
type world struct {
	at                  time.Time
	maxSlices, poolSize int

	slices      []sliceRow
	waiting     int // users whom a slice is owed
	containers  []container
	populated   []string // containers, by id, in whose control groups processes are
	roles       []int64  // the slices whose role, schema, directory there is
	schemas     []int64
	directories []int64
	silent      map[int64]string // slices that do not answer on their port, and what happens instead
	jobs        []job            // unfinished and discarded ones
	assigned    map[int64]int    // how often the audit says that a slice was given to somebody
	ordered     map[int64]order  // the last order that each slice took
}

type sliceRow struct {
	id        int64
	status    string
	port      int   // 0: none
	user      int64 // 0: none
	crashes   int
	told      bool // of its failure, by an open alert
	recycling bool
}

type container struct {
	id        string
	slice     int64
	running   bool
	startedAt time.Time
	ports     []int // published
}

type job struct {
	id        int64
	kind      string
	state     string
	slice     int64 // 0: of none
	attempt   int
	runningAt time.Time // of a running one: since
	lastError string
}

// order is one that a customer's account gave.
type order struct {
	name string
	at   time.Time
	sure bool // false: the connection broke before it was known whether it was taken
}

func (w world) row(slice int64) (sliceRow, bool) {
	for _, row := range w.slices {
		if row.id == slice {
			return row, true
		}
	}
	return sliceRow{}, false
}

func (w world) count(statuses ...string) (n int) {
	for _, row := range w.slices {
		for _, status := range statuses {
			if row.status == status {
				n++
			}
		}
	}
	return n
}
