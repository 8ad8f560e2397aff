package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"slicegate/store"
	"slicegate/store/answers"
	"slicegate/views"
)

// So many of the slices that grow most are shown.
const growersShown = 10

// telemetry registers the pictures of a server.
func (rs *routes) telemetry() {
	rs.link("/admin/telemetry", "Telemetry")
	rs.page("/admin/telemetry", "Telemetry", rs.telemetryPage)
	rs.handle(Route{Method: http.MethodGet, Pattern: "/admin/telemetry/plots"}, func(v *visit) error {
		asked, err := v.askedServer()
		if err != nil {
			return err
		}
		plots, _, err := rs.serverPlots(v, asked)
		if err != nil {
			return err
		}
		return v.json(plots)
	})
}

// json answers a script.
func (v *visit) json(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("answer a script: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	// The status is out: an error here is a client that has gone.
	_, _ = v.w.Write(body)
	return nil
}

// serverAsked is which server and span a page is of; what is not there is the first.
type serverAsked struct {
	span    span
	server  string
	servers []string
}

func (v *visit) askedServer() (asked serverAsked, err error) {
	query := v.URL.Query()
	asked.span = spanOf(query.Get("range"))
	if asked.servers, err = v.queries.ListServers(v.Context()); err != nil {
		return asked, err
	}
	for i, name := range asked.servers {
		if i == 0 || name == query.Get("server") {
			asked.server = name
		}
	}
	return asked, nil
}

// path is that of one of the pages that are asked for a server and a span.
func (a serverAsked) path(page string) string {
	return page + "?" + url.Values{"server": {a.server}, "range": {a.span.name}}.Encode()
}

func (rs *routes) telemetryPage(v *visit) (templ.Component, error) {
	asked, err := v.askedServer()
	if err != nil {
		return nil, err
	}
	page := views.AdminTelemetryPage{Server: asked.server, Servers: asked.servers, Range: asked.span.name, Ranges: spanOptions(), Title: asked.span.title}
	if asked.server == "" {
		return views.AdminTelemetry(page), nil
	}
	var rows []store.ServerMinutesRow
	if page.Plots, rows, err = rs.serverPlots(v, asked); err != nil {
		return nil, err
	}
	page.Empty = len(rows) == 0
	page.Silent = len(rows) > 0 && asked.span == spans[0] && v.now.Sub(newest(rows).Timestamp) > sampleLasts
	for _, row := range rows {
		page.Kills += row.Kills
	}
	if page.Growers, err = v.growers(asked); err != nil {
		return nil, err
	}
	return views.AdminTelemetry(page), nil
}

// serverRows are the points of a span.
func (v *visit) serverRows(asked serverAsked) (rows []store.ServerMinutesRow, err error) {
	since := asked.span.since(v.now)
	switch asked.span.name {
	case "7d":
		quarters, err := v.queries.ServerQuarters(v.Context(), store.ServerQuartersParams{Server: asked.server, Since: since, Until: v.now})
		for _, row := range quarters {
			rows = append(rows, store.ServerMinutesRow(row))
		}
		return rows, err
	case "30d":
		hours, err := v.queries.ServerHours(v.Context(), store.ServerHoursParams{Server: asked.server, Since: since, Until: v.now})
		for _, row := range hours {
			rows = append(rows, store.ServerMinutesRow(row))
		}
		return rows, err
	}
	return v.queries.ServerMinutes(v.Context(), store.ServerMinutesParams{Server: asked.server, Since: since, Until: v.now})
}

func (rs *routes) serverPlots(v *visit, asked serverAsked) (p views.AdminPlots, rows []store.ServerMinutesRow, err error) {
	if rows, err = v.serverRows(asked); err != nil {
		return p, nil, err
	}
	times := make([]time.Time, len(rows))
	for i, row := range rows {
		times[i] = row.Timestamp
	}
	p = asked.span.plots("server", v.now, times)
	p.Source, p.Said = asked.path("/admin/telemetry/plots"), views.AdminNewest(newest(rows).Timestamp, asked.span.stepOf(times), v.now)
	p.Plots = []views.AdminPlot{
		rs.memoryPlot(rows), rs.swapInPlot(asked.span, rows), swapOutPlot(rows), slicesMemoryPlot(rows),
		rs.cpuPlot(rows), pressurePlot(rows), slicesPlot(rows), rs.diskPlot(rows),
	}
	return p, rows, nil
}

func (rs *routes) memoryPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "memory", Title: "RAM and swap in use", Unit: "bytes", Note: "A numbered mark is where the kernel ended a process for want of memory."}
	p.Add("RAM", column(rows, func(r store.ServerMinutesRow) float64 { return r.RamUsed }))
	p.Add("Swap", column(rows, func(r store.ServerMinutesRow) float64 { return r.SwapUsed }))
	p.Add("RAM of compressed swap", column(rows, func(r store.ServerMinutesRow) float64 { return r.SwapRam }))
	if last := newest(rows); last.RamTotal > 0 {
		p.Lines = append(p.Lines, views.AdminLevelLine{Label: "All RAM", Value: last.RamTotal, Always: true}, views.AdminLevelLine{Label: "Alert: RAM above", Value: rs.Lines.RAM * last.RamTotal, Always: true, Bad: true})
		if last.SwapTotal > 0 {
			p.Lines = append(p.Lines, views.AdminLevelLine{Label: "All swap", Value: last.SwapTotal, Always: true})
		}
	}
	for _, row := range rows {
		if row.Kills > 0 {
			p.Marks = append(p.Marks, views.AdminPoint{At: unix(row.Timestamp), Number: len(p.Marks) + 1, Words: views.AdminTime(row.Timestamp)})
		}
	}
	return p
}

func (rs *routes) swapInPlot(span span, rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{
		Name: "swap-in", Title: "Pages read back from swap, a second", Unit: "pages/s",
		Lines: []views.AdminLevelLine{{Label: fmt.Sprintf("Alert: for %s above", views.AdminSpan(rs.Lines.SwapInFor)), Value: rs.Lines.SwapIn, Bad: true}},
		Note:  "The best sign of too many slices: those that are awake do not fit into RAM.",
	}
	p.Add("Read back", column(rows, func(r store.ServerMinutesRow) float64 { return r.SwapIn }))
	if span.step > time.Minute {
		p.AddFaint("Its highest minute", column(rows, func(r store.ServerMinutesRow) float64 { return r.SwapInMost }))
	}
	return p
}

func swapOutPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "swap-out", Title: "Pages written to swap, a second", Unit: "pages/s"}
	p.Add("Written", column(rows, func(r store.ServerMinutesRow) float64 { return r.SwapOut }))
	return p
}

func slicesMemoryPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "slices-memory", Title: "What all slices hold", Unit: "bytes", Stacked: true}
	p.Add("in RAM", column(rows, func(r store.ServerMinutesRow) float64 { return r.SlicesRss }))
	p.Add("in swap", column(rows, func(r store.ServerMinutesRow) float64 { return r.SlicesSwap }))
	return p
}

func (rs *routes) cpuPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "cpu", Title: "CPU, of all cores", Unit: "%", Lines: []views.AdminLevelLine{{Label: "Alert: above", Value: 100 * rs.Lines.CPU, Bad: true}}}
	p.Add("Busy", column(rows, func(r store.ServerMinutesRow) float64 { return r.Cpu }))
	return p
}

func pressurePlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "pressure", Title: "Pressure: part of the time in which something waited", Unit: "%"}
	p.Add("for memory", column(rows, func(r store.ServerMinutesRow) float64 { return r.MemoryPressure }))
	p.Add("for the disk", column(rows, func(r store.ServerMinutesRow) float64 { return r.IoPressure }))
	p.Add("for the CPU", column(rows, func(r store.ServerMinutesRow) float64 { return r.CpuPressure }))
	return p
}

func slicesPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "slices", Title: "Slices", Unit: "slices"}
	p.Add("that run", column(rows, func(r store.ServerMinutesRow) float64 { return r.Running }))
	p.Add("used within 5 min", column(rows, func(r store.ServerMinutesRow) float64 { return r.InUse }))
	return p
}

func (rs *routes) diskPlot(rows []store.ServerMinutesRow) views.AdminPlot {
	p := views.AdminPlot{Name: "disk", Title: "Disk of the slices' data", Unit: "bytes"}
	p.Add("Used", column(rows, func(r store.ServerMinutesRow) float64 { return r.DiskUsed }))
	if total := newest(rows).DiskTotal; total > 0 {
		p.Lines = []views.AdminLevelLine{{Label: "All of it", Value: total, Always: true}, {Label: "Alert: above", Value: rs.Lines.Disk * total, Always: true, Bad: true}}
	}
	return p
}

// growers are the slices that hold most more at the end of a span than at its beginning, each with what is
// known of its growth at rest.
func (v *visit) growers(asked serverAsked) (found []views.AdminGrower, err error) {
	since, width := asked.span.since(v.now), asked.span.length/12
	var rows []store.GrowersByBinsRow
	if asked.span == spans[0] {
		rows, err = v.queries.GrowersByBins(v.Context(), store.GrowersByBinsParams{
			Server: asked.server, Most: growersShown, Since: since, Begun: since.Add(width), Ending: v.now.Add(-width), Until: v.now,
		})
	} else {
		width = max(width/4, 24*time.Hour)
		var hours []store.GrowersByHoursRow
		hours, err = v.queries.GrowersByHours(v.Context(), store.GrowersByHoursParams{
			Server: asked.server, Most: growersShown, Since: since, Begun: since.Add(width), Ending: v.now.Add(-width), Until: v.now,
		})
		for _, row := range hours {
			rows = append(rows, store.GrowersByBinsRow(row))
		}
	}
	if err != nil {
		return nil, err
	}
	known, there, err := answers.Known(v.Context(), v.queries, answers.DefaultDays)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		found = append(found, views.AdminGrower{GrowersByBinsRow: row, Leak: views.AdminLeakWords(known.Leaks, there, row.ID)})
	}
	return found, nil
}
