package views

import (
	"net/url"
	"regexp"
	"strings"
)

// Part is a piece of words that people read: text, or text that leads somewhere.
type Part struct {
	Text string `json:"text"`
	Link string `json:"link,omitempty"` // an address with https
}

var addresses = regexp.MustCompile(`https://[^\s<>"]+`)

// Parts cuts words at the addresses in them. Nothing else in them means anything.
func Parts(words string) []Part {
	parts := []Part{}
	text := func(piece string) {
		if piece == "" {
			return
		}
		if last := len(parts) - 1; last >= 0 && parts[last].Link == "" {
			parts[last].Text += piece
			return
		}
		parts = append(parts, Part{Text: piece})
	}
	at := 0
	for _, found := range addresses.FindAllStringIndex(words, -1) {
		address := strings.TrimRight(words[found[0]:found[1]], ".,;:!?)]}'”’")
		text(words[at:found[0]])
		at = found[0] + len(address)
		// A name before an @ would show another host than the one that it leads to.
		if parsed, err := url.Parse(address); err != nil || parsed.Host == "" || parsed.User != nil {
			text(address)
			continue
		}
		parts = append(parts, Part{Text: address, Link: address})
	}
	text(words[at:])
	return parts
}
