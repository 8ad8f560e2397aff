package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"slicegate/deploy/local/fleet"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/suite"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/answers"
)

// runFleet makes up the telemetry of N slices over DAYS days in a database of its own, and shows what
// was planted beside what the answers find. With KEEP the database stays up to be looked at.
func runFleet(ctx context.Context, root string, out *os.File) (err error) {
	if err := needRoot(); err != nil {
		return err
	}
	options := fleet.Options{Every: time.Minute, End: time.Now().UTC().Truncate(time.Minute), Server: "made-up", Healthy: os.Getenv("HEALTHY") != ""}
	if options.Seed, err = number("SEED", uint64(time.Now().Unix())); err != nil {
		return err
	}
	for name, value := range map[string]struct {
		to       *int
		fallback uint64
		least    int
	}{"N": {&options.Slices, 200, 6}, "DAYS": {&options.Days, answers.DefaultDays, 1}} {
		n, err := number(name, value.fallback)
		if err != nil {
			return err
		}
		if *value.to = int(n); *value.to < value.least {
			return fmt.Errorf("%s must be %d or more", name, value.least)
		}
	}
	report := progress.New(out)
	defer report.Close()
	environment, err := suite.Claim(root, "fleet", report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, environment.Close(context.WithoutCancel(ctx))) }()
	report.Println(fmt.Sprintf("A made-up fleet: seed %d, %d slices, %d days", options.Seed, options.Slices, options.Days))
	if err := report.Do("postgres", func(note func(string)) error {
		if err := (packages.Installer{Root: "/", Say: report.Println, Note: note}).Ensure(ctx, packages.Postgres); err != nil {
			return err
		}
		return environment.StartPostgres(ctx, note)
	}); err != nil {
		return err
	}
	database, err := gatewayDatabase(ctx, environment.Exports())
	if err != nil {
		return err
	}
	pool, err := store.Open(ctx, database, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrations.Gateway(ctx, pool); err != nil {
		return err
	}
	var planted fleet.Planted
	if err := report.Do("telemetry", func(note func(string)) error {
		planted, err = fleet.Write(ctx, pool, options, note)
		return err
	}); err != nil {
		return err
	}
	// The first reading after so much writing settles what the rows' writers left; a page comes later.
	if _, err := answers.Read(ctx, pool, answers.Options{Now: options.End, Days: options.Days}); err != nil {
		return err
	}
	began := time.Now()
	found, err := answers.Read(ctx, pool, answers.Options{Now: options.End, Days: options.Days, MinFree: 1 << 30})
	if err != nil {
		return err
	}
	took := time.Since(began)
	var says strings.Builder
	if err := found.Text(&says); err != nil {
		return err
	}
	report.Println(planted.Tell() + "\n" + says.String() + fmt.Sprintf("\nAsked in %v.", took.Round(time.Millisecond)))
	if os.Getenv("KEEP") == "" {
		return nil
	}
	report.Println("The database is up until it is interrupted: psql '" + database + "'")
	return environment.Wait(ctx)
}

// gatewayDatabase makes the roles and databases in the environment's cluster, and gives the URL of the gateway's.
func gatewayDatabase(ctx context.Context, exports []string) (string, error) {
	for _, export := range exports {
		superuser, ok := strings.CutPrefix(export, "TEST_POSTGRES_URL=")
		if !ok {
			continue
		}
		if err := migrations.Bootstrap(ctx, superuser, migrations.Passwords{Runner: "runner", Functions: "functions"}); err != nil {
			return "", err
		}
		address, err := url.Parse(superuser)
		if err != nil {
			return "", err
		}
		address.Path = "/" + migrations.DatabaseGateway
		return address.String(), nil
	}
	return "", errors.New("the environment has no Postgres")
}
