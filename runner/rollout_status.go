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
	"slicegate/store/rollouts"
)

func readRollout(ctx context.Context, pool *pgxpool.Pool, id int64) (rollouts.Progress, error) {
	now := time.Now()
	return rollouts.Read(ctx, store.New(pool), id, now.Add(-jobs.PresentWithin), now)
}

// writeRollout shows everything that a person may want to know.
func writeRollout(to io.Writer, p rollouts.Progress) {
	r, ago := p.Rollout, p.Now.Sub(p.Rollout.CreatedAt).Round(time.Second)
	of, pinned := "", ""
	if r.SliceID != nil {
		of = fmt.Sprintf(" of slice %d alone", *r.SliceID)
	}
	if r.Image != "" {
		pinned = " (" + r.Image + ")"
	}
	fmt.Fprintf(to, "rollout %d%s to %s%s, begun %s ago by %s, in batches of %d\n%s\n", r.ID, of, r.AskedImage, pinned, ago, r.Actor, r.BatchSize, p.Line())
	if r.Reason != "" {
		fmt.Fprintf(to, "%s: %s\n", map[bool]string{true: "it was refused", false: "it was halted"}[r.State == "refused"], r.Reason)
	}
	for _, line := range p.Waits() {
		fmt.Fprintln(to, line)
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	told := false
	for _, slice := range p.Slices {
		words := slice.Note
		if slice.State == "pending" && slice.ReachedAt != nil {
			words = "in use; it is waited for since " + slice.ReachedAt.UTC().Format("15:04 UTC")
		}
		if words == "" && !rollouts.UnderWay(slice.State) {
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
