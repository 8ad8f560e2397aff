package reclaim

import (
	"slices"
	"testing"

	"slicegate/runner/cgroup"
)

// ranges are from one number to the next, and so on.
func ranges(ends ...uint64) (all []cgroup.Range) {
	for pair := range slices.Chunk(ends, 2) {
		all = append(all, cgroup.Range{Start: pair[0], End: pair[1]})
	}
	return all
}

// A wake that finds little in swap does not have a slice forget what an earlier one taught.
func TestWhatASliceNeedsIsLearnedAndForgotten(t *testing.T) {
	t.Parallel()
	var hot []cgroup.Range
	for _, wake := range []struct{ swapped, present, hot []cgroup.Range }{
		{ranges(0, 100), ranges(10, 30, 200, 300), ranges(10, 30)},
		{ranges(40, 50), ranges(10, 30, 45, 50), ranges(10, 30, 45, 50)},
		{ranges(0, 50), ranges(10, 20, 45, 50), ranges(10, 20, 45, 50)},
	} {
		if hot = needed(wake.swapped, hot, wake.present); !slices.Equal(hot, wake.hot) {
			t.Errorf("of %v it has %v: it is taken to need %v, want %v", wake.swapped, wake.present, hot, wake.hot)
		}
	}
}
