package views

import (
	"strings"
	"unicode/utf8"
)

// textWidth is the characters of a line of text, links aside.
const textWidth = 72

// plain is a mail as text.
func plain(l Letterhead, said message) string {
	blocks := []string{wrap(l.Brand, "")}
	for _, one := range said.parts {
		blocks = append(blocks, one.text())
	}
	blocks = append(blocks, strings.Repeat("-", textWidth))
	for _, one := range said.notes {
		blocks = append(blocks, one.text())
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func (t title) text() string     { return underlined(string(t), "=") }
func (h heading) text() string   { return underlined(string(h), "-") }
func (p paragraph) text() string { return wrap(string(p), "") }
func (c caution) text() string   { return wrap(cautionWord+string(c), "") }
func (b button) text() string    { return b.label + ":\n" + b.link }

func (n note) text() string {
	if n.link == "" {
		return wrap(n.sentence, "")
	}
	return wrap(n.sentence, "") + "\n" + n.shown()
}

func (list alertList) text() string {
	var rows []string
	for _, row := range list {
		lines := []string{
			wrap("* "+row.severity+": "+row.kind, ""), wrap(row.where, "  "), wrap(row.detail, "  "),
		}
		rows = append(rows, strings.Join(lines, "\n"))
	}
	return strings.Join(rows, "\n\n")
}

func underlined(text, with string) string {
	wrapped := wrap(text, "")
	longest := 0
	for line := range strings.Lines(wrapped) {
		longest = max(longest, utf8.RuneCountInString(strings.TrimSpace(line)))
	}
	return wrapped + "\n" + strings.Repeat(with, min(longest, textWidth))
}

// wrap breaks between words, each line after the indent. What is longer than a line stays whole:
// a link in two pieces leads nowhere.
func wrap(text, indent string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(indent+line+" "+word) > textWidth {
			lines = append(lines, indent+line)
			line = ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	return strings.Join(append(lines, indent+line), "\n")
}
