package admin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"slicegate/store"
	"slicegate/views"
)

// slices registers the grid of all slices, and the page and the acts of one.
func (rs *routes) slices() {
	rs.link("/admin/slices", "Slices")
	rs.page("/admin/slices", "Slices", rs.slicesPage)
	rs.slice()
}

// The orders of the grid; the first is that of a page that names none.
var sliceSorts = []struct {
	name, title string
	before      func(a, b views.AdminTile) int
}{
	{"state", "State", func(a, b views.AdminTile) int { return cmp.Compare(a.Level, b.Level) }},
	{"number", "Number", func(a, b views.AdminTile) int { return 0 }},
	{"memory", "Memory", func(a, b views.AdminTile) int { return cmp.Compare(b.MemoryBytes, a.MemoryBytes) }},
	{"idle", "Idle time", func(a, b views.AdminTile) int { return cmp.Compare(b.IdleFor(), a.IdleFor()) }},
	{"image", "Image", func(a, b views.AdminTile) int { return strings.Compare(a.Image, b.Image) }},
}

// trouble is the filter of whatever somebody has to look at.
const trouble = "trouble"

func (rs *routes) slicesPage(v *visit) (templ.Component, error) {
	rows, err := v.queries.ListSlices(v.Context())
	if err != nil {
		return nil, err
	}
	open, err := v.queries.ListAlerts(v.Context(), v.now)
	if err != nil {
		return nil, err
	}
	alerts := map[string][]store.ListAlertsRow{}
	for _, alert := range open {
		alerts[alert.Subject] = append(alerts[alert.Subject], alert)
	}
	asked := v.URL.Query()
	grid := views.AdminGrid{State: asked.Get("state"), Sort: asked.Get("sort"), Image: asked.Get("image"), Now: v.now, All: len(rows)}
	counts, images := map[string]int64{}, map[string]bool{}
	for _, row := range rows {
		tile := views.NewAdminTile(row, alerts[subjectOf(row.ID)], v.now)
		counts[tile.Status]++
		images[tile.Image] = true
		troubled := tile.Level <= views.AdminWarn
		if troubled {
			counts[trouble]++
		}
		if (grid.State == "" || grid.State == tile.Status || grid.State == trouble && troubled) && (grid.Image == "" || grid.Image == tile.Image) {
			grid.Tiles = append(grid.Tiles, tile)
		}
	}
	for _, status := range []string{trouble, "provisioning", "available", "assigned", "suspended", "failed", "destroying"} {
		grid.States = append(grid.States, views.AdminCount{Of: status, Count: counts[status]})
	}
	for image := range images {
		grid.Images = append(grid.Images, image)
	}
	slices.Sort(grid.Images)
	chosen := sliceSorts[0]
	for _, sort := range sliceSorts {
		grid.Sorts = append(grid.Sorts, views.AdminOption{Value: sort.name, Title: sort.title})
		if sort.name == grid.Sort {
			chosen = sort
		}
	}
	grid.Sort = chosen.name
	slices.SortStableFunc(grid.Tiles, func(a, b views.AdminTile) int { return cmp.Or(chosen.before(a, b), cmp.Compare(a.ID, b.ID)) })
	return views.AdminSlices(grid), nil
}
