package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/store"
)

// slice shows the slices, or gives one of them an order, which the runner of its server carries out.
func slice(ctx context.Context, settings config.Runner, args []string) error {
	order, id, err := parseSlice(args)
	if err != nil {
		return err
	}
	pool, err := store.Open(ctx, settings.DatabaseURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	if order == "" {
		return listSlices(ctx, pool, os.Stdout)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		return err
	}
	if order == orderMove {
		var to int64
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
			to, err = jobs.GiveMove(ctx, tx, client, id, "operator")
			return err
		}); err != nil {
			return err
		}
		fmt.Printf("slice %d is being moved to slice %d; `runner slice list` shows how far it is\n", id, to)
		return nil
	}
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return jobs.Give(ctx, tx, client, order, id, "operator", time.Now())
	}); err != nil {
		return err
	}
	fmt.Printf("slice %d: %s is ordered; `runner slice list` shows how far it is\n", id, order)
	return nil
}

// orderMove is an order to two slices.
const orderMove = "move"

// parseSlice reads the words after `runner slice`; the order is "" for the list.
func parseSlice(args []string) (jobs.Order, int64, error) {
	if len(args) == 1 && args[0] == "list" {
		return "", 0, nil
	}
	if len(args) < 2 || !jobs.Order(args[0]).Known() && args[0] != orderMove {
		return "", 0, errors.New(usage)
	}
	order := jobs.Order(args[0])
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || id < 1 {
		return "", 0, fmt.Errorf("%q is no number of a slice: `runner slice list` shows them", args[1])
	}
	confirmed := slices.Equal(args[2:], []string{"-yes"})
	switch {
	case order == jobs.OrderDestroy && !confirmed:
		return "", 0, fmt.Errorf("this deletes every message, contact and file of slice %d for good, and unlinks nothing on the phone; if you mean it: runner slice destroy %d -yes", id, id)
	case order != jobs.OrderDestroy && len(args) > 2:
		return "", 0, errors.New(usage)
	}
	return order, id, nil
}

func listSlices(ctx context.Context, pool *pgxpool.Pool, to io.Writer) error {
	all, err := store.New(pool).ListSlices(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SLICE\tSERVER\tSTATUS\tPORT\tUSER\tMEMORY\tSWAP\tDISK\tIMAGE\tAGE")
	for _, one := range all {
		port, user := "-", "-"
		if one.Port != nil {
			port = strconv.Itoa(int(*one.Port))
		}
		if one.UserEmail != nil {
			user = *one.UserEmail
		}
		status := one.Status
		switch {
		case one.MovingTo != nil:
			status = fmt.Sprintf("moving to %d", *one.MovingTo)
		case one.RecycleAt != nil:
			status += ", restarting"
		case one.StartAt != nil && one.Crashes > 0:
			status += fmt.Sprintf(", crashed %d times", one.Crashes)
		}
		memory, swap, disk := "-", "-", "-"
		if one.MeasuredAt != nil {
			memory, swap, disk = megabytes(one.MemoryBytes), megabytes(one.SwapBytes), megabytes(one.StorageBytes)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", one.ID, one.Server, status, port, user, memory, swap, disk, one.Image, time.Since(one.CreatedAt).Round(time.Minute))
	}
	return table.Flush()
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", bytes>>20) }
