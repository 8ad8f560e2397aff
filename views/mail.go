package views

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// Mail is one mail, ready to be sent. HTML and Text say the same.
type Mail struct{ Subject, HTML, Text string }

// Letterhead is what every mail of an installation says.
type Letterhead struct {
	Brand   string
	AppURL  string // of the app, without a slash at the end: where links lead
	Contact string // an address to write to; empty: people are told to answer the mail
	Terms   Terms
}

// message is what a mail says. Its HTML and its text are both made of it, so that they cannot differ.
type message struct {
	subject string
	parts   []part
	notes   []note // the small print at the end
	ours    bool   // to the admin, who asks nobody else
}

// part is a heading, a paragraph, a caution, a button or a list of alerts.
type part interface{ text() string }

type (
	title     string // the one heading of the first rank
	heading   string
	paragraph string
	caution   string // what should be left alone, where there is harm in it
	button    struct{ label, link string }
	alertList []alertRow
)

// note is a sentence of the small print, and the address that it leads to, if any.
type note struct{ sentence, link string }

// mail renders what is said. Names and details come from outside: none of them can begin another header.
func (l Letterhead) mail(ctx context.Context, said message) (Mail, error) {
	said.subject = oneLine(said.subject)
	if !said.ours {
		said.notes = append(said.notes, l.contact())
	}
	l.Brand = oneLine(l.Brand)
	var html strings.Builder
	if err := mailPage(l, said).Render(ctx, &html); err != nil {
		return Mail{}, fmt.Errorf("render the mail %q: %w", said.subject, err)
	}
	return Mail{Subject: said.subject, HTML: html.String(), Text: plain(l, said)}, nil
}

func (l Letterhead) contact() note {
	if l.Contact == "" {
		return note{sentence: "Questions? Answer this mail."}
	}
	return note{"Questions? Write to", "mailto:" + l.Contact}
}

// preview is what a list of mails shows beside the subject.
func (m message) preview() string {
	for _, one := range m.parts {
		switch said := one.(type) {
		case paragraph:
			return string(said)
		case alertList:
			return said[0].detail
		}
	}
	return ""
}

// shown is how people read the link of a note.
func (n note) shown() string { return strings.TrimPrefix(n.link, "mailto:") }

// oneLine makes one line of whatever comes: a subject with a line break would begin another header.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(printable), " ")
}

// cut shortens a line to so many characters at most, the last of them an ellipsis.
func cut(line string, most int) string {
	runes := []rune(line)
	if len(runes) <= most {
		return line
	}
	return strings.TrimRight(string(runes[:most-1]), " ,.;:") + "…"
}
