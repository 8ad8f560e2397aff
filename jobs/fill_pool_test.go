package jobs

import "testing"

func TestMissingSlices(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		poolSize int
		pool     poolState
		want     int
	}{
		{"an empty server", 1, poolState{}, 1},
		{"a full pool", 1, poolState{ready: 1, live: 9}, 0},
		{"one on its way", 1, poolState{coming: 1, live: 9}, 0},
		{"three wait", 1, poolState{waiting: 3, live: 9}, 4},
		{"three wait, two on their way", 1, poolState{waiting: 3, coming: 2, live: 11}, 2},
		{"two at Checkout", 1, poolState{kept: 2, ready: 1, live: 9}, 2},
		{"more than wanted", 1, poolState{ready: 3, live: 9}, 0},
		{"no pool wanted", 0, poolState{}, 0},
	} {
		if got := missingSlices(test.poolSize, test.pool); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	w := FillPool{MaxSlices: 80, Memory: 256 * mb, MemoryLeft: 1024 * mb}
	for _, test := range []struct {
		name string
		pool poolState
		free int64
		want int
	}{
		{"an empty server", poolState{}, 64 * 1024 * mb, 80},
		{"nearly full", poolState{live: 78}, 64 * 1024 * mb, 2},
		{"full", poolState{live: 80}, 64 * 1024 * mb, 0},
		{"MAX_SLICES was lowered", poolState{live: 90}, 64 * 1024 * mb, 0},
		{"little memory", poolState{live: 9}, 2048 * mb, 4},
		{"little memory, some of it promised", poolState{live: 9, coming: 3}, 2048 * mb, 1},
		{"no memory", poolState{live: 9}, 1100 * mb, 0},
		{"less than none", poolState{live: 9}, 100 * mb, 0},
	} {
		if got := w.room(test.pool, test.free); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}
