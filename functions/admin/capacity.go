package admin

import (
	"math"
	"time"

	"github.com/a-h/templ"

	"slicegate/store"
	"slicegate/store/answers"
	"slicegate/views"
)

// capacity registers how many more slices there is room for, and until when.
func (rs *routes) capacity() {
	rs.link("/admin/capacity", "Capacity")
	rs.page("/admin/capacity", "Capacity", rs.capacityPage)
}

// So many days back, and a year ahead.
const fillingDays = 30

func (rs *routes) capacityPage(v *visit) (templ.Component, error) {
	servers, err := v.queries.CapacityOfServers(v.Context())
	if err != nil {
		return nil, err
	}
	known, there, err := answers.Known(v.Context(), v.queries, answers.DefaultDays)
	if err != nil {
		return nil, err
	}
	page := views.AdminCapacityPage{Now: v.now}
	for _, server := range servers {
		one := views.AdminCapacity{CapacityOfServersRow: server}
		if there {
			one.FoundAt = &known.At
			for _, room := range known.Room {
				if room.Server == server.Name {
					one.Room = &room
				}
			}
		}
		one.Decide()
		if err := v.filling(&one); err != nil {
			return nil, err
		}
		page.Servers = append(page.Servers, one)
	}
	return views.AdminCapacities(page), nil
}

// filling projects when a server is full, from its whole days.
func (v *visit) filling(one *views.AdminCapacity) error {
	today := v.now.UTC().Truncate(24 * time.Hour)
	rows, err := v.queries.SlicesByDay(v.Context(), store.SlicesByDayParams{Server: one.Name, Since: today.AddDate(0, 0, -fillingDays), Until: today})
	if err != nil {
		return err
	}
	days := make([]answers.SlicesOfDay, len(rows))
	for i, row := range rows {
		days[i] = answers.SlicesOfDay{Day: row.Day, Slices: int(row.Slices)}
	}
	one.Filling = answers.FillingOf(one.Name, days, int(one.Live), one.Takes, v.now)
	one.Plots = fillingPlots(one, days, v.now)
	return nil
}

// fillingPlots draws the days that were, and those that the projection leads to.
func fillingPlots(one *views.AdminCapacity, days []answers.SlicesOfDay, now time.Time) views.AdminPlots {
	const day = 24 * time.Hour
	f := one.Filling
	until := now.Add(30 * day)
	for _, end := range []time.Time{f.Day, f.Last, f.First} { // the pace itself first, then its bounds
		if !end.IsZero() {
			until = end.Add(end.Sub(now)/10 + day)
			break
		}
	}
	p := views.AdminPlots{ID: "filling-" + one.Name, X: "time", From: unix(now.Add(-fillingDays * day)), Until: unix(until), Step: day.Seconds()}
	plot := views.AdminPlot{
		Name: "slices", Title: "Slices on " + one.Name + ", and where they lead to", Unit: "slices",
		Lines: []views.AdminLevelLine{{Label: "Full", Value: float64(one.Takes), Always: f.Known, Bad: true}},
	}
	var ran, pace, fast, slow views.AdminValues
	add := func(at time.Time, values ...float64) {
		p.At = append(p.At, unix(at))
		ran, pace, fast, slow = append(ran, values[0]), append(pace, values[1]), append(fast, values[2]), append(slow, values[3])
	}
	none := math.NaN()
	for _, one := range days {
		add(one.Day.Add(day/2), float64(one.Slices), none, none, none)
	}
	live := float64(one.Live)
	if len(days) > 0 || f.Known {
		add(now, live, live, live, live)
	}
	ahead := func(perDay float64, at time.Time) float64 {
		return max(0, live+perDay*at.Sub(now).Hours()/24)
	}
	if f.Known && !f.Full {
		for at := now.Add(day); at.Before(until); at = at.Add(day) {
			add(at, none, ahead(f.PerDay, at), ahead(f.Between.High, at), ahead(f.Between.Low, at))
		}
	}
	if len(p.At) > 0 {
		plot.Add("There were", ran)
		if f.Known && !f.Full {
			plot.Add("At this pace", pace)
			plot.AddFaint("At the fastest", fast)
			plot.AddFaint("At the slowest", slow)
		}
	}
	p.Plots = []views.AdminPlot{plot}
	return p
}
