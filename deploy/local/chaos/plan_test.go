package chaos

import (
	"reflect"
	"testing"
)

func all(t *testing.T) []Kind {
	t.Helper()
	kinds, err := Kinds("")
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestASeedIsAPlan(t *testing.T) {
	t.Parallel()
	first := Plan(7, 200, all(t))
	if !reflect.DeepEqual(first, Plan(7, 200, all(t))) {
		t.Error("the same seed gave another plan")
	}
	if !reflect.DeepEqual(first[:50], Plan(7, 50, all(t))) {
		t.Error("a shorter plan of the same seed begins differently")
	}
	if reflect.DeepEqual(first, Plan(8, 200, all(t))) {
		t.Error("another seed gave the same plan")
	}
}

func TestAPlanHasFaultsOfEveryKindAndPairs(t *testing.T) {
	t.Parallel()
	seen, pairs := map[Kind]int{}, 0
	for _, blow := range Plan(1, 400, all(t)) {
		for _, fault := range blow {
			seen[fault.Kind]++
		}
		if len(blow) == 2 {
			pairs++
			if blow[0].Kind == blow[1].Kind || blow[0].Kind == FreezeRunner || blow[1].Kind == FreezeRunner {
				t.Errorf("a pair of %s", blow)
			}
		}
	}
	if len(seen) != len(weights) || pairs < 20 {
		t.Errorf("%d kinds, %d pairs: %v", len(seen), pairs, seen)
	}
}

func TestOnlyTheKindsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	kinds, err := Kinds("runner, disk")
	if err != nil {
		t.Fatal(err)
	}
	for _, blow := range Plan(3, 100, kinds) {
		for _, fault := range blow {
			if fault.Kind != KillRunner && fault.Kind != FillDisk {
				t.Errorf("a fault of kind %q", fault.Kind)
			}
		}
	}
	if _, err := Kinds("runner,earthquake"); err == nil {
		t.Error("a kind that does not exist was taken")
	}
}
