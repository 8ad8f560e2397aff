package views

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// priced is an installation whose terms nobody would write into a mail by hand.
var priced = Letterhead{
	Brand: "Quillfish", AppURL: "https://app.example.com",
	Terms: Terms{Price: PriceWords("¤", "87.65", "43.21", 0), Grace: 5 * 24 * time.Hour, Retention: 9*24*time.Hour + 3*time.Hour},
}

func TestMailsAboutMoneySayWhatHappensAndWhen(t *testing.T) {
	at := time.Date(2026, 12, 4, 10, 12, 0, 0, time.FixedZone("", 3600))
	const when = "09:12 UTC on 4 December 2026"
	const forgotten = "everything in it is destroyed, and with it your account and this e-mail address"
	for name, test := range map[string]struct {
		make    func() (Mail, error)
		subject string
		says    []string
	}{
		"trial ends": {
			func() (Mail, error) { return priced.TrialEnds(t.Context(), at) }, "Your trial ends on 4 December 2026",
			[]string{when, "no card", "¤43.21 a month, instead of ¤87.65, for as long as you stay subscribed", "the 5 days that follow", "9 days 3 hours later " + forgotten, "Subscribe:"},
		},
		"trial over": {
			func() (Mail, error) { return priced.TrialOver(t.Context(), at, false) }, "Your trial is over",
			[]string{"goes on until " + when, "¤43.21", "9 days 3 hours later " + forgotten, "Subscribe:"},
		},
		"trial over, last":     {func() (Mail, error) { return priced.TrialOver(t.Context(), at, true) }, "Last reminder: your trial is over", []string{when}},
		"payment failed":       {func() (Mail, error) { return priced.PaymentFailed(t.Context(), at, false) }, "Your payment did not go through", []string{"goes on until " + when, "paused", "goes on from where it was"}},
		"payment failed, last": {func() (Mail, error) { return priced.PaymentFailed(t.Context(), at, true) }, "Last reminder: your payment did not go through", []string{when}},
		"payment action": {
			func() (Mail, error) { return priced.PaymentAction(t.Context(), "https://pay.example.com/x") }, "Confirm your payment",
			[]string{"Nothing has failed", "https://pay.example.com/x", "/billing"},
		},
		"paused":    {func() (Mail, error) { return priced.Paused(t.Context(), false) }, "Your workspace is paused", []string{"still not made", "are kept", "Pay:"}},
		"held":      {func() (Mail, error) { return priced.Paused(t.Context(), true) }, "Your workspace is paused", []string{"disputed", "write to us", "are kept"}},
		"resumed":   {func() (Mail, error) { return priced.Resumed(t.Context()) }, "Your workspace runs again", []string{"from where it was", "Open your inbox:"}},
		"will end":  {func() (Mail, error) { return priced.WillEnd(t.Context(), at) }, "Your subscription is cancelled", []string{"works until " + when, "Nothing more is charged", "For 9 days 3 hours", forgotten, "Take a copy:", "take the cancellation back"}},
		"ended":     {func() (Mail, error) { return priced.Ended(t.Context(), at) }, "Your workspace is stopped", []string{"At " + when + " " + forgotten, "come back", "copy"}},
		"tomorrow":  {func() (Mail, error) { return priced.DeletedSoon(t.Context(), at) }, "Tomorrow everything is deleted", []string{"At " + when + " " + forgotten, "Come back, or take a copy:"}},
		"copy made": {func() (Mail, error) { return priced.ExportReady(t.Context(), at) }, "Your copy is ready", []string{"until " + when, "logged in"}},
	} {
		mail, err := test.make()
		if err != nil || mail.Subject != test.subject {
			t.Errorf("%s: subject %q, %v", name, mail.Subject, err)
		}
		for _, text := range test.says {
			if !strings.Contains(words(mail.Text), text) {
				t.Errorf("%s does not say %q:\n%s", name, text, mail.Text)
			}
		}
	}
}

func TestWhereNothingCanBePaidNoMailAsksForIt(t *testing.T) {
	free := priced
	free.Terms.Price = ""
	asks := regexp.MustCompile(`(?i)subscri|¤|\bcard before|come back|\bit costs\b|\bPay:`)
	at := time.Date(2026, 12, 4, 10, 12, 0, 0, time.UTC)
	for name, make := range map[string]func(Letterhead) (Mail, error){
		"trial ends":   func(l Letterhead) (Mail, error) { return l.TrialEnds(t.Context(), at) },
		"trial over":   func(l Letterhead) (Mail, error) { return l.TrialOver(t.Context(), at, false) },
		"ended":        func(l Letterhead) (Mail, error) { return l.Ended(t.Context(), at) },
		"deleted soon": func(l Letterhead) (Mail, error) { return l.DeletedSoon(t.Context(), at) },
	} {
		mail, err := make(free)
		if found := asks.FindString(mail.Text); err != nil || found != "" {
			t.Errorf("%s asks for money by %q: %v\n%s", name, found, err, mail.Text)
		}
		for _, text := range []string{"write to us", "Take a copy:\nhttps://app.example.com/billing"} {
			if !strings.Contains(mail.Text, text) {
				t.Errorf("%s does not say %q:\n%s", name, text, mail.Text)
			}
		}
		if paid, err := make(priced); err != nil || !asks.MatchString(paid.Text) {
			t.Errorf("%s offers nothing where one can pay: %v\n%s", name, err, paid.Text)
		}
	}
}

func TestPricesInWords(t *testing.T) {
	for want, got := range map[string]string{
		"$9.00 a month": PriceWords("$", "9.00", "", 3),
		"$4.50 a month, instead of $9.00, for as long as you stay subscribed": PriceWords("$", "9.00", "4.50", 0),
		"$4.50 a month for the first month, and $9.00 a month after that":     PriceWords("$", "9.00", "4.50", 1),
		"$4.50 a month for the first 3 months, and $9.00 a month after that":  PriceWords("$", "9.00", "4.50", 3),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
