package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/store"
)

// admin makes accounts admins, and customers again.
func admin(ctx context.Context, settings config.Runner, args []string) error {
	pool, err := store.Open(ctx, settings.DatabaseURL, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	switch {
	case len(args) == 1 && args[0] == "list":
		return listAdmins(ctx, pool, os.Stdout)
	case len(args) == 2 && args[0] == "add":
		return addAdmin(ctx, pool, args[1], settings.Mail.AppURL, time.Now(), os.Stdout)
	case len(args) == 2 && args[0] == "remove":
		return removeAdmin(ctx, pool, args[1], time.Now(), os.Stdout)
	default:
		return errors.New(usage)
	}
}

// addAdmin makes an admin, and shows the code to set up their second factor with.
func addAdmin(ctx context.Context, pool *pgxpool.Pool, email, appURL string, now time.Time, to io.Writer) error {
	var word string
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		user, err := accountAt(ctx, store.New(tx), email)
		if err != nil {
			return err
		}
		word, err = jobs.MakeAdmin(ctx, tx, user, "operator", now)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s is an admin. Within an hour: log in at %s, open %s/admin there, and set up the second factor with the code\n\n  %s\n\n", strings.ToLower(email), appURL, appURL, word)
	return err
}

// removeAdmin takes the second factor away too.
func removeAdmin(ctx context.Context, pool *pgxpool.Pool, email string, now time.Time, to io.Writer) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		user, err := accountAt(ctx, store.New(tx), email)
		if err != nil {
			return err
		}
		return jobs.UnmakeAdmin(ctx, tx, user, "operator", now)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s is an account like others.\n", strings.ToLower(email))
	return err
}

func accountAt(ctx context.Context, queries *store.Queries, email string) (store.User, error) {
	user, err := queries.UserByEmail(ctx, strings.ToLower(strings.TrimSpace(email)))
	if store.IsNone(err) {
		return user, fmt.Errorf("there is no account at %s: sign up with it first", email)
	}
	return user, err
}

func listAdmins(ctx context.Context, pool *pgxpool.Pool, to io.Writer) error {
	all, err := store.New(pool).ListAdmins(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(to, "There is no admin: runner admin add EMAIL makes one of an account.")
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EMAIL\tSECOND FACTOR\tRECOVERY CODES\tLAST LOGIN")
	for _, one := range all {
		factor, login := "not set up", "never"
		if one.ConfirmedAt != nil {
			factor = "since " + one.ConfirmedAt.Local().Format(time.DateTime)
		}
		if one.LastLoginAt != nil {
			login = one.LastLoginAt.Local().Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", one.Email, factor, one.RecoveryCodes, login)
	}
	return table.Flush()
}
