package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// alertRow is one line of the admin's list.
type alertRow struct{ severity, kind, where, detail string }

// AdminAlert tells the admin of alerts, those that are over in a list of their own.
func (l Letterhead) AdminAlert(ctx context.Context, told []Told) (Mail, error) {
	if len(told) == 0 {
		return Mail{}, errors.New("there is no alert to tell of")
	}
	var open, over []Told
	for _, one := range byWeight(told) {
		if one.Phase == PhaseEnded {
			over = append(over, one)
		} else {
			open = append(open, one)
		}
	}
	said := message{
		subject: "[" + l.Brand + "] " + adminSubject(open, over),
		notes: []note{
			{sentence: "On the server, “runner alerts” shows what is open now."},
			{sentence: "You are told because your address is in ADMIN_EMAIL."},
		},
		ours: true,
	}
	if len(open) > 0 {
		said.parts = append(said.parts, title(counted(len(open), "alert")+place(open)), rowsOf(open))
		if len(over) > 0 {
			said.parts = append(said.parts, heading(counted(len(over), "alert")+" over"), rowsOf(over))
		}
	} else {
		said.parts = append(said.parts, title(counted(len(over), "alert")+" over"+place(over)), rowsOf(over))
	}
	return l.mail(ctx, said)
}

// adminSubject is how bad the worst of them is, and what it says, or how many there are.
func adminSubject(open, over []Told) string {
	told, grade, more := open, "", ""
	switch {
	case len(open) == 0:
		told, grade = over, "over"
	case open[0].Phase == PhaseRepeated:
		grade = "still " + open[0].Severity
	default:
		grade = open[0].Severity
	}
	if len(open) > 0 && len(over) > 0 {
		more = fmt.Sprintf(", %d over", len(over))
	}
	if len(told) > 1 {
		return grade + ": " + counted(len(told), "alert") + place(told) + more
	}
	return grade + ": " + firstSentence(told[0]) + more
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

func rowsOf(told []Told) alertList {
	var rows alertList
	for _, one := range told {
		row := alertRow{severity: "Warning", kind: one.Kind, where: one.Subject + ", ", detail: one.Detail}
		if one.Severity == "critical" {
			row.severity = "Critical"
		}
		if one.Cause != "" {
			row.kind += " (" + one.Cause + ")"
		}
		if one.Covers > 0 {
			row.detail += " It stands for " + counted(one.Covers, "slice") + "."
		}
		if one.Phase == PhaseRepeated {
			row.where += "still, "
		}
		row.where += one.away()
		rows = append(rows, row)
	}
	return rows
}
