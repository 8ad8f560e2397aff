package admin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"slicegate/config/observe"
	"slicegate/store"
	"slicegate/views"
)

// A server of which nothing has been written down for so long shows no figures: they would be old.
const sampleLasts = 10 * time.Minute

// servers registers the first page: one column for each server.
func (rs *routes) servers() {
	rs.link("/admin", "Servers")
	rs.page("/admin", "Servers", rs.serversPage)
	rs.handle(Route{Method: http.MethodGet, Pattern: "/admin/"}, func(v *visit) error {
		http.Redirect(v.w, v.Request, "/admin", http.StatusMovedPermanently)
		return nil
	})
	for _, paused := range []bool{true, false} {
		word := reclaimWord(paused)
		rs.act(NeedPassed, "/admin/servers/:server/reclaim-"+word, "admin.reclaim."+word, func(act *act) error {
			return act.pauseServer(act.param("server"), paused)
		})
	}
}

func reclaimWord(paused bool) string {
	if paused {
		return "pause"
	}
	return "resume"
}

func (rs *routes) serversPage(v *visit) (templ.Component, error) {
	all, err := v.queries.Servers(v.Context())
	if err != nil {
		return nil, err
	}
	counts, err := v.queries.CountSlices(v.Context())
	if err != nil {
		return nil, err
	}
	columns := make([]views.AdminServer, len(all))
	for i, server := range all {
		columns[i] = views.AdminServer{Server: server}
		for _, count := range counts {
			if count.Server == server.Name {
				columns[i].Slices = append(columns[i].Slices, views.AdminCount{Of: count.Status, Count: count.Slices})
			}
		}
		sample, err := v.queries.NewestServerSample(v.Context(), store.NewestServerSampleParams{Server: server.Name, Since: v.now.Add(-sampleLasts)})
		switch {
		case err == nil:
			columns[i].Sample = &sample
		case !store.IsNone(err):
			return nil, err
		}
	}
	return views.AdminServers(columns, observe.Version(), v.now), nil
}

func (act *act) pauseServer(name string, paused bool) error {
	before, err := act.queries.ServerByName(act.Context(), name)
	if err != nil {
		return err
	}
	if _, err := act.queries.PauseReclaimOnServer(act.Context(), store.PauseReclaimOnServerParams{Name: name, Paused: paused}); err != nil {
		return err
	}
	act.subject = "server:" + name
	act.before, act.after = map[string]any{"reclaimPaused": before.ReclaimPaused}, map[string]any{"reclaimPaused": paused}
	act.said = fmt.Sprintf("Reclaim on %s: %s. The runner follows within seconds.", name, map[bool]string{true: "paused", false: "on again"}[paused])
	return nil
}
