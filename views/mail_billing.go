package views

import (
	"context"
	"fmt"
	"time"
)

// Terms are what an installation takes for a month, and how long it waits for it.
type Terms struct {
	Price     string        // see PriceWords; empty: nothing can be paid here, and no mail asks for it
	Grace     time.Duration // from a failed payment, or the end of the trial, until the workspace is stopped
	Retention time.Duration // from there until everything is destroyed
}

// PriceWords is what a month costs whoever subscribes now: "$4.50 a month, instead of $9.00". Without a launch
// offer `launch` is empty; it holds for so many months, or with 0 as long as the subscription does.
func PriceWords(currency, price, launch string, months int) string {
	switch {
	case launch == "":
		return currency + price + " a month"
	case months > 0:
		return fmt.Sprintf("%s%s a month for %s, and %s%s a month after that", currency, launch, first(months), currency, price)
	}
	return fmt.Sprintf("%s%s a month, instead of %s%s, for as long as you stay subscribed", currency, launch, currency, price)
}

// first is "the first month" or "the first 3 months".
func first(months int) string {
	if months == 1 {
		return "the first month"
	}
	return fmt.Sprintf("the first %d months", months)
}

const (
	dataKept  = "your messages, contacts and files are kept, and no new messages come in"
	destroyed = "everything in it is destroyed, and with it your account and this e-mail address. Nobody can bring that back."
)

func (l Letterhead) billing() string { return l.AppURL + "/billing" }

// TrialEnds tells of a trial that ends soon, and what happens then.
func (l Letterhead) TrialEnds(ctx context.Context, at time.Time) (Mail, error) {
	subject := "Your trial ends on " + at.UTC().Format(dayForm)
	said := message{subject: subject, parts: []part{
		title(subject),
		paragraph(fmt.Sprintf("Your trial of %s ends at %s. You have given no card, so nothing is charged by itself.", l.Brand, moment(at))),
	}}
	if l.Terms.Price == "" {
		said.parts = append(said.parts,
			paragraph("Nothing can be paid here yet. If you want to go on after the trial, write to us before it ends."),
			paragraph(l.afterTrial()),
			button{"Take a copy", l.billing()})
	} else {
		said.parts = append(said.parts,
			paragraph(fmt.Sprintf("To go on, subscribe until then or in the %s that follow, in which everything still works. It costs %s, and you can cancel at any time.", span(l.Terms.Grace), l.Terms.Price)),
			button{"Subscribe", l.billing()},
			paragraph("If you would rather not, there is nothing to do. "+l.afterTrial()))
	}
	return l.mail(ctx, said)
}

func (l Letterhead) afterTrial() string {
	return fmt.Sprintf("For %s after the trial all goes on. Then your workspace is stopped, and %s later %s Take a copy before, if you want one.", span(l.Terms.Grace), span(l.Terms.Retention), destroyed)
}

// TrialOver tells of a trial that has ended, and how long all goes on. The last of such mails says that it is.
func (l Letterhead) TrialOver(ctx context.Context, until time.Time, last bool) (Mail, error) {
	said := message{subject: "Your trial is over"}
	if last {
		said.subject = "Last reminder: your trial is over"
	}
	said.parts = []part{
		title(said.subject),
		paragraph(fmt.Sprintf("Your trial of %s is over. Everything goes on until %s.", l.Brand, moment(until))),
	}
	stopped := paragraph(fmt.Sprintf("After that your workspace is stopped: %s. %s later %s", dataKept, span(l.Terms.Retention), destroyed))
	if l.Terms.Price == "" {
		said.parts = append(said.parts, paragraph("Nothing can be paid here yet. If you want to go on, write to us before then."), stopped, button{"Take a copy", l.billing()})
	} else {
		said.parts = append(said.parts, paragraph(fmt.Sprintf("Subscribe before then, and nothing stops. It costs %s, and you can cancel at any time.", l.Terms.Price)),
			button{"Subscribe", l.billing()}, stopped)
	}
	return l.mail(ctx, said)
}

// PaymentFailed tells of a payment that did not go through, and until when all goes on. The last says that it is.
func (l Letterhead) PaymentFailed(ctx context.Context, until time.Time, last bool) (Mail, error) {
	said := message{subject: "Your payment did not go through"}
	if last {
		said.subject = "Last reminder: your payment did not go through"
	}
	said.parts = []part{
		title(said.subject),
		paragraph(fmt.Sprintf("The payment for your subscription of %s has failed. Mostly the card has expired, or the bank has refused it.", l.Brand)),
		paragraph(fmt.Sprintf("Everything goes on until %s. Look at your card before then, or use another one: the payment is then tried again.", moment(until))),
		button{"Look at the payment", l.billing()},
		paragraph(fmt.Sprintf("If it is not paid by then, your workspace is paused: %s. Once the payment works, it goes on from where it was.", dataKept)),
	}
	return l.mail(ctx, said)
}

// PaymentAction leads to the page of Stripe at which the bank has a payment confirmed.
func (l Letterhead) PaymentAction(ctx context.Context, link string) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Confirm your payment",
		parts: []part{
			title("Your bank asks you to confirm a payment"),
			paragraph(fmt.Sprintf("It is the payment for your subscription of %s. Nothing has failed: your bank only wants to know that it is you.", l.Brand)),
			button{"Confirm the payment", link},
			paragraph("The page is Stripe's, who take our payments. Until you have confirmed it, the payment is not made."),
		},
		notes: []note{{"You would rather not follow a link? Log in, and confirm it from there:", l.billing()}},
	})
}

// Paused tells of a workspace that is stopped because of money: it was not paid, or `held`, because a payment
// is disputed.
func (l Letterhead) Paused(ctx context.Context, held bool) (Mail, error) {
	said := message{subject: "Your workspace is paused", parts: []part{title("Your workspace is paused")}}
	if held {
		said.parts = append(said.parts,
			paragraph(fmt.Sprintf("A payment for your account at %s is disputed, or was reported as one that its owner did not make. Until that is settled your workspace is stopped: %s.", l.Brand, dataKept)),
			paragraph("If this surprises you, or once it is settled with your bank, write to us."),
			button{"See how it stands", l.billing()})
	} else {
		said.parts = append(said.parts,
			paragraph(fmt.Sprintf("The payment for your subscription of %s is still not made, and the time to put it right has passed. Your workspace is stopped: %s.", l.Brand, dataKept)),
			paragraph("Once it is paid, your workspace goes on from where it was."),
			button{"Pay", l.billing()})
	}
	return l.mail(ctx, said)
}

// Resumed tells that a paused workspace runs again.
func (l Letterhead) Resumed(ctx context.Context) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Your workspace runs again",
		parts: []part{
			title("Your workspace runs again"),
			paragraph(fmt.Sprintf("Thank you. Your workspace at %s goes on from where it was, with all that is in it.", l.Brand)),
			paragraph("Should WhatsApp have unlinked it meanwhile, the app leads you through linking your phone again."),
			button{"Open your inbox", l.AppURL},
		},
	})
}

// WillEnd confirms that a subscription is cancelled, to the end of what is paid for.
func (l Letterhead) WillEnd(ctx context.Context, at time.Time) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Your subscription is cancelled",
		parts: []part{
			title("Your subscription is cancelled"),
			paragraph(fmt.Sprintf("Everything at %s works until %s, as that is paid for. Nothing more is charged.", l.Brand, moment(at))),
			paragraph(fmt.Sprintf("Then your workspace is stopped. For %s your data is kept, in case you come back. After that %s", span(l.Terms.Retention), destroyed)),
			paragraph("Take a copy of your messages, contacts and files before. It is a ZIP file, made for you within minutes."),
			button{"Take a copy", l.billing()},
		},
		notes: []note{{"Changed your mind? Until then you can take the cancellation back:", l.billing()}},
	})
}

// Ended tells that nothing is paid for any more, and until when there is a way back.
func (l Letterhead) Ended(ctx context.Context, deleted time.Time) (Mail, error) {
	said := message{subject: "Your workspace is stopped", parts: []part{
		title("Your workspace is stopped"),
		paragraph(fmt.Sprintf("Nothing is paid for your workspace at %s any more, so it is stopped: %s.", l.Brand, dataKept)),
		paragraph(fmt.Sprintf("At %s %s", moment(deleted), destroyed)),
	}}
	if l.Terms.Price == "" {
		said.parts = append(said.parts, paragraph("Nothing can be paid here yet. If you want to go on, write to us before then. You can still take a copy."), button{"Take a copy", l.billing()})
	} else {
		said.parts = append(said.parts, paragraph("Until then you can come back, and find everything as it was, or take a copy with you."), button{"Come back, or take a copy", l.billing()})
	}
	return l.mail(ctx, said)
}

// DeletedSoon is the last word before everything is destroyed.
func (l Letterhead) DeletedSoon(ctx context.Context, deleted time.Time) (Mail, error) {
	said := message{subject: "Tomorrow everything is deleted", parts: []part{
		title("Tomorrow everything is deleted"),
		paragraph(fmt.Sprintf("It concerns your workspace at %s, which is stopped. At %s %s", l.Brand, moment(deleted), destroyed)),
	}}
	if l.Terms.Price == "" {
		said.parts = append(said.parts, paragraph("If you want a copy, take it now. If you want to go on, write to us now."), button{"Take a copy", l.billing()})
	} else {
		said.parts = append(said.parts, paragraph("If you want to go on, or want a copy, do it now."), button{"Come back, or take a copy", l.billing()})
	}
	said.parts = append(said.parts, paragraph("If you want neither, there is nothing to do, and no further mail."))
	return l.mail(ctx, said)
}

// ExportReady tells that the copy that somebody asked for can be downloaded, and until when.
func (l Letterhead) ExportReady(ctx context.Context, until time.Time) (Mail, error) {
	return l.mail(ctx, message{
		subject: "Your copy is ready",
		parts: []part{
			title("Your copy is ready"),
			paragraph(fmt.Sprintf("The ZIP file with your messages, contacts and files of %s can be downloaded until %s. Then it is deleted.", l.Brand, moment(until))),
			button{"Download it", l.billing()},
			paragraph("For that you have to be logged in: nobody else can have it."),
		},
		notes: []note{{sentence: "You did not ask for a copy? Then somebody else is logged in to your account: change your password, and tell us."}},
	})
}
