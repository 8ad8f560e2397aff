package admin

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

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

// gridFilter is what a page of the grid shows; empty: all.
type gridFilter struct{ state, image string }

func filterOf(asked url.Values) gridFilter { return gridFilter{asked.Get("state"), asked.Get("image")} }

// tileAbout is what the filter goes by.
type tileAbout struct {
	status, image string
	troubled      bool
}

func aboutTile(tile views.AdminTile) tileAbout {
	return tileAbout{tile.Status, tile.Image, tile.Level <= views.AdminWarn}
}

func (f gridFilter) takes(tile tileAbout) bool {
	return (f.state == "" || f.state == tile.status || f.state == trouble && tile.troubled) && (f.image == "" || f.image == tile.image)
}

// allTiles are the slices of all servers, with the alerts that are open.
func allTiles(ctx context.Context, queries *store.Queries, now time.Time) ([]views.AdminTile, error) {
	rows, err := queries.ListSlices(ctx)
	if err != nil {
		return nil, err
	}
	open, err := queries.ListAlerts(ctx, now)
	if err != nil {
		return nil, err
	}
	alerts := map[string][]store.ListAlertsRow{}
	for _, alert := range open {
		alerts[alert.Subject] = append(alerts[alert.Subject], alert)
	}
	tiles := make([]views.AdminTile, len(rows))
	for i, row := range rows {
		tiles[i] = views.NewAdminTile(row, alerts[subjectOf(row.ID)], now)
	}
	return tiles, nil
}

func (rs *routes) slicesPage(v *visit) (templ.Component, error) {
	tiles, err := allTiles(v.Context(), v.queries, v.now)
	if err != nil {
		return nil, err
	}
	asked := v.URL.Query()
	filter := filterOf(asked)
	grid := views.AdminGrid{State: filter.state, Sort: asked.Get("sort"), Image: filter.image, Now: v.now, All: len(tiles)}
	counts, images := map[string]int64{}, map[string]bool{}
	for _, tile := range tiles {
		about := aboutTile(tile)
		counts[about.status]++
		images[about.image] = true
		if about.troubled {
			counts[trouble]++
		}
		if filter.takes(about) {
			grid.Tiles = append(grid.Tiles, tile)
		}
	}
	if grid.Live, err = liveOf(v.Context(), filter, grid.Tiles); err != nil {
		return nil, err
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
