package views

import (
	"context"
	"fmt"
	"time"
)

// Verify asks whoever has an address whether it is theirs. The link is good for 7 days.
func (l Letterhead) Verify(ctx context.Context, link string) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Confirm your e-mail address",
		parts: []part{
			title("Confirm your e-mail address"),
			paragraph(fmt.Sprintf("This address was given for an account at %s. Confirm that it is yours, so that we can tell you when your WhatsApp is disconnected.", l.Brand)),
			button{"Confirm this address", link},
			paragraph("The link is good for 7 days."),
		},
		notes: []note{{sentence: "This was not you? Then ignore this mail, and the address stays unconfirmed."}},
	})
}

// Reset lets whoever reads it choose a new password, once, within 10 minutes.
func (l Letterhead) Reset(ctx context.Context, link string) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Choose a new password",
		parts: []part{
			title("Choose a new password"),
			paragraph(fmt.Sprintf("Somebody, most likely you, has forgotten the password of your account at %s.", l.Brand)),
			button{"Choose a new password", link},
			paragraph("The link works once, within 10 minutes."),
		},
		notes: []note{{sentence: "You did not ask for this? Then ignore this mail: nothing has changed, and your password is still the old one."}},
	})
}

// PasswordChanged tells whose password is another one since then.
func (l Letterhead) PasswordChanged(ctx context.Context, at time.Time) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Your password was changed",
		parts: []part{
			title("Your password was changed"),
			paragraph(fmt.Sprintf("The password of your account at %s was changed at %s. Whoever was logged in has been logged out.", l.Brand, moment(at))),
			paragraph("If it was you, there is nothing to do. If it was not, somebody else can read your mails or knew your password: choose a new password now, here and for your mailbox, and tell us."),
			button{"Choose a new password", l.AppURL + "/forgot-password"},
		},
	})
}

// AddressChanged tells whoever reads the address that an account had until then. The new one is not named: the mailbox may be
// somebody else's by now.
func (l Letterhead) AddressChanged(ctx context.Context, at time.Time) (Mail, error) {
	return l.mail(ctx, message{
		subject: "The e-mail address of your account was changed",
		parts: []part{
			title("The e-mail address of your account was changed"),
			paragraph(fmt.Sprintf("Your account at %s was given another e-mail address at %s, by somebody who knows its password. This is the last mail that comes to this one.", l.Brand, moment(at))),
			paragraph("If it was you, there is nothing to do. If it was not, somebody else can log in to your account: tell us at once."),
		},
	})
}

// PlaceFree tells who waited in line that they have a workspace now; in a trial, that it is as long as for all others.
func (l Letterhead) PlaceFree(ctx context.Context, trial bool) (Mail, error) {
	parts := []part{
		title("Your workspace is ready"),
		paragraph(fmt.Sprintf("Thank you for waiting. There is a workspace for you at %s now: link your phone, and your chats and contacts appear by themselves.", l.Brand)),
	}
	if trial && l.Terms.Price != "" {
		parts = append(parts, paragraph("The time that you waited has been added to your trial."))
	}
	return l.mail(ctx, message{subject: "Your workspace is ready", parts: append(parts, button{"Link your phone", l.AppURL + "/connect"})})
}

// How a time is written. Where its readers are is not known.
const (
	clockForm = "15:04"
	dayForm   = "2 January 2006"
)

// moment is a time as people read it.
func moment(at time.Time) string { return at.UTC().Format(clockForm + " UTC on " + dayForm) }

// span is how long something took, to the minute.
func span(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case d < time.Minute:
		return "less than a minute"
	case days > 0:
		return counted(days, "day") + and(hours, "hour")
	case hours > 0:
		return counted(hours, "hour") + and(minutes, "minute")
	}
	return counted(minutes, "minute")
}

func and(n int, unit string) string {
	if n == 0 {
		return ""
	}
	return " " + counted(n, unit)
}

func counted(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
