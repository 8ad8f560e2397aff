package reclaim

import "time"

// Newest is the last reading of a slice, and since when it runs: what Decide saw of it.
func (c *Controller) Newest(slice int64) (reading Reading, started time.Time, there bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tenants[slice]
	if t == nil || len(t.History) == 0 {
		return Reading{}, time.Time{}, false
	}
	return t.History[len(t.History)-1], t.Started, true
}

// Recorded is what a controller saw of one slice while it was idle, and what it took: written by
// `make bench-memory RECORD=...`, and replayed.
type Recorded struct {
	Profile  string
	Started  time.Time
	Readings []Reading
	Steps    []RecordedStep
}

// RecordedStep is a step that was carried out; sizes are bytes.
type RecordedStep struct {
	At           time.Time
	Asked, Given int64
}
