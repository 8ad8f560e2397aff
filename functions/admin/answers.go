package admin

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"slicegate/jobs"
	"slicegate/store/answers"
	"slicegate/views"
)

// answers registers the questions that telemetry is kept for.
func (rs *routes) answers() {
	rs.link("/admin/answers", "Answers")
	rs.page("/admin/answers", "Answers", rs.answersPage)
}

func (rs *routes) answersPage(v *visit) (templ.Component, error) {
	page := views.AdminAnswersPage{Days: answers.DefaultDays, Choices: jobs.AnsweredDays, Now: v.now}
	if asked, err := strconv.Atoi(v.URL.Query().Get("days")); err == nil && slices.Contains(jobs.AnsweredDays, asked) {
		page.Days = asked
	}
	known, there, err := answers.Known(v.Context(), v.queries, page.Days)
	if err != nil {
		return nil, err
	}
	if there {
		page.Answers = &known
		for _, ceiling := range known.Ceilings {
			page.Ceilings = append(page.Ceilings, ceilingPlots(ceiling))
		}
		page.Rest, page.Leaks = restPlots(known.Footprint), leaksPlots(known.Leaks)
	}
	return views.AdminAnswers(page), nil
}

// ceilingPlots draws how fast pages are read back against how much of the swap is in use.
func ceilingPlots(c answers.Ceiling) views.AdminPlots {
	p := views.AdminPlots{ID: "ceiling-" + c.Server, X: "bytes"}
	var rates views.AdminValues
	for _, point := range c.Curve {
		p.At, rates = append(p.At, point.Swap), append(rates, point.Rate)
	}
	plot := views.AdminPlot{Name: "paging", Title: "Pages read back a second, by the swap in use", Unit: "pages/s"}
	if len(p.At) > 0 {
		p.From, p.Until = p.At[0], p.At[len(p.At)-1]
		plot.Add("Read back", rates)
	}
	if c.Reached {
		plot.Marks = []views.AdminPoint{{At: c.Bytes, Number: 1, Words: answers.Size(c.Bytes)}}
		plot.Note = "Mark 1 is where it bends, at " + answers.Size(c.Bytes) + "."
	}
	p.Plots = []views.AdminPlot{plot}
	return p
}

// restPlots draws what a slice holds, hour by hour after its last use.
func restPlots(f answers.Footprint) views.AdminPlots {
	p := views.AdminPlots{ID: "rest", X: "s"}
	var median, low, high, swap views.AdminValues
	for _, point := range f.Curve {
		p.At = append(p.At, math.Round(3600*point.Hours))
		median, low, high, swap = append(median, point.Median), append(low, point.Low), append(high, point.High), append(swap, point.Swap)
	}
	plot := views.AdminPlot{Name: "rest", Title: "Memory, by the time since the last use", Unit: "bytes"}
	if len(p.At) > 0 {
		p.Until = p.At[len(p.At)-1]
		plot.Add("RAM, median slice", median)
		plot.Add("Swap, median slice", swap)
		plot.AddFaint("RAM, a tenth hold less", low)
		plot.AddFaint("RAM, a tenth hold more", high)
	}
	p.Plots = []views.AdminPlot{plot}
	return p
}

// So many leaks are drawn: a picture has six colours.
const leaksShown = 6

// leaksPlots draws the days of the slices that grow fastest.
func leaksPlots(l answers.Leaks) views.AdminPlots {
	p := views.AdminPlots{ID: "leaks", X: "time", Step: (24 * time.Hour).Seconds()}
	shown := l.Leaking[:min(leaksShown, len(l.Leaking))]
	var days []time.Time
	for _, one := range shown {
		for _, day := range one.Days {
			if !slices.ContainsFunc(days, day.Day.Equal) {
				days = append(days, day.Day)
			}
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	plot := views.AdminPlot{Name: "leaks", Title: "RAM and swap at rest, day by day", Unit: "bytes", Note: "A restart gives back what has leaked, and the line begins anew below."}
	for _, day := range days {
		p.At = append(p.At, unix(day.Add(12*time.Hour)))
	}
	for _, one := range shown {
		values := make(views.AdminValues, len(days))
		for i, day := range days {
			values[i] = math.NaN()
			for _, held := range one.Days {
				if held.Day.Equal(day) {
					values[i] = held.Bytes
				}
			}
		}
		plot.Add("Slice "+strconv.FormatInt(one.Slice, 10), values)
	}
	if len(p.At) > 0 {
		p.From, p.Until = p.At[0], p.At[len(p.At)-1]
	}
	p.Plots = []views.AdminPlot{plot}
	return p
}
