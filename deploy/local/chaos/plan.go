package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Kind is what is done to the system, by the word that FAULTS names it with.
type Kind string

// The kinds of faults.
const (
	KillRunner    Kind = "runner"      // kill -9
	KillFunctions Kind = "functions"   // kill -9
	KillNginx     Kind = "nginx"       // kill -9
	KillPostgres  Kind = "postgres"    // kill -9 of the postmaster
	KillBackend   Kind = "backend"     // kill -9 of one of Postgres's backends, upon which it restarts itself
	KillDockerd   Kind = "dockerd"     // kill -9, and its start a moment later
	KillSlice     Kind = "slice"       // kill -9 of a container's first process
	RemoveSlice   Kind = "removed"     // docker rm -f of a container, by hand
	StopSlice     Kind = "stopped"     // docker stop of a container, by hand
	FillDisk      Kind = "disk"        // no byte and no file more on the slices' disk, for a while
	SlowDocker    Kind = "docker-slow" // each of the engine's answers is held back, for a while
	CutDocker     Kind = "docker-cut"  // the runner's connections to the engine break, and none is to be had for a while
	FreezeRunner  Kind = "frozen"      // the runner is stopped beyond RESCUE_AFTER, a second one is started, and it goes on
)

// weights say how often each kind is drawn, in the order that makes a seed mean the same each time.
var weights = []struct {
	kind   Kind
	weight int
}{
	{KillRunner, 14}, {KillFunctions, 8}, {KillNginx, 6}, {KillPostgres, 9}, {KillBackend, 6}, {KillDockerd, 8},
	{KillSlice, 12}, {RemoveSlice, 9}, {StopSlice, 7}, {FillDisk, 7}, {SlowDocker, 7}, {CutDocker, 6}, {FreezeRunner, 1},
}

// Fault is one that was drawn. What it hits is chosen among what is there at its time, by Pick.
type Fault struct {
	Kind  Kind
	Pick  uint64
	Lasts time.Duration // of those that last a while
	Delay time.Duration // of SlowDocker: of each answer
}

// Blow is what is done at once: one fault, now and then two.
type Blow []Fault

func (b Blow) String() string {
	var names []string
	for _, fault := range b {
		names = append(names, string(fault.Kind))
	}
	return strings.Join(names, " + ")
}

// Kinds reads a list of kinds, separated by commas; "" is all.
func Kinds(text string) ([]Kind, error) {
	var all []Kind
	for _, one := range weights {
		all = append(all, one.kind)
	}
	if text == "" {
		return all, nil
	}
	var chosen []Kind
	for word := range strings.SplitSeq(text, ",") {
		kind := Kind(strings.TrimSpace(word))
		if weightOf(kind) == 0 {
			return nil, fmt.Errorf("there is no fault %q: FAULTS names some of %v, separated by commas", kind, all)
		}
		chosen = append(chosen, kind)
	}
	return chosen, nil
}

func weightOf(kind Kind) int {
	for _, one := range weights {
		if one.kind == kind {
			return one.weight
		}
	}
	return 0
}

// Plan draws n blows of the given kinds; the same seed, number and kinds give the same plan.
func Plan(seed uint64, n int, kinds []Kind) []Blow {
	random := rand.New(rand.NewPCG(seed, 1))
	plan := make([]Blow, n)
	for i := range plan {
		first := draw(random, kinds)
		plan[i] = Blow{first}
		// A frozen runner fills its minute by itself.
		if second := draw(random, kinds); random.IntN(8) == 0 && first.Kind != FreezeRunner && second.Kind != FreezeRunner && second.Kind != first.Kind {
			plan[i] = append(plan[i], second)
		}
	}
	return plan
}

func draw(random *rand.Rand, kinds []Kind) Fault {
	total := 0
	for _, kind := range kinds {
		total += weightOf(kind)
	}
	at := random.IntN(total)
	fault := Fault{
		Pick:  random.Uint64(),
		Lasts: time.Second + time.Duration(random.Int64N(int64(4*time.Second))),
		Delay: 200*time.Millisecond + time.Duration(random.Int64N(int64(14_800*time.Millisecond))),
	}
	for _, kind := range kinds {
		if at -= weightOf(kind); at < 0 {
			fault.Kind = kind
			break
		}
	}
	return fault
}
