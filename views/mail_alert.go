package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Told is one alert, as somebody is told of it.
type Told struct {
	Kind     string // "wa.disconnected"
	Subject  string // "slice:12" or "server:local"
	Server   string // whose machine it is about; may be empty
	Severity string // "warning" or "critical"
	Detail   string // for the admin; of slice.storage the user reads it too
	Cause    string // of a WhatsApp that is disconnected: the reason of its state, or the state
	Phase    string // PhaseOpened, PhaseRepeated or PhaseEnded
	Since    time.Time
	Opened   time.Time
	Ended    *time.Time
	Covers   int // an incident: how many slices it stands for
}

// What is said of an alert: that it is new, that it is still the case, that it is over.
const (
	PhaseOpened   = "opened"
	PhaseRepeated = "repeated"
	PhaseEnded    = "ended"
)

// Kinds of alerts that users are told of.
const (
	kindDisconnected = "wa.disconnected"
	kindStorage      = "slice.storage"
	kindFailed       = "slice.failed"
)

// section is what a mail says of one alert.
type section struct {
	heading string
	text    []string
	caution string
	act     button
}

// UserAlert tells a user of alerts about their own workspace, in one mail. Its error is of an alert
// that there are no words for.
func (l Letterhead) UserAlert(ctx context.Context, told []Told) (Mail, error) {
	sections, err := l.sections(told)
	if err != nil {
		return Mail{}, err
	}
	said := message{
		subject: sections[0].heading,
		notes:   []note{{"Choose what you are told of, and how:", l.AppURL + "/notifications"}},
	}
	if more := len(sections) - 1; more > 0 {
		said.subject += fmt.Sprintf(", and %d more", more)
	}
	led := map[string]bool{} // no two buttons lead to one place
	for i, one := range sections {
		if i == 0 {
			said.parts = append(said.parts, title(one.heading))
		} else {
			said.parts = append(said.parts, heading(one.heading))
		}
		for _, text := range one.text {
			said.parts = append(said.parts, paragraph(text))
		}
		if one.caution != "" {
			said.parts = append(said.parts, caution(one.caution))
		}
		if !led[one.act.link] {
			led[one.act.link] = true
			said.parts = append(said.parts, one.act)
		}
	}
	return l.mail(ctx, said)
}

// sections are the words for alerts, in the order in which they matter.
func (l Letterhead) sections(told []Told) ([]section, error) {
	if len(told) == 0 {
		return nil, errors.New("there is no alert to tell of")
	}
	var sections []section
	for _, one := range byWeight(told) {
		words, err := l.section(one)
		if err != nil {
			return nil, err
		}
		sections = append(sections, words)
	}
	return sections, nil
}

// byWeight puts what is the case before what is over, and what is critical first.
func byWeight(told []Told) []Told {
	weight := func(t Told) int {
		switch {
		case t.Phase == PhaseEnded:
			return 2
		case t.Severity != "critical":
			return 1
		}
		return 0
	}
	ordered := slices.Clone(told)
	slices.SortStableFunc(ordered, func(a, b Told) int { return cmp.Compare(weight(a), weight(b)) })
	return ordered
}

func (l Letterhead) section(told Told) (section, error) {
	words, known := map[string]func(Told) map[string]section{
		kindDisconnected: l.disconnected, kindStorage: l.storage, kindFailed: l.failed,
	}[told.Kind]
	if !known {
		return section{}, fmt.Errorf("users are told nothing of alerts of the kind %q", told.Kind)
	}
	said, known := words(told)[told.Phase]
	if !known {
		return section{}, fmt.Errorf("an alert is opened, repeated or ended, and never %q", told.Phase)
	}
	return said, nil
}

// disconnected are the words for a WhatsApp that is away.
func (l Letterhead) disconnected(told Told) map[string]section {
	about := troubleOf(told.Cause)
	open := section{
		text:    append(slices.Clone(about.text), "It has been so since "+moment(told.since())+"."),
		caution: about.caution,
		act:     button{about.act, l.AppURL + "/reconnect"},
	}
	opened, repeated := open, open
	opened.heading, repeated.heading = about.now, about.still
	return map[string]section{
		PhaseOpened:   opened,
		PhaseRepeated: repeated,
		PhaseEnded: {
			heading: "Your WhatsApp is connected again",
			text:    []string{"It was away " + told.away() + ".", "There is nothing to do. What was sent to you meanwhile is being added to your inbox."},
			act:     button{"Open your inbox", l.AppURL},
		},
	}
}

// storage are the words for a workspace whose files take up nearly all that they may.
func (l Letterhead) storage(told Told) map[string]section {
	open := []string{
		told.Detail,
		"When it is full, new pictures and files are no longer stored here; text messages still arrive, and your phone keeps everything.",
		"Delete files that you no longer need. You can download a copy of everything first.",
	}
	act := button{"See your data", l.AppURL + "/data"}
	return map[string]section{
		PhaseOpened:   {heading: "Your storage is almost full", text: open, act: act},
		PhaseRepeated: {heading: "Your storage is still almost full", text: open, act: act},
		PhaseEnded: {
			heading: "Your storage has room again",
			text:    []string{"New pictures and files are stored as before. There is nothing to do."},
			act:     act,
		},
	}
}

// failed are the words for a workspace that does not start.
func (l Letterhead) failed(told Told) map[string]section {
	safe := "Your messages, contacts and files are kept."
	act := button{"See how it stands", l.AppURL + "/reconnect"}
	return map[string]section{
		PhaseOpened: {
			heading: "Your workspace could not be started",
			text: []string{
				"It stopped at " + moment(told.since()) + ", and did not start again. " + safe,
				"We have been told and are on it. You do not have to do anything; if you like, open the page and start it once more.",
			},
			act: act,
		},
		PhaseRepeated: {
			heading: "Your workspace still does not start",
			text: []string{
				"It has not run since " + moment(told.since()) + ". " + safe,
				"We are still on it, and write to you when it runs again.",
			},
			act: act,
		},
		PhaseEnded: {
			heading: "Your workspace runs again",
			text:    []string{"It did not run " + told.away() + ". " + safe, "There is nothing to do: it connects to WhatsApp by itself."},
			act:     button{"Open your inbox", l.AppURL},
		},
	}
}

// since is when it began, or, where that is not known, when it became an alert.
func (t Told) since() time.Time {
	if t.Since.IsZero() {
		return t.Opened
	}
	return t.Since
}

// away is since when it has been so, or from when to when it was, and how long.
func (t Told) away() string {
	began := t.since()
	if t.Ended == nil {
		return "since " + moment(began)
	}
	from, took := moment(began), span(t.Ended.Sub(began))
	if day := t.Ended.UTC().Format(dayForm); day == began.UTC().Format(dayForm) {
		from = began.UTC().Format(clockForm)
	}
	return fmt.Sprintf("from %s to %s, for %s", from, moment(*t.Ended), took)
}
