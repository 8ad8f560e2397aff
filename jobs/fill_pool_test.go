package jobs

import (
	"testing"

	"slicegate/store"
)

func TestMissingSlices(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                         string
		poolSize, maxSlices, waiting int
		pool                         store.CountPoolRow
		want                         int
	}{
		{"an empty server", 1, 80, 0, store.CountPoolRow{}, 1},
		{"a full pool", 1, 80, 0, store.CountPoolRow{Available: 1, Live: 9}, 0},
		{"one on its way", 1, 80, 0, store.CountPoolRow{Provisioning: 1, Live: 9}, 0},
		{"three wait", 1, 80, 3, store.CountPoolRow{Live: 9}, 4},
		{"three wait, two on their way", 1, 80, 3, store.CountPoolRow{Provisioning: 2, Live: 11}, 2},
		{"more than wanted", 1, 80, 0, store.CountPoolRow{Available: 3, Live: 9}, 0},
		{"nearly full server", 5, 80, 3, store.CountPoolRow{Live: 78}, 2},
		{"full server", 1, 80, 3, store.CountPoolRow{Live: 80}, 0},
		{"MAX_SLICES was lowered", 1, 40, 3, store.CountPoolRow{Live: 80}, 0},
		{"no pool wanted", 0, 80, 0, store.CountPoolRow{}, 0},
	} {
		if got := missingSlices(test.poolSize, test.maxSlices, test.waiting, test.pool); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}
