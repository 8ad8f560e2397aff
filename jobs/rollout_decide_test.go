package jobs

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/rollouts"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(minutes int) *time.Time {
	t := noon.Add(time.Duration(minutes) * time.Minute)
	return &t
}

// row is a slice of a rollout: somebody's, who is away.
func row(id int64, state string, changes ...func(*store.RolloutSlicesRow)) store.RolloutSlicesRow {
	user := id
	r := store.RolloutSlicesRow{SliceID: id, State: state, Status: "assigned", UserID: &user, FromImage: "old", LastWaState: "starting"}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func inUse(r *store.RolloutSlicesRow)  { r.InUse = true }
func ofPool(r *store.RolloutSlicesRow) { r.Status, r.UserID = "available", nil }
func isCanary(r *store.RolloutSlicesRow) {
	first := int32(1)
	r.Canary, r.Batch = true, &first
}

func with(status string) func(*store.RolloutSlicesRow) {
	return func(r *store.RolloutSlicesRow) { r.Status = status }
}
func ended(minute int) func(*store.RolloutSlicesRow) {
	return func(r *store.RolloutSlicesRow) { r.EndedAt = at(minute) }
}
func failedAt(minute int) func(*store.RolloutSlicesRow) {
	return func(r *store.RolloutSlicesRow) { r.FailedAt, r.Note = at(minute), "why" }
}
func reached(minute int) func(*store.RolloutSlicesRow) {
	return func(r *store.RolloutSlicesRow) { r.ReachedAt = at(minute) }
}

// many are n rows from an id on.
func many(n int, from int64, state string, changes ...func(*store.RolloutSlicesRow)) (rows []store.RolloutSlicesRow) {
	for i := range int64(n) {
		rows = append(rows, row(from+i, state, changes...))
	}
	return rows
}

func TestTheNextStepOfARollout(t *testing.T) {
	t.Parallel()
	ready := []store.RolloutServer{{Server: "a", PreparedAt: &noon}}
	canary := row(1, "done", isCanary, ended(0))
	here, alone := "a", int64(1)
	for name, test := range map[string]struct {
		state  string
		paused bool
		over   bool
		slice  *int64
		check  *string // the server that checks the image
		since  int     // minutes that it has had for that
		server store.RolloutServer
		rows   []store.RolloutSlicesRow
		want   next
	}{
		"the image is being checked":     {state: "checking", check: &here, since: 14, want: next{}},
		"it is not checked in time":      {state: "checking", check: &here, since: 15, want: next{state: "refused", reason: "server a has not said within 15 minutes whether the image can be a slice: see whether its runner works, and start again"}},
		"the server that checks is gone": {state: "checking", want: next{state: "refused", reason: "the server that was to check the image is gone"}},
		"refused":                        {state: "refused", over: true, want: next{}},
		"a slice alone":                  {state: "running", slice: &alone, rows: many(1, 1, "pending"), want: next{begin: []int64{1}, canary: true, batch: 1}},
		"alone, and in use":              {state: "running", slice: &alone, rows: many(1, 1, "pending", inUse), want: next{begin: []int64{1}, canary: true, batch: 1}},
		"alone, and down":                {state: "running", slice: &alone, rows: many(1, 1, "pending", with("suspended")), want: next{rest: []int64{1}, batch: 1}},
		"alone, and it failed": {
			state: "running", slice: &alone, rows: many(1, 1, "rolling_back", isCanary, failedAt(1)),
			want: next{state: "halted", reason: "slice 1 failed: why"},
		},
		"alone, and done":                 {state: "running", slice: &alone, rows: many(1, 1, "done", isCanary, ended(1)), want: next{over: true, batch: 2}},
		"alone, and back":                 {state: "rolling_back", slice: &alone, rows: many(1, 1, "done", isCanary, ended(1)), want: next{begin: []int64{1}, batch: 2}},
		"a server is not ready":           {state: "preparing", server: store.RolloutServer{Server: "b"}, want: next{}},
		"a server cannot take part":       {state: "preparing", server: store.RolloutServer{Server: "b", Error: "no image"}, want: next{state: "halted", reason: "server b: no image"}},
		"all are ready":                   {state: "preparing", want: next{state: "running"}},
		"all are ready, and it is paused": {state: "preparing", paused: true, want: next{}},
		"one alone first":                 {state: "running", rows: many(8, 1, "pending"), want: next{begin: []int64{1}, canary: true, batch: 1}},
		"the one that tells most": {
			state: "running", rows: []store.RolloutSlicesRow{
				row(1, "pending", ofPool), row(2, "pending", with("suspended")), row(3, "pending", inUse), row(4, "pending"),
				row(5, "pending", func(r *store.RolloutSlicesRow) { r.LastWaState = "ready" }),
				row(6, "pending", func(r *store.RolloutSlicesRow) { r.LastWaState, r.Crashes = "ready", 2 }),
			}, want: next{begin: []int64{5}, canary: true, batch: 1},
		},
		"the canary is under way": {state: "running", rows: append(many(8, 2, "pending"), row(1, "verifying", isCanary)), want: next{}},
		"the canary failed": {
			state: "running", rows: append(many(30, 2, "pending"), row(1, "rolling_back", isCanary, failedAt(1))),
			want: next{state: "halted", reason: "the canary, slice 1, failed: why"},
		},
		"the canary was suspended, which tells nothing": {
			state: "running", rows: []store.RolloutSlicesRow{row(1, "done", isCanary, ended(0), func(r *store.RolloutSlicesRow) { r.Resting = true }), row(2, "pending"), row(3, "pending")},
			want: next{begin: []int64{2}, canary: true, batch: 2},
		},
		"then a batch, the pool first": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", inUse), row(3, "pending"), row(4, "pending", ofPool), row(5, "pending"), row(6, "pending")},
			want: next{begin: []int64{4, 3, 5}, batch: 2},
		},
		"the batch is not over":        {state: "running", rows: append(many(2, 3, "pending"), canary, row(2, "updating")), want: next{}},
		"one of it is on its way back": {state: "running", rows: append(many(20, 3, "pending"), canary, row(2, "rolling_back", failedAt(1))), want: next{}},
		"paused":                       {state: "running", paused: true, rows: append(many(2, 3, "pending"), canary), want: next{}},
		"all that are left are in use": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", inUse), row(3, "pending", inUse, reached(-10))},
			want: next{reach: []int64{2}, batch: 2},
		},
		"for an hour": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", inUse, reached(-59)), row(3, "pending", inUse, reached(-60))},
			want: next{begin: []int64{3}, batch: 2, reach: nil},
		},
		"one of two in use is left alone": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", inUse, reached(-1)), row(3, "pending", reached(-1))},
			want: next{begin: []int64{3}, batch: 2},
		},
		"what is down only has its image set": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", with("suspended")), row(3, "pending", with("failed")), row(4, "pending")},
			want: next{rest: []int64{2, 3}, begin: []int64{4}, batch: 2},
		},
		"but not before the canary": {
			state: "running", rows: []store.RolloutSlicesRow{row(2, "pending", with("suspended")), row(4, "pending")},
			want: next{begin: []int64{4}, canary: true, batch: 1},
		},
		"all are down": {state: "running", rows: many(2, 1, "pending", with("suspended")), want: next{rest: []int64{1, 2}, batch: 1}},
		"one is gone": {
			state: "running", rows: []store.RolloutSlicesRow{canary, row(2, "pending", with("destroying")), row(3, "pending", with("failed"), func(r *store.RolloutSlicesRow) { r.UserID = nil })},
			want: next{skip: []int64{2, 3}, batch: 2},
		},
		"two in a row failed": {
			state: "running", rows: append(many(50, 10, "done", ended(1)), canary, row(2, "rolled_back", failedAt(2)), row(3, "rolling_back", failedAt(3))),
			want: next{state: "halted", reason: "two in a row failed, slices 2 and 3: why"},
		},
		"two failed, and between them one did not": {
			state: "running", rows: append(many(50, 10, "pending"), canary, row(2, "rolled_back", failedAt(2)), row(4, "done", ended(3)), row(3, "rolled_back", failedAt(4))),
			want: next{begin: []int64{10, 11, 12}, batch: 2},
		},
		"a tenth failed": {
			state: "running", rows: append(many(8, 10, "pending"), canary, row(2, "rolled_back", failedAt(2))),
			want: next{begin: []int64{10, 11, 12}, batch: 2},
		},
		"more than a tenth failed": {
			state: "running", rows: append(many(7, 10, "pending"), canary, row(2, "rolled_back", failedAt(2)), row(3, "skipped")),
			want: next{state: "halted", reason: "1 of 9 slices failed, more than a tenth"},
		},
		"none is left":             {state: "running", rows: []store.RolloutSlicesRow{canary}, want: next{over: true, batch: 2}},
		"there was none":           {state: "running", want: next{over: true, batch: 1}},
		"halted, one is under way": {state: "halted", rows: []store.RolloutSlicesRow{row(1, "rolling_back")}, want: next{}},
		"halted":                   {state: "halted", rows: []store.RolloutSlicesRow{row(1, "rolled_back"), row(2, "pending")}, want: next{finished: true}},
		"aborted":                  {state: "aborted", rows: []store.RolloutSlicesRow{row(1, "done"), row(2, "pending")}, want: next{finished: true}},
		"finished":                 {state: "halted", over: true, rows: []store.RolloutSlicesRow{row(2, "pending")}, want: next{}},
		"everybody back, in batches": {
			state: "rolling_back", rows: append(many(4, 2, "done", ended(1)), canary, row(8, "pending"), row(9, "to_roll_back"), row(7, "rolled_back")),
			want: next{begin: []int64{2, 3, 4}, batch: 2},
		},
		"back: what is down, what is gone": {
			state: "rolling_back", rows: []store.RolloutSlicesRow{row(2, "done", with("suspended")), row(3, "done", with("destroyed")), row(4, "done")},
			want: next{rest: []int64{2}, skip: []int64{3}, begin: []int64{4}, batch: 1},
		},
		"back: the batch is not over": {state: "rolling_back", rows: []store.RolloutSlicesRow{row(2, "done"), row(3, "rolling_back")}, want: next{}},
		"back: over":                  {state: "rolling_back", rows: []store.RolloutSlicesRow{row(2, "rolled_back"), row(3, "pending")}, want: next{over: true, batch: 1}},
		"back: it leads nowhere": {
			state: "rolling_back", rows: append(many(3, 10, "done"), row(2, "failed", ended(1)), row(3, "failed", ended(2))),
			want: next{state: "halted", reason: "two in a row could not be taken back, slices 2 and 3: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleet{rollout: store.Rollout{State: test.state, Paused: test.paused, BatchSize: 3, SliceID: test.slice, CheckServer: test.check, CreatedAt: *at(-test.since)}, servers: ready, slices: test.rows, patience: time.Hour, now: noon}
			if test.server.Server != "" {
				f.servers = append(slices.Clone(ready), test.server)
			}
			if test.over {
				f.rollout.FinishedAt = &noon
			}
			if got := decide(f); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// world is a fleet in which anything happens, and the rules that must hold in it.
type world struct {
	*testing.T
	fleet
	random    *rand.Rand
	breaks    float64 // how often a slice fails on the new image
	halted    bool
	nextSlice int64
}

func TestRandomRollouts(t *testing.T) {
	t.Parallel()
	ends := map[string]int{}
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 7))
		w := &world{T: t, random: random, breaks: []float64{0, 0.02, 0.2, 1}[random.IntN(4)]}
		w.rollout, w.patience, w.now = store.Rollout{State: "preparing", BatchSize: int32(1 + random.IntN(10))}, time.Hour, noon
		w.servers = []store.RolloutServer{{Server: "a"}}
		for range random.IntN(40) {
			w.add()
		}
		if end := w.run(); end == "" {
			t.Fatalf("seed %d: it never ended: %+v", seed, w.rollout)
		} else {
			ends[end]++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, end := range []string{"done", "halted", "rolled_back", "aborted"} {
		if ends[end] < 10 {
			t.Errorf("only %d of these rollouts ended %s: %v", ends[end], end, ends)
		}
	}
}

func (w *world) add() {
	w.nextSlice++
	changes := []func(*store.RolloutSlicesRow){func(*store.RolloutSlicesRow) {}, ofPool, inUse, with("suspended")}
	w.slices = append(w.slices, row(w.nextSlice, "pending", changes[w.random.IntN(len(changes))]))
}

func (w *world) run() string {
	for range 4000 {
		w.now = w.now.Add(time.Duration(w.random.IntN(300)) * time.Second)
		w.happen()
		for range 10 { // as the worker repeats itself
			w.take(decide(w.fleet))
		}
		if w.rollout.FinishedAt != nil {
			return w.rollout.State
		}
	}
	return ""
}

// happen lets the world go on: slices get further, people come and go, operators change their minds.
func (w *world) happen() {
	w.servers[0].PreparedAt = &w.now
	now := w.now
	for i := range w.slices {
		s := &w.slices[i]
		switch {
		case !rollouts.UnderWay(s.State):
		case w.random.Float64() < 0.05:
			s.Status = []string{"suspended", "destroying"}[w.random.IntN(2)]
			s.State, s.Resting, s.EndedAt = "done", true, &now
			if s.Status == "destroying" {
				s.State = "skipped"
			}
		case s.State == "rolling_back":
			s.State, s.EndedAt = "rolled_back", &now
		case w.random.Float64() < w.breaks:
			s.State, s.FailedAt = "rolling_back", &now
		case s.State == "updating":
			s.State = "verifying"
		default:
			s.State, s.EndedAt = "done", &now
		}
		if w.random.Float64() < 0.1 && s.UserID != nil {
			s.InUse = !s.InUse
		}
	}
	if w.rollout.State == "running" && w.random.Float64() < 0.05 && len(w.slices) < 60 {
		w.add()
	}
	switch p := w.random.Float64(); {
	case p < 0.03:
		w.rollout.Paused = true
	case p < 0.2:
		w.rollout.Paused = false
	case p < 0.21 && w.rollout.State == "running":
		w.rollout.State, w.rollout.Paused = "aborted", false
	case p < 0.22 && w.rollout.State == "running":
		w.rollout.State, w.rollout.Paused = "rolling_back", false
	}
}

// take does what was decided, and looks whether it may be.
func (w *world) take(n next) {
	under := w.underWay()
	if len(n.begin) > 0 && under > 0 {
		w.Errorf("%v are begun while %d are under way", n.begin, under)
	}
	if len(n.begin) > int(w.rollout.BatchSize) || n.canary && len(n.begin) > 1 {
		w.Errorf("a batch of %d, canary %v", len(n.begin), n.canary)
	}
	if w.rollout.State == "running" && len(n.begin) > 0 && !n.canary && !slices.ContainsFunc(w.slices, verified) {
		w.Error("a batch before any canary was seen to work")
	}
	forth := w.rollout.State == "running"
	if len(n.begin) > 0 && (w.rollout.Paused || !forth && w.rollout.State != "rolling_back" || forth && w.halted) {
		w.Errorf("%v are begun in state %s, paused %v", n.begin, w.rollout.State, w.rollout.Paused)
	}
	now := w.now
	for i := range w.slices {
		s := &w.slices[i]
		switch {
		case slices.Contains(n.begin, s.SliceID):
			if forth && s.InUse && (s.ReachedAt == nil || now.Sub(*s.ReachedAt) < w.patience) {
				w.Errorf("slice %d is in use", s.SliceID)
			}
			if forth && s.FailedAt != nil {
				w.Errorf("slice %d has failed before", s.SliceID)
			}
			batch := int32(n.batch)
			s.State, s.Batch, s.Canary = map[bool]string{true: "updating", false: "rolling_back"}[forth], &batch, s.Canary || n.canary
		case slices.Contains(n.rest, s.SliceID):
			s.State, s.Resting, s.EndedAt = map[bool]string{true: "done", false: "rolled_back"}[forth], true, &now
		case slices.Contains(n.skip, s.SliceID):
			s.State = "skipped"
		case slices.Contains(n.reach, s.SliceID):
			s.ReachedAt = &now
		}
	}
	switch {
	case n.state != "":
		w.rollout.State, w.rollout.Paused = n.state, false
		w.halted = w.halted || n.state == "halted"
	case n.finished:
		w.rollout.FinishedAt = &now
	case n.over:
		for _, s := range w.slices {
			if s.State == "pending" && forth || s.State == "done" && !forth {
				w.Errorf("over, and slice %d is %s", s.SliceID, s.State)
			}
		}
		w.rollout.State, w.rollout.FinishedAt = map[bool]string{true: "done", false: "rolled_back"}[forth], &now
	}
}

func TestPinnedName(t *testing.T) {
	t.Parallel()
	const id = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for image, want := range map[string]string{
		"whatsapp-slice:latest":         "whatsapp-slice",
		"whatsapp-slice":                "whatsapp-slice",
		"ghcr.io/someone/slice:v2":      "ghcr.io/someone/slice",
		"localhost:5000/slice:v2":       "localhost:5000/slice",
		"slice@" + id:                   "slice",
		id:                              "whatsapp-slice",
		"whatsapp-slice:rollout-456789": "whatsapp-slice",
	} {
		name := PinnedName(image, id)
		if name != want+":rollout-0123456789ab" || !isPinned(name) || PinnedName(name, id) != name {
			t.Errorf("%s: %s", image, name)
		}
		if pinned := isPinned(image); pinned != (image == "whatsapp-slice:rollout-456789") {
			t.Errorf("%s is pinned: %v", image, pinned)
		}
	}
}
