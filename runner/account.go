package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/payments"
	"slicegate/store"
)

// account shows an account, or does something to it that the runner then follows.
func account(ctx context.Context, settings config.Runner, args []string) error {
	order, err := parseAccount(args)
	if err != nil {
		return err
	}
	pool, err := store.Open(ctx, settings.DatabaseURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		return err
	}
	var stripe billing.Stripe
	if settings.Billing.On() {
		stripe = payments.Open(settings.Billing)
	}
	terms := billing.Terms{Grace: settings.Billing.Grace, Retention: settings.Billing.Retention}
	return accounts{pool: pool, client: client, stripe: stripe, terms: terms, clock: time.Now, to: os.Stdout}.do(ctx, order)
}

// accountOrder is what is to be done to whose account.
type accountOrder struct {
	what, email string
	days        int
}

func parseAccount(args []string) (accountOrder, error) {
	if len(args) < 2 {
		return accountOrder{}, errors.New(usage)
	}
	order := accountOrder{what: args[0], email: strings.ToLower(args[1])}
	flags := flag.NewFlagSet("runner account", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	days := flags.Int("days", 0, "")
	yes := flags.Bool("yes", false, "")
	if err := flags.Parse(args[2:]); err != nil || flags.NArg() > 0 {
		return order, errors.New(usage)
	}
	order.days = *days
	switch order.what {
	case "show", "release":
		if *days != 0 || *yes {
			return order, errors.New(usage)
		}
	case "extend":
		if *days < 1 || *days > 365 || *yes {
			return order, errors.New("say for how many days, from 1 to 365, such as -days 7")
		}
	case "forget":
		if !*yes || *days != 0 {
			return order, fmt.Errorf("this deletes the account %[1]s with every message, contact, file and copy of theirs, now and for good; if you mean it: runner account forget %[1]s -yes", order.email)
		}
	default:
		return order, errors.New(usage)
	}
	return order, nil
}

// accounts is what the commands need.
type accounts struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	stripe billing.Stripe // nil: there is none
	terms  billing.Terms
	clock  jobs.Clock
	to     io.Writer
}

func (a accounts) do(ctx context.Context, order accountOrder) error {
	user, err := store.New(a.pool).UserByEmail(ctx, order.email)
	if store.IsNone(err) {
		return fmt.Errorf("there is no account %s", order.email)
	}
	if err != nil {
		return err
	}
	switch order.what {
	case "show":
		return a.show(ctx, user)
	case "forget":
		if err := a.leaveStripe(ctx, user); err != nil {
			return err
		}
	}
	if err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error { return a.change(ctx, tx, order, user.ID) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.to, "account %d: %s is ordered; `runner account show %s` shows what has come of it\n", user.ID, order.what, order.email)
	return err
}

func (a accounts) change(ctx context.Context, tx pgx.Tx, order accountOrder, id int64) error {
	const actor = "operator"
	user, err := store.New(tx).LockedAccount(ctx, id)
	if err != nil {
		return err
	}
	switch order.what {
	case "extend":
		return jobs.Extend(ctx, tx, a.client, user, order.days, actor, a.clock())
	case "release":
		return jobs.ReleaseHold(ctx, tx, a.client, user, actor, a.clock())
	default:
		return jobs.EndAccount(ctx, tx, a.client, user, a.terms, actor, a.clock())
	}
}

// leaveStripe deletes the customer, and with it their subscription: who is to be forgotten pays no more.
func (a accounts) leaveStripe(ctx context.Context, user store.User) error {
	switch {
	case user.IsAdmin || user.StripeCustomer == nil:
		return nil
	case a.stripe == nil:
		return errors.New("this account has a customer at Stripe, which must be deleted first, or it would go on to pay: set STRIPE_KEY")
	}
	return a.stripe.Forget(ctx, *user.StripeCustomer)
}

// show is all that an operator needs to answer its user.
func (a accounts) show(ctx context.Context, user store.User) error {
	queries := store.New(a.pool)
	table := tabwriter.NewWriter(a.to, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(table, "%s\t%v\n", name, value) }
	line("account", user.ID)
	line("e-mail", user.Email)
	line("status", user.SubscriptionStatus)
	for _, at := range []struct {
		name string
		time *time.Time
	}{
		{"since", &user.CreatedAt}, {"last login", user.LastLoginAt}, {"waits for a slice since", user.WaitingSince}, {"trial ends", user.TrialEndsAt},
		{"paid until", user.PaidUntil}, {"ends", user.EndsAt}, {"grace ends", user.GraceEndsAt}, {"cancelled", user.CancelledAt},
		{"is deleted after", user.DeleteAfter}, {"held since", user.HeldAt}, {"looked at again", user.SettleAt}, {"Stripe was asked", user.StripeReadAt},
	} {
		if at.time != nil {
			line(at.name, at.time.Local().Format(time.DateTime))
		}
	}
	if user.StripeCustomer != nil {
		line("customer", *user.StripeCustomer)
	}
	if user.StripeSubscription != nil {
		line("subscription", *user.StripeSubscription)
	}
	if user.StorageExtra > 0 {
		line("storage bought", fmt.Sprintf("%d GB", user.StorageExtra))
	}
	slice, err := queries.SliceByUser(ctx, user.ID)
	switch {
	case err == nil:
		line("slice", fmt.Sprintf("%d, %s on %s, %s of disk", slice.ID, slice.Status, slice.Server, megabytes(slice.StorageBytes)))
	case !store.IsNone(err):
		return err
	}
	if err := a.showRest(ctx, queries, user, line); err != nil {
		return err
	}
	return table.Flush()
}

func (a accounts) showRest(ctx context.Context, queries *store.Queries, user store.User, line func(string, any)) error {
	disputes, err := queries.DisputesOf(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range disputes {
		closed := ""
		if one.ClosedBy != nil {
			closed = ", released by " + *one.ClosedBy
		}
		line(one.Kind, fmt.Sprintf("%s, %s, %s%s", one.ID, one.Status, one.OpenedAt.Local().Format(time.DateTime), closed))
	}
	exports, err := queries.ExportsOf(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range exports {
		line("export", fmt.Sprintf("%d, %s, %s, %s", one.ID, one.Status, megabytes(one.Bytes), one.CreatedAt.Local().Format(time.DateTime)))
	}
	mails, err := queries.EmailsOf(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range mails {
		fate := "waits"
		switch {
		case one.FailedAt != nil:
			fate = "failed"
		case one.SentAt != nil:
			fate = "sent"
		}
		line("mail", fmt.Sprintf("%s, %s, %s", one.Kind, fate, one.CreatedAt.Local().Format(time.DateTime)))
	}
	lines, err := queries.AuditOf(ctx, fmt.Sprintf("user:%d", user.ID))
	if err != nil {
		return err
	}
	for _, one := range lines {
		line("done", fmt.Sprintf("%s by %s, %s %s", one.Action, one.Actor, one.At.Local().Format(time.DateTime), one.Detail))
	}
	return nil
}
