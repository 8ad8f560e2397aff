package main

import (
	"context"
	"crypto/rand"
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
	"slicegate/store"
)

// setUpWithin is how long the code with which a second factor is set up can be used.
const setUpWithin = time.Hour

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

// addAdmin gives an admin without a second factor the code to set one up with: without it, whoever got
// hold of their password first could set up one of their own.
func addAdmin(ctx context.Context, pool *pgxpool.Pool, email, appURL string, now time.Time, to io.Writer) error {
	word := rand.Text()
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		user, err := accountAt(ctx, queries, email)
		if err != nil {
			return err
		}
		if _, err := queries.SetAdmin(ctx, store.SetAdminParams{ID: user.ID, IsAdmin: true, Now: now}); err != nil {
			return err
		}
		offered, err := queries.OfferSecondFactor(ctx, store.OfferSecondFactorParams{UserID: user.ID, SetupHash: store.SetupHash(word), SetupUntil: now.Add(setUpWithin)})
		if err != nil {
			return err
		}
		if offered == 0 {
			return fmt.Errorf("%[1]s is an admin and has a second factor; if it is lost: runner admin remove %[1]s, then add", user.Email)
		}
		return queries.RecordAct(ctx, "operator", "admin.add", fmt.Sprintf("user:%d", user.ID), map[string]any{"before": user.IsAdmin, "after": true})
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
		queries := store.New(tx)
		user, err := accountAt(ctx, queries, email)
		if err != nil {
			return err
		}
		removed, err := queries.SetAdmin(ctx, store.SetAdminParams{ID: user.ID, IsAdmin: false, Now: now})
		if err != nil {
			return err
		}
		if removed == 0 {
			return fmt.Errorf("%s is no admin: `runner admin list` shows who is", user.Email)
		}
		if _, err := queries.DropSecondFactor(ctx, user.ID); err != nil {
			return err
		}
		if err := queries.ForgetPasses(ctx, user.ID); err != nil {
			return err
		}
		return queries.RecordAct(ctx, "operator", "admin.remove", fmt.Sprintf("user:%d", user.ID), map[string]any{"before": true, "after": false})
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
