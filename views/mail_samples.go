package views

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Sample is a mail of a system that does not exist, for looking at.
type Sample struct {
	Name string // "verify", "user-passkey"
	Mail Mail
}

// Samples are every mail that there is, and for each cause of an alert one.
func Samples(ctx context.Context) ([]Sample, error) {
	const week = 7 * 24 * time.Hour
	head := Letterhead{
		Brand: "Slicegate", AppURL: "https://app.example.com", Contact: "help@example.com",
		Terms: Terms{Price: PriceWords("$", "9.00", "4.50", 0), Grace: week, Retention: week},
	}
	long := Letterhead{Brand: "Slice" + fmt.Sprintf("%055d", 0), AppURL: "https://app." + fmt.Sprintf("%050d", 0) + ".example.com"}
	const token = "#token=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	began := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	ended := began.Add(2*time.Hour + 28*time.Minute)

	away := Told{Kind: kindDisconnected, Subject: "slice:12", Server: "local", Severity: "critical", Cause: "logged_out", Phase: PhaseOpened, Since: began, Detail: "WhatsApp of slice 12 is disconnected. Its user has been told."}
	full := Told{Kind: kindStorage, Subject: "slice:12", Server: "local", Severity: "warning", Phase: PhaseOpened, Since: began, Detail: "Your files take up 1.9 GB of 2 GB."}
	down := Told{Kind: kindFailed, Subject: "slice:12", Server: "local", Severity: "critical", Phase: PhaseOpened, Since: began, Detail: "Slice 12 crashed 6 times within an hour and stays down. Look at its log, then: runner slice resume 12"}
	disk := Told{Kind: "server.disk", Subject: "server:local", Severity: "critical", Phase: PhaseOpened, Since: began, Detail: "The disk of " + "/var/lib/slicegate/data/slices/" + fmt.Sprintf("%080d", 0) + " is 91 % full. Make room, or move slices to another server."}
	many := Told{Kind: "wa.incident", Subject: "server:local", Severity: "critical", Phase: PhaseOpened, Since: began, Covers: 23, Detail: "WhatsApp is lost on many slices at the same time."}
	again := func(t Told) Told { t.Phase = PhaseRepeated; return t }
	over := func(t Told) Told { t.Phase, t.Ended = PhaseEnded, &ended; return t }

	var samples []Sample
	var failures []error
	add := func(name string, mail Mail, err error) {
		samples = append(samples, Sample{name, mail})
		failures = append(failures, err)
	}
	user := func(name string, told ...Told) {
		mail, err := head.UserAlert(ctx, told)
		add("user-"+name, mail, err)
	}
	admin := func(name string, told ...Told) {
		mail, err := head.AdminAlert(ctx, told)
		add("admin-"+name, mail, err)
	}

	mail, err := head.Verify(ctx, head.AppURL+"/verify-email"+token)
	add("verify", mail, err)
	mail, err = head.Reset(ctx, head.AppURL+"/reset-password"+token)
	add("reset", mail, err)
	mail, err = head.PasswordChanged(ctx, began)
	add("password-changed", mail, err)
	mail, err = head.AddressChanged(ctx, began)
	add("address-changed", mail, err)
	mail, err = head.PlaceFree(ctx, true)
	add("place-free", mail, err)
	mail, err = head.PlaceKept(ctx, began.Add(24*time.Hour))
	add("place-kept", mail, err)
	mail, err = long.Verify(ctx, long.AppURL+"/verify-email"+token)
	add("long-names", mail, err)

	free := head
	free.Terms.Price = ""
	for i, name := range []string{"", "-nothing-to-pay"} {
		letters := []Letterhead{head, free}[i]
		mail, err = letters.TrialEnds(ctx, began.Add(3*24*time.Hour))
		add("trial-ends"+name, mail, err)
		mail, err = letters.TrialOver(ctx, began.Add(week), false)
		add("trial-over"+name, mail, err)
		mail, err = letters.TrialOver(ctx, began.Add(24*time.Hour), true)
		add("trial-over-last"+name, mail, err)
		mail, err = letters.Ended(ctx, began.Add(week))
		add("ended"+name, mail, err)
		mail, err = letters.DeletedSoon(ctx, began.Add(24*time.Hour))
		add("deleted-soon"+name, mail, err)
	}
	mail, err = head.PaymentFailed(ctx, began.Add(week), false)
	add("payment-failed", mail, err)
	mail, err = head.PaymentFailed(ctx, began.Add(24*time.Hour), true)
	add("payment-failed-last", mail, err)
	mail, err = head.PaymentAction(ctx, "https://invoice.stripe.com/i/acct_1"+fmt.Sprintf("%080d", 0))
	add("payment-action", mail, err)
	mail, err = head.Paused(ctx, false)
	add("paused", mail, err)
	mail, err = head.Paused(ctx, true)
	add("paused-held", mail, err)
	mail, err = head.Resumed(ctx)
	add("resumed", mail, err)
	mail, err = head.WillEnd(ctx, began.Add(2*week))
	add("will-end", mail, err)
	mail, err = head.ExportReady(ctx, began.Add(week))
	add("export-ready", mail, err)

	for _, cause := range slices.Sorted(maps.Keys(troubles)) {
		one := away
		one.Cause = cause
		user(cause, one)
	}
	user("still-away", again(away))
	user("connected-again", over(away))
	user("storage", full)
	user("storage-again", over(full))
	user("failed-slice", down)
	user("failed-slice-still", again(down))
	user("failed-slice-over", over(down))
	user("several", full, away, over(down))

	admin("one", down)
	admin("several", full, away, disk, over(many))
	admin("incident", many)
	admin("over", over(disk))
	return samples, errors.Join(failures...)
}

// WriteSamples makes an HTML file of each sample in dir, which is made.
func WriteSamples(ctx context.Context, dir string) error {
	samples, err := Samples(ctx)
	if err != nil {
		return fmt.Errorf("write samples of mails: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write samples of mails: %w", err)
	}
	for _, sample := range samples {
		if err := os.WriteFile(filepath.Join(dir, sample.Name+".html"), []byte(sample.Mail.HTML), 0o644); err != nil {
			return fmt.Errorf("write samples of mails: %w", err)
		}
	}
	return nil
}
