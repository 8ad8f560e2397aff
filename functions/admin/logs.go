package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/admin/live"
	"slicegate/functions/answer"
	"slicegate/functions/sse"
	"slicegate/store"
	"slicegate/views"
)

const (
	// So many logs of a server are relayed at once.
	tailsAtOnce = 10
	// A tail is relayed for so long after it was last looked at; a live page looks every few seconds.
	tailWanted = 30 * time.Second
	// The runner keeps no more lines of a tail.
	linesOfTail = 1000
	// So many lines are in one event.
	linesAtOnce = 200
)

// logs registers the log of a slice's container: the act that has it relayed, its page, and its stream.
func (rs *routes) logs(page string) {
	rs.act(NeedPassed, page+"/logs", "admin.slice.logs", openLog)
	rs.page(page+"/logs", "Log of a slice", rs.logPage)
	rs.handle(Route{Method: http.MethodGet, Pattern: livePath + "logs/:tail"}, rs.logStream)
}

// openLog asks the runner of the slice's server to relay its log. It may have what the customer wrote in it:
// whoever opens it is in the audit.
func openLog(act *act) error {
	ctx := act.Context()
	slice, err := act.take()
	if err != nil {
		return err
	}
	if err := act.queries.LockTails(ctx, slice.Server); err != nil {
		return err
	}
	now, until := act.now, act.now.Add(tailWanted)
	tail, err := act.queries.KeepTailOf(ctx, store.KeepTailOfParams{SliceID: slice.ID, Actor: act.operator.actor(), Now: now, Until: until})
	if store.IsNone(err) {
		tail, err = openTail(ctx, act.queries, store.OpenTailParams{SliceID: slice.ID, Server: slice.Server, Actor: act.operator.actor(), Now: now, Until: until})
	}
	if err != nil {
		return err
	}
	act.before, act.then = nil, fmt.Sprintf("%s/logs?tail=%d", pathOf(slice.ID), tail)
	return act.queries.TellTail(ctx, slice.Server)
}

func openTail(ctx context.Context, queries *store.Queries, asked store.OpenTailParams) (int64, error) {
	open, err := queries.CountTails(ctx, store.CountTailsParams{Server: asked.Server, Now: asked.Now})
	if err != nil {
		return 0, err
	}
	if open >= tailsAtOnce {
		return 0, answer.Errorf(answer.Conflict, "%d logs of %s are being followed, which is the most at once. Close one of their pages, wait half a minute, and try again.", open, asked.Server)
	}
	return queries.OpenTail(ctx, asked)
}

// want is a tail of the operator's own, which is wanted for a while longer.
func want(ctx context.Context, queries *store.Queries, tail int64, operator Operator, now time.Time) (store.LogTail, error) {
	return queries.WantTail(ctx, store.WantTailParams{ID: tail, Actor: operator.actor(), Until: now.Add(tailWanted)})
}

func (rs *routes) logPage(v *visit) (templ.Component, error) {
	id, err := v.number("slice")
	if err != nil {
		return nil, err
	}
	page := views.AdminLog{Slice: id}
	asked, _ := strconv.ParseInt(v.URL.Query().Get("tail"), 10, 64) // nothing is none of theirs
	tail, err := want(v.Context(), v.queries, asked, v.operator, v.now)
	if err == nil && tail.SliceID != id {
		return nil, errNothing
	}
	if err != nil && !store.IsNone(err) {
		return nil, err
	}
	if err != nil { // not opened yet, or long since left
		if _, err := v.queries.SliceByID(v.Context(), id); err != nil {
			return nil, err
		}
		return views.AdminLogPage(page), nil
	}
	page.Tail, page.Server, page.Since = tail.ID, tail.Server, tail.OpenedAt
	page.Lines, err = v.queries.LogLinesAfter(v.Context(), store.LogLinesAfterParams{TailID: tail.ID, Most: linesOfTail})
	return views.AdminLogPage(page), err
}

// logStream brings the lines of a tail to whoever has opened it, from the one after which they ask on.
func (rs *routes) logStream(v *visit) error {
	id, err := v.number("tail")
	if err != nil {
		return err
	}
	if _, err := want(v.Context(), v.queries, id, v.operator, v.now); err != nil {
		return err // also of somebody else's
	}
	after, _ := strconv.ParseInt(v.URL.Query().Get("after"), 10, 64)                      // nothing is from the first
	if last, err := strconv.ParseInt(v.Header.Get("Last-Event-ID"), 10, 64); err == nil { // it comes back
		after = last
	}
	rs.stream(v, live.Stream{
		Topic: live.Topic(topicTail + strconv.FormatInt(id, 10)),
		Pull: func(ctx context.Context) ([][]byte, error) {
			frame, last, err := rs.pullLines(ctx, id, after, v.operator)
			if err != nil || last == after {
				return nil, err
			}
			after = last
			return [][]byte{frame}, nil
		},
	})
	return nil
}

// pullLines gives the next lines of a tail as an event, and has the tail relayed for a while longer.
func (rs *routes) pullLines(ctx context.Context, tail, after int64, operator Operator) (frame []byte, last int64, err error) {
	queries := store.New(rs.Pool)
	if _, err := want(ctx, queries, tail, operator, rs.Clock()); err != nil {
		return nil, after, err
	}
	lines, err := queries.LogLinesAfter(ctx, store.LogLinesAfterParams{TailID: tail, After: after, Most: linesAtOnce})
	if err != nil || len(lines) == 0 {
		return nil, after, err
	}
	var text strings.Builder
	for _, line := range lines {
		if err := views.AdminLogLine(line).Render(ctx, &text); err != nil {
			return nil, after, err
		}
	}
	last = lines[len(lines)-1].Seq
	frame, err = sse.Event("lines", map[string]string{"html": text.String()})
	return append([]byte(fmt.Sprintf("id: %d\n", last)), frame...), last, err
}
