package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"slicegate/functions/admin/live"
	"slicegate/store"
	"slicegate/views"
)

const (
	livePath = "/admin/live/"

	// What streams are about: the grid, a slice ("slice 12"), a tail of a log ("tail 3").
	topicSlices = live.Topic("slices")
	topicSlice  = "slice "
	topicTail   = "tail "

	// What Postgres tells of: sessions that end, slices whose status, port or user changes; lines of a log.
	accessChannel = "gateway_access"
	linesChannel  = "log_lines"
)

// live registers the streams that keep pages up to date.
func (rs *routes) live() {
	rs.hub = live.New(live.Config{
		Pool: rs.Pool, Look: rs.liveLook, Channels: []string{accessChannel, linesChannel}, Told: told,
		Every: rs.LookEvery, Beat: rs.BeatEvery,
	})
	rs.handle(Route{Method: http.MethodGet, Pattern: livePath + "slices"}, func(v *visit) error {
		filter := filterOf(v.URL.Query())
		rs.stream(v, live.Stream{Topic: topicSlices, Digest: v.URL.Query().Get("shown"), Takes: func(about any) bool { return filter.takes(about.(tileAbout)) }})
		return nil
	})
	rs.handle(Route{Method: http.MethodGet, Pattern: livePath + "slices/:slice"}, func(v *visit) error {
		id, err := v.number("slice")
		if err != nil {
			return err
		}
		if _, err := v.queries.SliceByID(v.Context(), id); err != nil {
			return err
		}
		rs.stream(v, live.Stream{Topic: live.Topic(topicSlice + strconv.FormatInt(id, 10))})
		return nil
	})
}

// stream answers with one that ends when the operator's session does, or its second factor lapses.
func (rs *routes) stream(v *visit, s live.Stream) {
	s.Session = v.operator.Session.String()
	s.Holds = func(ctx context.Context) (bool, error) {
		operator, there, err := rs.operator(v.Request.WithContext(ctx))
		return there && operator.may(NeedPassed, rs.Clock()), err
	}
	rs.hub.Serve(v.w, v.Request, s)
}

// told says what a notification is about: "session <hex>" and "user <id>", or the number of a tail.
func told(channel, payload string) live.Told {
	if channel == linesChannel {
		return live.Told{Poke: live.Topic(topicTail + payload)}
	}
	if session, ended := strings.CutPrefix(payload, "session "); ended {
		return live.Told{Session: session}
	}
	return live.Told{Look: true}
}

// liveLook finds what there is of the topics that are looked at.
func (rs *routes) liveLook(ctx context.Context, topics []live.Topic) (map[live.Topic]live.Page, error) {
	queries, now, pages := store.New(rs.Pool), rs.Clock(), map[live.Topic]live.Page{}
	for _, topic := range topics {
		var page live.Page
		var err error
		switch id, ofSlice := strings.CutPrefix(string(topic), topicSlice); {
		case topic == topicSlices:
			page, err = liveGrid(ctx, queries, now)
		case ofSlice:
			page, err = liveSlice(ctx, queries, id, now)
		default:
			continue // a tail is pulled
		}
		if err != nil {
			return nil, err
		}
		pages[topic] = page
	}
	if len(pages) == 0 {
		return pages, nil
	}
	failed, err := queries.CountFailedJobs(ctx)
	if err != nil {
		return nil, err
	}
	header, err := rendered(ctx, views.AdminFailedJobs(failed))
	for _, page := range pages {
		page["failed"] = live.Part{HTML: header}
	}
	return pages, err
}

// liveGrid is the grid, tile by tile.
func liveGrid(ctx context.Context, queries *store.Queries, now time.Time) (live.Page, error) {
	tiles, err := allTiles(ctx, queries, now)
	if err != nil {
		return nil, err
	}
	return tilesAsParts(ctx, tiles)
}

func tilesAsParts(ctx context.Context, tiles []views.AdminTile) (live.Page, error) {
	page := make(live.Page, len(tiles)+1)
	for _, tile := range tiles {
		tile.Timeless = true
		text, err := rendered(ctx, views.AdminTileLive(tile))
		if err != nil {
			return nil, err
		}
		page[views.AdminTileName(tile.ID)] = live.Part{HTML: text, Clock: tile.Idle(), About: aboutTile(tile)}
	}
	return page, nil
}

// liveOf is the address of the stream for a page of the grid.
func liveOf(ctx context.Context, filter gridFilter, shown []views.AdminTile) (string, error) {
	page, err := tilesAsParts(ctx, shown)
	return livePath + "slices?" + url.Values{"state": {filter.state}, "image": {filter.image}, "shown": {page.Digest()}}.Encode(), err
}

// liveSlice is the page of a slice: whatever on it has a name. A slice that is no more has none.
func liveSlice(ctx context.Context, queries *store.Queries, id string, now time.Time) (live.Page, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("topic of slice %q: %w", id, err)
	}
	page, err := oneSlice(ctx, queries, number, now)
	if store.IsNone(err) {
		return live.Page{}, nil
	}
	if err != nil {
		return nil, err
	}
	return namedParts(ctx, views.AdminSlice(page))
}

// namedParts takes a page apart into the elements that have a name.
func namedParts(ctx context.Context, body templ.Component) (live.Page, error) {
	text, err := rendered(ctx, body)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	page := live.Page{}
	for node := range root.Descendants() {
		name := ""
		for _, attribute := range node.Attr {
			if attribute.Key == "data-live" {
				name = attribute.Val
			}
		}
		if name == "" {
			continue
		}
		var part bytes.Buffer
		err = errors.Join(err, html.Render(&part, node))
		page[name] = live.Part{HTML: part.String()}
	}
	return page, err
}

func rendered(ctx context.Context, component templ.Component) (string, error) {
	var text strings.Builder
	err := component.Render(ctx, &text)
	return text.String(), err
}
