package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/store"
)

func alerts(ctx context.Context, settings config.Runner) error {
	pool, err := store.Open(ctx, settings.DatabaseURL, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	return listAlerts(ctx, pool, os.Stdout)
}

func listAlerts(ctx context.Context, pool *pgxpool.Pool, to io.Writer) error {
	open, err := store.New(pool).ListAlerts(ctx)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		_, err = fmt.Fprintln(to, "No alert is open.")
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SINCE\tSEVERITY\tKIND\tSUBJECT\tWHAT")
	for _, one := range open {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", one.OpenedAt.Local().Format(time.DateTime), one.Severity, one.Kind, one.Subject, one.Detail)
	}
	return table.Flush()
}
