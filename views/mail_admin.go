package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// alertRow is one line of the admin's list.
type alertRow struct{ severity, kind, subject, since, detail string }

// AdminAlert tells the admin of alerts, those that are over in a list of their own.
func (l Letterhead) AdminAlert(ctx context.Context, told []Told) (Mail, error) {
	if len(told) == 0 {
		return Mail{}, errors.New("there is no alert to tell of")
	}
	var open, over alertList
	for _, one := range byWeight(told) {
		if one.Phase == PhaseEnded {
			over = append(over, rowOf(one))
		} else {
			open = append(open, rowOf(one))
		}
	}
	said := message{
		subject: "[" + l.Brand + "] " + adminSubject(told),
		notes: []note{
			{sentence: "On the server, “runner alerts” shows what is open now."},
			{sentence: "You are told because your address is in ADMIN_EMAIL."},
		},
	}
	if len(open) > 0 {
		said.parts = append(said.parts, title(counted(len(open), "alert")+place(told)), open)
		if len(over) > 0 {
			said.parts = append(said.parts, heading("Over: "+counted(len(over), "alert")), over)
		}
	} else {
		said.parts = append(said.parts, title("Over: "+counted(len(over), "alert")+place(told)), over)
	}
	return l.mail(ctx, said)
}

// adminSubject is what one alert says, or how many there are and how bad the worst is.
func adminSubject(told []Told) string {
	worst := byWeight(told)[0]
	grade := "over"
	switch worst.Phase {
	case PhaseOpened:
		grade = worst.Severity
	case PhaseRepeated:
		grade = "still " + worst.Severity
	}
	if len(told) > 1 {
		return grade + ": " + counted(len(told), "alert") + place(told)
	}
	return grade + ": " + firstSentence(worst)
}

func firstSentence(told Told) string {
	sentence, _, _ := strings.Cut(oneLine(told.Detail), ". ")
	if sentence == "" {
		sentence = told.Kind + " of " + told.Subject
	}
	return cut(strings.TrimSuffix(sentence, "."), 110)
}

// place is the server that all of it is about, if it is one.
func place(told []Told) string {
	server := told[0].server()
	for _, one := range told {
		if one.server() != server {
			return ""
		}
	}
	if server == "" {
		return ""
	}
	return " on " + server
}

func (t Told) server() string {
	if name, is := strings.CutPrefix(t.Subject, "server:"); is && t.Server == "" {
		return name
	}
	return t.Server
}

func rowOf(told Told) alertRow {
	row := alertRow{severity: "Warning", kind: told.Kind, subject: told.Subject, since: moment(told.since()), detail: told.Detail}
	if told.Severity == "critical" {
		row.severity = "Critical"
	}
	if told.Cause != "" {
		row.kind += " (" + told.Cause + ")"
	}
	if told.Covers > 0 {
		row.detail += " It stands for " + counted(told.Covers, "slice") + "."
	}
	switch {
	case told.Phase == PhaseRepeated:
		row.since += ", still open"
	case told.Ended != nil:
		row.since = fmt.Sprintf("%s, for %s", row.since, span(told.Ended.Sub(told.since())))
	}
	return row
}
