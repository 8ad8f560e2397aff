// Command functions serves the HTTP functions that it is told to, each on its own Unix
// socket in SOCKET_DIR: `functions admin auth billing proxy`; none named is all. Functions keep nothing
// that may not be lost: any number of copies may run.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"

	"slicegate/config"
	"slicegate/config/observe"
	"slicegate/functions/admin"
	"slicegate/functions/auth"
	"slicegate/functions/billing"
	"slicegate/functions/figures"
	"slicegate/functions/proxy"
	"slicegate/functions/session"
	"slicegate/jobs"
	life "slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/payments"
	"slicegate/store"
)

var names = []string{"admin", "auth", "billing", "proxy"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "functions:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets requests finish.
func run(ctx context.Context, wanted []string) error {
	if len(wanted) == 0 {
		wanted = names
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no function %q: name some of %v, or none for all", name, names)
		}
	}
	settings, err := config.LoadFunctions()
	if err != nil {
		return err
	}
	if err := logTo(os.Stderr, settings.LogLevel); err != nil {
		return err
	}
	shown, err := observe.Open("FUNCTIONS_METRICS", settings.Metrics)
	if err != nil {
		return err
	}
	defer shown.Close()
	pool, err := store.Open(ctx, settings.DatabaseURL, settings.FunctionsPool)
	if err != nil {
		return err
	}
	defer pool.Close()
	shown.Ready = []observe.Check{
		{Name: "postgres", Ask: pool.Ping},
		{Name: "schema", Ask: func(ctx context.Context) error { return migrations.Newest(ctx, pool) }},
	}
	counted := figures.New(shown.Registry)

	group, ctx := errgroup.WithContext(ctx)
	for _, name := range wanted {
		function, err := build(name, settings, pool)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		function.handler = function.observed(counted)
		if function.open != nil {
			figures.Watch(shown.Registry, function.open)
		}
		shown.Alive = append(shown.Alive, function.alive(settings.SocketDir))
		function.serve(ctx, group, settings.SocketDir)
	}
	shown.Start()
	return group.Wait()
}

func build(name string, settings config.Functions, pool *pgxpool.Pool) (*function, error) {
	signer := session.NewSigner(settings.SessionKey)
	switch name {
	case "admin":
		return buildAdmin(settings, pool, signer)
	case "auth":
		return buildAuth(settings, pool, signer)
	case "billing":
		return buildBilling(settings, pool, signer)
	default:
		return buildProxy(settings, pool, signer), nil
	}
}

// inserter is a client that enqueues and works nothing.
func inserter(pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	return river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema, Plugins: []rivertype.Plugin{&jobs.Trace{}}})
}

func buildAdmin(settings config.Functions, pool *pgxpool.Pool, signer *session.Signer) (*function, error) {
	if settings.AdminKey == (config.Key{}) {
		return nil, errors.New("ADMIN_KEY must be set: 64 hex digits (openssl rand -hex 32)")
	}
	client, err := inserter(pool)
	if err != nil {
		return nil, err
	}
	a, err := admin.New(admin.Admin{
		Pool: pool, Jobs: client, Signer: signer, Key: settings.AdminKey, Brand: settings.Brand, AppURL: settings.AppURL,
		Billing: settings.Billing, Economics: settings.Economics, Lines: settings.Lines, Clock: time.Now,
	})
	if err != nil {
		return nil, err
	}
	return &function{name: "admin", handler: a.Handler(), beside: a.Run, beforeShutdown: a.EndStreams}, nil
}

func buildAuth(settings config.Functions, pool *pgxpool.Pool, signer *session.Signer) (*function, error) {
	client, err := inserter(pool)
	if err != nil {
		return nil, err
	}
	hasher, err := auth.NewHasher(settings.HashesAtOnce, auth.Cost)
	if err != nil {
		return nil, err
	}
	a := &auth.Auth{
		Pool: pool, Jobs: client, Signer: signer, Hasher: hasher,
		SessionLife: settings.SessionLife, TrialDays: settings.TrialDays, Paid: settings.Billing.On(), Brand: settings.Brand, Clock: time.Now,
	}
	return &function{name: "auth", handler: a.Handler(), afterShutdown: a.Finish}, nil
}

func buildBilling(settings config.Functions, pool *pgxpool.Pool, signer *session.Signer) (*function, error) {
	client, err := inserter(pool)
	if err != nil {
		return nil, err
	}
	settler := &jobs.Settler{Pool: pool, Terms: life.Terms{Grace: settings.Billing.Grace, Retention: settings.Billing.Retention}, Clock: time.Now}
	b := &billing.Billing{
		Pool: pool, Jobs: client, Signer: signer, Settler: settler, Settings: settings.Billing,
		AppURL: settings.AppURL, MediaQuota: int64(settings.MediaQuota), Server: settings.Server, Clock: time.Now,
	}
	if settings.Billing.On() {
		account := payments.Open(settings.Billing)
		settler.Stripe, b.Stripe, b.ReadEvent = account, account, account.Event
	}
	return &function{name: "billing", handler: b.Handler()}, nil
}

func buildProxy(settings config.Functions, pool *pgxpool.Pool, signer *session.Signer) *function {
	p := proxy.New(proxy.Proxy{
		Pool: pool, Signer: signer, SessionLife: settings.SessionLife, Linger: settings.EventsLinger, Clock: time.Now,
	})
	return &function{
		name: "proxy", handler: p.Handler(), beside: p.Listen,
		// Streams never end by themselves: without this the shutdown would wait for them.
		beforeShutdown: p.EndStreams,
		open:           p.Figures,
	}
}

func logTo(out *os.File, level string) error {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("LOG_LEVEL must be debug, info, warn or error, not %q", level)
	}
	slog.SetDefault(slog.New(observe.Logs(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: parsed}))))
	return nil
}
