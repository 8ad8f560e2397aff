package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/store"
)

// reclaimOrder is what `runner reclaim` is told: a word, and a slice where it is about one.
type reclaimOrder struct {
	word  string
	slice int64 // 0: the whole server
}

// The words, and what each is about.
var reclaimWords = map[string]struct{ server, slice bool }{
	"status": {server: true},
	"now":    {slice: true},
	"exempt": {slice: true},
	"pause":  {server: true},
	"resume": {server: true, slice: true},
}

func parseReclaim(args []string) (reclaimOrder, error) {
	if len(args) < 1 || len(args) > 2 {
		return reclaimOrder{}, errors.New(usage)
	}
	order, about := reclaimOrder{word: args[0]}, reclaimWords[args[0]]
	if len(args) == 1 && !about.server || len(args) == 2 && !about.slice {
		return order, errors.New(usage)
	}
	if len(args) == 2 {
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || id < 1 {
			return order, fmt.Errorf("%q is no number of a slice: `runner slice list` shows them", args[1])
		}
		order.slice = id
	}
	return order, nil
}

// reclaimCommand shows what is pushed out, or says what is to be.
func reclaimCommand(ctx context.Context, settings config.Runner, args []string) error {
	order, err := parseReclaim(args)
	if err != nil {
		return err
	}
	pool, err := store.Open(ctx, settings.DatabaseURL, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	if order.word == "status" {
		return showReclaim(ctx, pool, settings.Server, time.Now(), os.Stdout)
	}
	return orderReclaim(ctx, pool, settings.Server, order)
}

// orderReclaim writes what an operator wants; the runner reads it at its next look.
func orderReclaim(ctx context.Context, pool *pgxpool.Pool, server string, order reclaimOrder) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		switch {
		case order.word == "now":
			return jobs.AskReclaim(ctx, tx, order.slice, "operator", time.Now())
		case order.slice != 0:
			found, err := queries.PauseReclaim(ctx, store.PauseReclaimParams{ID: order.slice, Paused: order.word == "exempt"})
			if err == nil && found == 0 {
				err = fmt.Errorf("there is no slice %d: `runner slice list` shows them", order.slice)
			}
			if err != nil {
				return err
			}
			return queries.RecordSlice(ctx, "operator", "reclaim."+order.word, order.slice, nil)
		}
		found, err := queries.PauseReclaimOnServer(ctx, store.PauseReclaimOnServerParams{Name: server, Paused: order.word == "pause"})
		if err == nil && found == 0 {
			err = fmt.Errorf("no runner has worked for server %s yet: SERVER names another one, or `runner work` has not been started", server)
		}
		if err != nil {
			return err
		}
		return queries.RecordServer(ctx, "operator", "reclaim."+order.word, server, nil)
	})
}

// showReclaim lists what was taken from each slice in the last day, and what it is known to need.
func showReclaim(ctx context.Context, pool *pgxpool.Pool, server string, now time.Time, to io.Writer) error {
	rows, err := store.New(pool).ReclaimStatus(ctx, store.ReclaimStatusParams{Server: server, Since: now.Add(-24 * time.Hour)})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SLICE\tMEMORY\tSWAP\tNEEDS\tSTEPS\tTAKEN\tLAST STEP\t")
	for _, row := range rows {
		needs, last, note := "-", "-", ""
		if row.FloorBytes != nil {
			needs = megabytes(*row.FloorBytes)
		}
		if row.Steps > 0 {
			last = now.Sub(row.LastAt).Round(time.Second).String() + " ago"
		}
		switch {
		case row.ServerPaused:
			note = "paused, as the whole server"
		case row.ReclaimPaused:
			note = "exempt"
		case row.ReclaimAskedAt != nil:
			note = "asked for " + now.Sub(*row.ReclaimAskedAt).Round(time.Second).String() + " ago"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", row.ID, megabytes(row.MemoryBytes), megabytes(row.SwapBytes), needs, row.Steps, megabytes(row.Taken), last, note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(to, "\nSteps and what they took are those of the last 24 hours.")
	return err
}
