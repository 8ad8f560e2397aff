package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/jobs"
	"slicegate/store"
)

// progress is a rollout as it stands.
type progress struct {
	rollout store.Rollout
	servers []store.RolloutServer
	slices  []store.RolloutSlicesRow
}

func readRollout(ctx context.Context, pool *pgxpool.Pool, id int64) (p progress, err error) {
	queries := store.New(pool)
	if p.rollout, err = queries.RolloutByID(ctx, id); err != nil {
		return p, err
	}
	if p.servers, err = queries.RolloutServers(ctx, id); err != nil {
		return p, err
	}
	p.slices, err = queries.RolloutSlices(ctx, store.RolloutSlicesParams{Rollout: id, PresentSince: time.Now().Add(-jobs.PresentWithin)})
	return p, err
}

// stateWords say what each state of a slice means, in the order in which they are shown.
var stateWords = []struct{ state, words string }{
	{"done", "on the new image"},
	{"updating", "being restarted on it"},
	{"verifying", "being watched on it"},
	{"pending", "not reached"},
	{"to_roll_back", "to be taken back"},
	{"rolling_back", "being taken back"},
	{"rolled_back", "back on the old image"},
	{"failed", "FAILED and not back"},
	{"skipped", "gone meanwhile"},
}

func (p progress) count(state string) (n int) {
	for _, slice := range p.slices {
		if slice.State == state {
			n++
		}
	}
	return n
}

// line is the whole in one line: "[#####.....] 5 of 10: 5 on the new image, 5 not reached".
func (p progress) line() string {
	if p.rollout.State == "preparing" {
		return p.state()
	}
	var parts []string
	for _, one := range stateWords {
		if n := p.count(one.state); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, one.words))
		}
	}
	reached := len(p.slices) - p.count("pending") - p.count("updating") - p.count("verifying")
	if p.rollout.State == "rolling_back" || p.rollout.State == "rolled_back" {
		reached = p.count("rolled_back") + p.count("failed") + p.count("skipped")
	}
	const width = 30
	filled := width
	if len(p.slices) > 0 {
		filled = width * reached / len(p.slices)
	}
	return fmt.Sprintf("[%s%s] %s, %d of %d: %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), p.state(), reached, len(p.slices), strings.Join(parts, ", "))
}

// state is that of the rollout, in words.
func (p progress) state() string {
	words := map[string]string{
		"preparing": "servers are getting ready", "running": "running", "halted": "HALTED", "aborted": "aborted",
		"done": "done", "rolling_back": "everybody is being taken back", "rolled_back": "everybody was taken back",
	}[p.rollout.State]
	if p.rollout.Paused {
		words += ", paused"
	}
	if p.rollout.State == "preparing" {
		var waiting []string
		for _, server := range p.servers {
			if server.PreparedAt == nil {
				waiting = append(waiting, server.Server)
			}
		}
		words += ": " + strings.Join(waiting, ", ")
	}
	if p.rollout.FinishedAt == nil && (p.rollout.State == "halted" || p.rollout.State == "aborted") {
		words += ", what is under way ends"
	}
	return words
}

// write shows everything that a person may want to know.
func (p progress) write(to io.Writer, now time.Time) {
	ago := now.Sub(p.rollout.CreatedAt).Round(time.Second)
	fmt.Fprintf(to, "rollout %d to %s (%s), begun %s ago by %s, in batches of %d\n%s\n",
		p.rollout.ID, p.rollout.AskedImage, p.rollout.Image, ago, p.rollout.Actor, p.rollout.BatchSize, p.line())
	if p.rollout.Reason != "" {
		fmt.Fprintf(to, "it was halted: %s\n", p.rollout.Reason)
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	told := false
	for _, slice := range p.slices {
		words := slice.Note
		if slice.State == "pending" && slice.ReachedAt != nil {
			words = "in use; it is waited for since " + slice.ReachedAt.UTC().Format("15:04 UTC")
		}
		if words == "" && !jobs.IsUnderWay(slice.State) {
			continue
		}
		if !told {
			fmt.Fprintln(table, "\nSLICE\tSERVER\tBATCH\tSTATE\tWHAT THERE IS TO SAY")
			told = true
		}
		batch := "-"
		if slice.Batch != nil {
			batch = fmt.Sprint(*slice.Batch)
		}
		if slice.Canary {
			batch += ", canary"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", slice.SliceID, slice.Server, batch, strings.ReplaceAll(slice.State, "_", " "), strings.Join(strings.Fields(words), " "))
	}
	_ = table.Flush() // what cannot be shown cannot be told of either
}

// outcome is nil if everything ended as it was wanted.
func (p progress) outcome() error {
	switch {
	case p.rollout.State == "halted":
		return fmt.Errorf("rollout %d was halted: %s", p.rollout.ID, p.rollout.Reason)
	case p.rollout.State == "aborted":
		return fmt.Errorf("rollout %d was aborted", p.rollout.ID)
	case p.count("failed") > 0:
		return fmt.Errorf("%d slices failed and could not be taken back: `runner rollout status` says which", p.count("failed"))
	}
	return nil
}
