package main

import (
	"context"
	"errors"
	"flag"
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

// alerts shows what is open, and keeps people from being told of it.
func alerts(ctx context.Context, settings config.Runner, args []string) error {
	pool, err := store.Open(ctx, settings.DatabaseURL, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	switch {
	case len(args) == 0:
		return listAlerts(ctx, pool, os.Stdout)
	case args[0] == "silence":
		return silence(ctx, pool, args[1:], time.Now(), os.Stdout)
	case args[0] == "silences" && len(args) == 1:
		return listSilences(ctx, pool, time.Now(), os.Stdout)
	case args[0] == "unsilence" && len(args) == 2:
		return unsilence(ctx, pool, args[1], time.Now(), os.Stdout)
	default:
		return errors.New(usage)
	}
}

func listAlerts(ctx context.Context, pool *pgxpool.Pool, to io.Writer) error {
	open, err := store.New(pool).ListAlerts(ctx, time.Now())
	if err != nil {
		return err
	}
	if len(open) == 0 {
		_, err = fmt.Fprintln(to, "No alert is open.")
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SINCE\tSEVERITY\tKIND\tSUBJECT\tTOLD\tWHAT")
	for _, one := range open {
		told := "yes"
		switch {
		case one.IncidentID != nil:
			told = "incident"
		case one.Silenced:
			told = "silenced"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", one.OpenedAt.Local().Format(time.DateTime), one.Severity, one.Kind, one.Subject, told, one.Detail)
	}
	return table.Flush()
}

// silence takes the words after `runner alerts silence`.
func silence(ctx context.Context, pool *pgxpool.Pool, args []string, now time.Time, to io.Writer) error {
	flags := flag.NewFlagSet("runner alerts silence", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	kind := flags.String("kind", "", "")
	subject := flags.String("subject", "", "")
	lasts := flags.Duration("for", 0, "")
	begins := flags.Duration("in", 0, "")
	reason := flags.String("reason", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errors.New(usage)
	}
	switch {
	case *lasts <= 0:
		return errors.New("say for how long, such as -for 2h")
	case *begins < 0:
		return errors.New("-in is how long from now it begins: it cannot be negative")
	case *reason == "":
		return errors.New("say why, for whoever wonders later: -reason \"kernel update\"")
	}
	given := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	var added store.Silence
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
		queries := store.New(tx)
		added, err = queries.AddSilence(ctx, store.AddSilenceParams{
			Kind: given(*kind), Subject: given(*subject), StartsAt: now.Add(*begins), EndsAt: now.Add(*begins + *lasts), Reason: *reason, Actor: "operator",
		})
		if err != nil {
			return err
		}
		return queries.RecordSilence(ctx, "operator", "add", added.ID, map[string]any{"kind": *kind, "subject": *subject, "until": added.EndsAt, "reason": *reason})
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "Silence %d: nobody is told of %s from %s to %s. Alerts open and close as ever.\n",
		added.ID, covered(added), added.StartsAt.Local().Format(time.DateTime), added.EndsAt.Local().Format(time.DateTime))
	return err
}

func covered(s store.Silence) string {
	switch {
	case s.Kind == nil && s.Subject == nil:
		return "any alert"
	case s.Subject == nil:
		return "alerts " + *s.Kind
	case s.Kind == nil:
		return "alerts of " + *s.Subject
	default:
		return "alerts " + *s.Kind + " of " + *s.Subject
	}
}

func listSilences(ctx context.Context, pool *pgxpool.Pool, now time.Time, to io.Writer) error {
	all, err := store.New(pool).ListSilences(ctx, now)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(to, "Nothing is silenced.")
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SILENCE\tFROM\tTO\tOF\tWHY")
	for _, one := range all {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", one.ID, one.StartsAt.Local().Format(time.DateTime), one.EndsAt.Local().Format(time.DateTime), covered(one), one.Reason)
	}
	return table.Flush()
}

func unsilence(ctx context.Context, pool *pgxpool.Pool, number string, now time.Time, to io.Writer) error {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no number of a silence: `runner alerts silences` lists them", number)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		ended, err := queries.EndSilence(ctx, store.EndSilenceParams{ID: id, Now: now})
		if err != nil {
			return err
		}
		if ended == 0 {
			return fmt.Errorf("there is no silence %d, or it is over: `runner alerts silences` lists them", id)
		}
		return queries.RecordSilence(ctx, "operator", "end", id, nil)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "Silence %d is over.\n", id)
	return err
}
