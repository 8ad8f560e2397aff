package chaos

import (
	"strings"
	"testing"
	"time"
)

// whole is a world in which everything is as it must be: one slice of each status that lasts, and
// a server with room for no more.
func whole() world {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return world{
		at: now, maxSlices: 3, poolSize: 1,
		slices: []sliceRow{
			{id: 1, status: "assigned", port: 5001, user: 11},
			{id: 2, status: "suspended", port: 5003, user: 12},
			{id: 3, status: "available", port: 5005},
			{id: 4, status: "destroyed"},
			{id: 5, status: "failed"},
		},
		containers: []container{
			{id: "a", slice: 1, running: true, startedAt: now.Add(-time.Minute), ports: []int{5001}},
			{id: "c", slice: 3, running: true, startedAt: now.Add(-time.Minute), ports: []int{5005}},
		},
		populated: []string{"a", "c"},
		roles:     []int64{1, 2, 3}, schemas: []int64{1, 2, 3}, directories: []int64{1, 2, 3},
		silent: map[int64]string{}, assigned: map[int64]int{1: 1, 2: 1, 4: 1},
		jobs: []job{
			{id: 1, kind: "reconcile", state: "running", runningAt: now.Add(-time.Second)},
			{id: 2, kind: "fan_out", state: "available"},
			{id: 3, kind: "check_walls", state: "discarded"},
		},
		ordered: map[int64]order{
			1: {name: "recycle", at: now.Add(-2 * time.Minute), sure: true},
			2: {name: "suspend", at: now, sure: true},
			4: {name: "destroy", at: now, sure: true},
		},
	}
}

func TestAWorldThatIsWholeViolatesNothing(t *testing.T) {
	t.Parallel()
	if found := violations(whole()); len(found) > 0 {
		t.Fatal(strings.Join(found, "\n"))
	}
}

func TestEachViolationIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		ruin   func(*world)
		naming string
	}{
		{"two slices of a user", func(w *world) { w.slices[1].user = 11 }, "user 11 has the slices [1 2]"},
		{"two slices at a port", func(w *world) { w.slices[2].port = 5001 }, "port 5001 is of the slices [1 3]"},
		{"given twice", func(w *world) { w.assigned[1] = 2 }, "slice 1 was given away 2 times"},
		{"a user without a running slice", func(w *world) { w.containers[0].running = false }, "slice 1 (assigned): its container does not run"},
		{"no container", func(w *world) { w.containers = w.containers[1:] }, "slice 1 (assigned): has 0 containers"},
		{"two containers", func(w *world) { w.containers[1].slice = 1 }, "slice 1 (assigned): has 2 containers"},
		{"another port", func(w *world) { w.containers[0].ports = []int{5009} }, "published at [5009], the row says 5001"},
		{"silence", func(w *world) { w.silent[3] = "refused" }, "slice 3 (available): does not answer: refused"},
		{"an assigned one of nobody", func(w *world) { w.slices[0].user = 0 }, "slice 1 (assigned): has no user"},
		{"a suspended one that runs", func(w *world) {
			w.containers = append(w.containers, container{slice: 2, running: true})
		}, "slice 2 (suspended): its container runs"},
		{"a suspended one of nobody", func(w *world) { w.slices[1].user = 0 }, "slice 2 (suspended): has no user"},
		{"no port", func(w *world) { w.slices[1].port = 0 }, "slice 2 (suspended): has no port"},
		{"no role", func(w *world) { w.roles = w.roles[1:] }, "slice 1 (assigned): has no role"},
		{"no schema", func(w *world) { w.schemas = w.schemas[1:] }, "slice 1 (assigned): has no schema"},
		{"no directory", func(w *world) { w.directories = w.directories[:2] }, "slice 3 (available): has no directory"},
		{"half made", func(w *world) { w.slices[2].status = "provisioning" }, "slice 3 (provisioning): is still on its way"},
		{"half destroyed", func(w *world) { w.slices[1].status = "destroying" }, "slice 2 (destroying): is still on its way"},
		{"a destroyed one's schema", func(w *world) { w.schemas = append(w.schemas, 4) }, "slice 4 (destroyed): has a schema"},
		{"a destroyed one's container", func(w *world) { w.containers[1].slice = 4 }, "slice 4 (destroyed): has a container"},
		{"a failed one's port", func(w *world) { w.slices[4].port = 5011 }, "slice 5 (failed): has port 5011"},
		{"an orphaned container", func(w *world) { w.containers[1].slice = 9 }, "a container of slice 9, which no row knows"},
		{"processes of a container that is no more", func(w *world) { w.populated = append(w.populated, "b") }, "processes of container b, which"},
		{"processes of a container that has ended", func(w *world) { w.containers[1].running = false }, "processes of container c, which"},
		{"an orphaned role", func(w *world) { w.roles = append(w.roles, 9) }, "a role of slice 9, which no row knows"},
		{"an orphaned directory", func(w *world) { w.directories = append(w.directories, 9) }, "a directory of slice 9"},
		{"a wait beside a free slice", func(w *world) { w.waiting = 2 }, "2 users wait, with 1 slices free"},
		{"a wait beside room", func(w *world) { w.waiting, w.maxSlices, w.slices[2].status = 1, 9, "assigned" }, "1 users wait, with 0 slices free and room for 6"},
		{"an empty pool", func(w *world) { w.maxSlices, w.poolSize = 9, 2 }, "1 slices are ready, want 2"},
		{"too many", func(w *world) { w.maxSlices = 2 }, "3 slices, and 2 are the most"},
		{"a job of a dead runner", func(w *world) { w.jobs[0].runningAt = w.at.Add(-61 * time.Second) }, "reconcile of slice 0, attempt 0, has been running for 1m1s"},
		{"a job that was given up", func(w *world) {
			w.jobs = append(w.jobs, job{id: 7, kind: "destroy", state: "discarded", slice: 4, attempt: 20, lastError: "no"})
		}, "job 7, destroy of slice 4, attempt 20, was given up: no"},
		{"a job that is not done", func(w *world) { w.jobs = append(w.jobs, job{kind: "stop", state: "retryable", slice: 2}) }, "stop of slice 2, attempt 0, is still retryable"},
		{"an order without effect", func(w *world) { w.ordered[2] = order{name: "destroy", sure: true} }, `slice 2 was told to destroy and is "suspended"`},
		{"a restart that was not", func(w *world) { w.ordered[1] = order{name: "recycle", at: w.at, sure: true} }, "slice 1 was to be restarted and has run since before"},
		{"a restart that waits", func(w *world) { w.slices[0].recycling = true }, "slice 1 waits for its restart"},
	} {
		w := whole()
		test.ruin(&w)
		if found := strings.Join(violations(w), "\n"); !strings.Contains(found, test.naming) {
			t.Errorf("%s: %q is not in what was found:\n%s", test.name, test.naming, found)
		}
	}
	w := whole()
	w.ordered[2] = order{name: "destroy"} // of which nobody knows whether it was taken
	if found := violations(w); len(found) > 0 {
		t.Error(found)
	}
}
