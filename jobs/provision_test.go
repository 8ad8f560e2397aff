package jobs

import (
	"errors"
	"fmt"
	"testing"
)

func TestASliceIsGivenUpForItsOwnFailuresAlone(t *testing.T) {
	t.Parallel()
	server := errors.New("the engine does not answer")
	own, fatal := &SliceError{errors.New("it stopped")}, &FatalError{errors.New("no image")}
	for _, test := range []struct {
		attempt int
		err     error
		want    bool
	}{
		{1, server, false}, {19, server, false},
		{1, own, false}, {3, own, false}, {4, own, true}, {9, fmt.Errorf("run container: %w", own), true},
		{1, fmt.Errorf("run container: %w", fatal), true},
	} {
		if got := givesUp(test.attempt, test.err); got != test.want {
			t.Errorf("attempt %d, %v: %v, want %v", test.attempt, test.err, got, test.want)
		}
	}
}
