package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/system"
)

// runSystem runs the whole system until it is interrupted or a part of it ends.
func runSystem(ctx context.Context, root string, out *os.File) (err error) {
	if err := needRoot(); err != nil {
		return err
	}
	port, err := system.Port()
	if err != nil {
		return err
	}
	report := progress.New(out)
	defer report.Close()
	// A key of Stripe's own is used as it is.
	stripe := os.Getenv("STRIPE_STAND_IN") == "true" && os.Getenv("STRIPE_KEY") == "" && os.Getenv("STRIPE_KEY_FILE") == ""
	running, err := system.Up(ctx, system.Options{Root: root, StateName: "run", Port: port, Report: report, Stripe: stripe})
	if err != nil {
		return err
	}
	report.Println("")
	report.Println("  The site  " + report.Strong(running.SiteURL))
	report.Println("  The app   " + report.Strong(running.AppURL))
	report.Println("  The mails " + report.Strong(running.SiteURL+"/mail/") + " (none leaves this machine)")
	if stripe {
		report.Println("  A stand-in of Stripe takes the payments; no money moves")
	}
	report.Println("")
	report.Println("  Ctrl-C stops it. State and logs are under var/run/.")
	report.Println("")
	failed := running.Wait(ctx)
	if failed != nil {
		sentence, _, _ := strings.Cut(failed.Error(), "\n")
		report.Println(report.Strong(sentence) + " So the system stops.")
	}
	stopping := report.Do("stopping", func(func(string)) error { return running.Down(context.WithoutCancel(ctx)) })
	return errors.Join(failed, stopping)
}
