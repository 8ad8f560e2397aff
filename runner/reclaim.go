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
	"slicegate/store"
)

// reclaimOrder is what `runner reclaim` is told: show how it stands, or leave a slice or the whole
// server alone, or end that.
type reclaimOrder struct {
	show   bool
	paused bool
	slice  int64 // 0: the whole server
}

func parseReclaim(args []string) (reclaimOrder, error) {
	if len(args) == 1 && args[0] == "status" {
		return reclaimOrder{show: true}, nil
	}
	if len(args) < 1 || len(args) > 2 || args[0] != "pause" && args[0] != "resume" {
		return reclaimOrder{}, errors.New(usage)
	}
	order := reclaimOrder{paused: args[0] == "pause"}
	if len(args) == 2 {
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || id < 1 {
			return order, fmt.Errorf("%q is no number of a slice: `runner slice list` shows them", args[1])
		}
		order.slice = id
	}
	return order, nil
}

// reclaimCommand shows what is pushed out, or pauses and resumes it.
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
	if order.show {
		return showReclaim(ctx, pool, settings.Server, time.Now(), os.Stdout)
	}
	return pauseReclaim(ctx, pool, settings.Server, order)
}

// pauseReclaim writes what an operator wants; the runner reads it at its next look.
func pauseReclaim(ctx context.Context, pool *pgxpool.Pool, server string, order reclaimOrder) error {
	action := map[bool]string{true: "reclaim.pause", false: "reclaim.resume"}[order.paused]
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if order.slice != 0 {
			found, err := queries.PauseReclaim(ctx, store.PauseReclaimParams{ID: order.slice, Paused: order.paused})
			if err == nil && found == 0 {
				err = fmt.Errorf("there is no slice %d: `runner slice list` shows them", order.slice)
			}
			if err != nil {
				return err
			}
			return queries.RecordSlice(ctx, "operator", action, order.slice, nil)
		}
		found, err := queries.PauseReclaimOnServer(ctx, store.PauseReclaimOnServerParams{Name: server, Paused: order.paused})
		if err == nil && found == 0 {
			err = fmt.Errorf("no runner has worked for server %s yet: SERVER names another one, or `runner work` has not been started", server)
		}
		if err != nil {
			return err
		}
		return queries.RecordServer(ctx, "operator", action, server, nil)
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
		needs, last, paused := "-", "-", ""
		if row.FloorBytes != nil {
			needs = megabytes(*row.FloorBytes)
		}
		if row.Steps > 0 {
			last = now.Sub(row.LastAt).Round(time.Second).String() + " ago"
		}
		switch {
		case row.ServerPaused:
			paused = "paused, as the whole server"
		case row.ReclaimPaused:
			paused = "paused"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", row.ID, megabytes(row.MemoryBytes), megabytes(row.SwapBytes), needs, row.Steps, megabytes(row.Taken), last, paused)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(to, "\nSteps and what they took are those of the last 24 hours.")
	return err
}
