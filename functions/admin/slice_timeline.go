package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"slicegate/store"
	"slicegate/views"
)

// So many events of a kind are read, and of all so many shown.
const (
	eventsRead  = 60
	eventsShown = 40
)

func (rs *routes) sliceTimeline() {
	rs.handle(Route{Method: http.MethodGet, Pattern: "/admin/slices/:slice/timeline"}, func(v *visit) error {
		id, err := v.number("slice")
		if err != nil {
			return err
		}
		if _, err := v.queries.SliceByID(v.Context(), id); err != nil {
			return err
		}
		timeline, err := v.timeline(id)
		if err != nil {
			return err
		}
		return v.json(timeline.Plots)
	})
}

// timeline is what a slice held, did and went through, over the span that a page is asked for.
func (v *visit) timeline(slice int64) (t views.AdminTimeline, err error) {
	span := spanOf(v.URL.Query().Get("range"))
	t = views.AdminTimeline{Slice: slice, Range: span.name, Ranges: spanOptions(), Title: span.title}
	rows, err := v.sliceRows(slice, span)
	if err != nil {
		return t, err
	}
	times := make([]time.Time, len(rows))
	for i, row := range rows {
		times[i] = row.Timestamp
	}
	if t.Events, t.More, err = v.events(slice, span, rows); err != nil {
		return t, err
	}
	t.States = stretchesOf(rows, span.stepOf(times))
	t.Plots = span.plots("timeline-plots", v.now, times)
	t.Plots.Source = fmt.Sprintf("%s/timeline?range=%s", pathOf(slice), span.name)
	t.Plots.Said = views.AdminNewest(newest(rows).Timestamp, span.stepOf(times), v.now)
	t.Plots.Plots = []views.AdminPlot{timelineMemory(rows, t), timelineTraffic(rows), timelineIdle(rows), timelineCPU(rows)}
	return t, nil
}

func (v *visit) sliceRows(slice int64, span span) (rows []store.SliceMinutesRow, err error) {
	since := span.since(v.now)
	switch span.name {
	case "7d":
		quarters, err := v.queries.SliceQuarters(v.Context(), store.SliceQuartersParams{SliceID: slice, Since: since, Until: v.now})
		for _, row := range quarters {
			rows = append(rows, store.SliceMinutesRow(row))
		}
		return rows, err
	case "30d":
		hours, err := v.queries.SliceHours(v.Context(), store.SliceHoursParams{SliceID: slice, Since: since, Until: v.now})
		for _, row := range hours {
			rows = append(rows, store.SliceMinutesRow(row))
		}
		return rows, err
	}
	return v.queries.SliceMinutes(v.Context(), store.SliceMinutesParams{SliceID: slice, Since: since, Until: v.now})
}

func timelineMemory(rows []store.SliceMinutesRow, t views.AdminTimeline) views.AdminPlot {
	p := views.AdminPlot{Name: "memory", Title: "Memory, with WhatsApp's state above it", Unit: "bytes", Stacked: true}
	p.Add("RAM", column(rows, func(r store.SliceMinutesRow) float64 { return r.Rss }))
	p.Add("Swap", column(rows, func(r store.SliceMinutesRow) float64 { return r.Swap }))
	p.Strip = t.States
	for _, event := range t.Events {
		p.Marks = append(p.Marks, views.AdminPoint{At: unix(event.At), Number: event.Number, Words: event.Words})
	}
	return p
}

func timelineTraffic(rows []store.SliceMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "traffic", Title: "Traffic, in and out", Unit: "bytes/s", Stacked: true}
	p.Add("its user", column(rows, func(r store.SliceMinutesRow) float64 { return r.UserRate }))
	p.Add("the platform", column(rows, func(r store.SliceMinutesRow) float64 { return r.PlatformRate }))
	p.Add("WhatsApp", column(rows, func(r store.SliceMinutesRow) float64 { return r.UpstreamRate }))
	return p
}

func timelineIdle(rows []store.SliceMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "idle", Title: "Time since its user's last packet, or its start", Unit: "s"}
	p.Add("Idle", column(rows, func(r store.SliceMinutesRow) float64 { return r.Idle }))
	return p
}

func timelineCPU(rows []store.SliceMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "cpu", Title: "CPU, of one core", Unit: "%"}
	p.Add("Busy", column(rows, func(r store.SliceMinutesRow) float64 { return r.Cpu }))
	return p
}

// stretchesOf are the times in which WhatsApp stayed in one state. A gap between samples ends one, and so does
// a sample that knows none.
func stretchesOf(rows []store.SliceMinutesRow, step time.Duration) (stretches []views.AdminStretch) {
	state, until := "", time.Time{}
	for _, row := range rows {
		goesOn := row.State == state && row.Timestamp.Sub(until) <= step/2
		until = row.Timestamp.Add(step)
		if row.State == "" {
			state = ""
			continue
		}
		if goesOn {
			stretches[len(stretches)-1].Until = unix(until)
			continue
		}
		state = row.State
		if last := len(stretches) - 1; last >= 0 { // a sample stands for what comes after it, until another does
			stretches[last].Until = min(stretches[last].Until, unix(row.Timestamp))
		}
		stretches = append(stretches, views.AdminStretch{From: unix(row.Timestamp), Until: unix(until), Words: state, Level: views.AdminStateLevel(state)})
	}
	return stretches
}

// events are what happened to a slice, the newest first, and whether there was more than is shown.
func (v *visit) events(slice int64, span span, rows []store.SliceMinutesRow) (events []views.AdminEvent, more bool, err error) {
	ctx, since := v.Context(), span.since(v.now)
	steps, err := v.queries.ReclaimsOfSlice(ctx, store.ReclaimsOfSliceParams{SliceID: slice, Since: since, Until: v.now, Most: eventsRead})
	if err != nil {
		return nil, false, err
	}
	for _, step := range steps {
		events = append(events, views.AdminEvent{At: step.At, Kind: "memory", Words: views.AdminReclaimWords(step)})
	}
	wakes, err := v.queries.WakesOfSlice(ctx, store.WakesOfSliceParams{SliceID: slice, Since: since, Until: v.now, Most: eventsRead})
	if err != nil {
		return nil, false, err
	}
	for _, wake := range wakes {
		events = append(events, views.AdminEvent{At: wake.At, Kind: "wake", Words: views.AdminWakeWords(wake)})
	}
	alerts, err := v.queries.AlertsOfSliceSince(ctx, store.AlertsOfSliceSinceParams{Subject: subjectOf(slice), Since: since, Until: v.now, Most: eventsRead})
	if err != nil {
		return nil, false, err
	}
	for _, alert := range alerts {
		events = append(events, views.AdminEvent{At: alert.OpenedAt, Kind: "alert", Words: views.AdminAlertWords(alert, v.now)})
	}
	events = append(events, containerEvents(rows, since)...)
	byTime := func(a, b views.AdminEvent) int { return cmp.Or(sooner(a.At, b.At), cmp.Compare(a.Kind, b.Kind)) }
	if more = len(events) > eventsShown; more {
		// What comes and goes every day must not push out what does not.
		slices.SortStableFunc(events, func(a, b views.AdminEvent) int { return cmp.Or(cmp.Compare(daily(a), daily(b)), byTime(a, b)) })
		events = events[:eventsShown]
	}
	slices.SortStableFunc(events, byTime)
	for i := range events {
		events[i].Number = i + 1
	}
	return events, more, nil
}

func daily(event views.AdminEvent) int {
	if event.Kind == "memory" || event.Kind == "wake" {
		return 1
	}
	return 0
}

// containerEvents are its starts, and processes that the kernel ended.
func containerEvents(rows []store.SliceMinutesRow, since time.Time) (events []views.AdminEvent) {
	var container time.Time
	for _, row := range rows {
		if !row.StartedAt.Equal(container) && !row.StartedAt.Before(since) {
			events = append(events, views.AdminEvent{At: row.StartedAt, Kind: "start", Words: "Its container was started."})
		}
		container = row.StartedAt
		if row.Kills > 0 {
			events = append(events, views.AdminEvent{At: row.Timestamp, Kind: "kill", Words: "The kernel ended a process of it for want of memory."})
		}
	}
	return events
}
