package views

import (
	"strings"
	"unicode/utf8"
)

// whatsAppMost is the characters that an alert in somebody's chat has at most.
const whatsAppMost = 499

// WhatsAppText is what the user reads of alerts in their own WhatsApp chat: under 500 characters, the brand
// first. Alerts that users are told nothing of are left out; with none left it is empty.
func WhatsAppText(l Letterhead, told []Told) string {
	var sections []section
	for _, one := range byWeight(told) {
		if words, err := l.section(one); err == nil {
			sections = append(sections, words)
		}
	}
	if len(sections) == 0 {
		return ""
	}
	brand := cut(oneLine(l.Brand), 40)
	link := sections[0].act.link
	if len(sections) > 1 {
		var headings []string
		for _, one := range sections {
			headings = append(headings, one.heading)
		}
		return fitting(brand+": "+strings.Join(headings, ". ")+".", "", link)
	}
	return fitting(brand+": "+sections[0].heading+".", oneLine(strings.Join(append(sections[0].text, sections[0].caution), " ")), link)
}

// fitting joins the three with line breaks. What does not fit is cut, the words that explain first.
func fitting(first, words, link string) string {
	count := utf8.RuneCountInString
	first = cut(first, max(1, whatsAppMost-count(link)-1))
	if room := whatsAppMost - count(first) - count(link) - 2; words != "" && room >= 40 {
		return first + "\n" + cut(words, room) + "\n" + link
	}
	return first + "\n" + link
}
