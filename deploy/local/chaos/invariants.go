package chaos

import (
	"fmt"
	"slices"
	"time"
)

// A job of a killed runner goes on within this; none is allowed to run for longer in one go.
const jobStuckAfter = 60 * time.Second

// orderJobs are the kinds of jobs that carry an order or make a slice: none of them may be given up.
// The others look at the whole server and are asked for again by time.
var orderJobs = []string{"provision", "release", "start", "stop", "recycle", "destroy", "move"}

// violations names in words what is not as it must be once everything has settled; none is nil.
func violations(w world) []string {
	var found []string
	for _, check := range []func(world) []string{
		everyUserHasOneSlice, everySliceIsWhole, nothingIsOrphaned, nobodyWaitsInVain, noJobIsLost, ordersHaveTheirEffect,
	} {
		found = append(found, check(w)...)
	}
	return found
}

func everyUserHasOneSlice(w world) (found []string) {
	slicesOf, slicesAt := map[int64][]int64{}, map[int][]int64{}
	for _, row := range w.slices {
		if row.user != 0 {
			slicesOf[row.user] = append(slicesOf[row.user], row.id)
		}
		if row.port != 0 {
			slicesAt[row.port] = append(slicesAt[row.port], row.id)
		}
	}
	for user, ids := range slicesOf {
		if len(ids) > 1 {
			found = append(found, fmt.Sprintf("user %d has the slices %v", user, ids))
		}
	}
	for port, ids := range slicesAt {
		if len(ids) > 1 {
			found = append(found, fmt.Sprintf("port %d is of the slices %v", port, ids))
		}
	}
	for slice, times := range w.assigned {
		if times > 1 {
			found = append(found, fmt.Sprintf("slice %d was given away %d times", slice, times))
		}
	}
	return found
}

// everySliceIsWhole checks that each slice has one of everything that its status needs, and none of
// what it forbids.
func everySliceIsWhole(w world) (found []string) {
	for _, row := range w.slices {
		say := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("slice %d (%s): ", row.id, row.status)+fmt.Sprintf(format, args...))
		}
		switch row.status {
		case "available", "assigned":
			if row.status == "assigned" && row.user == 0 {
				say("has no user")
			}
			w.checkRunning(row, say)
			w.checkKept(row, say)
		case "suspended":
			if row.user == 0 {
				say("has no user")
			}
			for _, one := range w.of(row.id) {
				if one.running {
					say("its container runs")
				}
			}
			w.checkKept(row, say)
		case "failed", "destroyed":
			w.checkGone(row, say)
		default:
			say("is still on its way")
		}
	}
	return found
}

func (w world) of(slice int64) []container {
	return slices.DeleteFunc(slices.Clone(w.containers), func(one container) bool { return one.slice != slice })
}

func (w world) checkRunning(row sliceRow, say func(string, ...any)) {
	containers := w.of(row.id)
	if len(containers) != 1 {
		say("has %d containers", len(containers))
		return
	}
	if one := containers[0]; !one.running {
		say("its container does not run")
	} else if !slices.Equal(one.ports, []int{row.port}) {
		say("its container is published at %v, the row says %d", one.ports, row.port)
	}
	if why, silent := w.silent[row.id]; silent {
		say("does not answer: %s", why)
	}
}

func (w world) checkKept(row sliceRow, say func(string, ...any)) {
	if row.port == 0 {
		say("has no port")
	}
	for _, kind := range w.kinds() {
		if !slices.Contains(kind.of, row.id) {
			say("has no %s", kind.name)
		}
	}
}

func (w world) checkGone(row sliceRow, say func(string, ...any)) {
	if row.port != 0 || row.user != 0 {
		say("has port %d and user %d", row.port, row.user)
	}
	if n := len(w.of(row.id)); n > 0 {
		say("has a container")
	}
	for _, kind := range w.kinds() {
		if slices.Contains(kind.of, row.id) {
			say("has a %s", kind.name)
		}
	}
}

type kindOfThing struct {
	name string
	of   []int64
}

func (w world) kinds() []kindOfThing {
	return []kindOfThing{{"role", w.roles}, {"schema", w.schemas}, {"directory", w.directories}}
}

func nothingIsOrphaned(w world) (found []string) {
	for _, kind := range w.kinds() {
		for _, slice := range kind.of {
			if _, known := w.row(slice); !known {
				found = append(found, fmt.Sprintf("a %s of slice %d, which no row knows", kind.name, slice))
			}
		}
	}
	for _, one := range w.containers {
		if _, known := w.row(one.slice); !known {
			found = append(found, fmt.Sprintf("a container of slice %d, which no row knows", one.slice))
		}
	}
	for _, id := range w.populated {
		if !slices.ContainsFunc(w.containers, func(one container) bool { return one.running && one.id == id }) {
			found = append(found, fmt.Sprintf("processes of container %s, which the engine says does not run", id))
		}
	}
	return found
}

// nobodyWaitsInVain checks that who waits does so because the server is full, and that the pool is
// as full as it may be.
func nobodyWaitsInVain(w world) (found []string) {
	live, free := w.count("provisioning", "available", "assigned", "suspended", "destroying"), w.count("available")
	if live > w.maxSlices {
		found = append(found, fmt.Sprintf("%d slices, and %d are the most", live, w.maxSlices))
	}
	if w.waiting > 0 && (free > 0 || live < w.maxSlices) {
		found = append(found, fmt.Sprintf("%d users wait, with %d slices free and room for %d", w.waiting, free, w.maxSlices-live))
	}
	if w.waiting == 0 && free < w.poolSize && live < w.maxSlices {
		found = append(found, fmt.Sprintf("%d slices are ready, want %d", free, w.poolSize))
	}
	return found
}

func noJobIsLost(w world) (found []string) {
	for _, one := range w.jobs {
		say := func(what string) {
			text := fmt.Sprintf("job %d, %s of slice %d, attempt %d, %s", one.id, one.kind, one.slice, one.attempt, what)
			if one.lastError != "" {
				text += ": " + one.lastError
			}
			found = append(found, text)
		}
		switch {
		case one.state == "running" && w.at.Sub(one.runningAt) > jobStuckAfter:
			say(fmt.Sprintf("has been running for %s", w.at.Sub(one.runningAt).Round(time.Second)))
		case !slices.Contains(orderJobs, one.kind):
		case one.state == "discarded":
			say("was given up")
		default:
			say("is still " + one.state)
		}
	}
	return found
}

// ordersHaveTheirEffect holds the last order that each slice took against what it has come to.
func ordersHaveTheirEffect(w world) (found []string) {
	leadsTo := map[string]string{"suspend": "suspended", "resume": "assigned", "recycle": "assigned", "destroy": "destroyed"}
	for slice, order := range w.ordered {
		row, known := w.row(slice)
		if !order.sure {
			continue
		}
		if want := leadsTo[order.name]; !known || row.status != want {
			found = append(found, fmt.Sprintf("slice %d was told to %s and is %q", slice, order.name, row.status))
			continue
		}
		if order.name != "recycle" {
			continue
		}
		for _, one := range w.of(slice) {
			if one.startedAt.Before(order.at) {
				found = append(found, fmt.Sprintf("slice %d was to be restarted and has run since before", slice))
			}
		}
	}
	for _, row := range w.slices {
		if row.recycling {
			found = append(found, fmt.Sprintf("slice %d waits for its restart", row.id))
		}
	}
	return found
}
