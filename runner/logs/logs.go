// Package logs relays what slices' containers write to whoever looks: functions, which never talk to the
// engine, ask by a row, and read rows. What it keeps in memory may be lost: a tail that is still wanted is
// begun again by the next runner, and one that is not is swept by any.
package logs

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"slicegate/jobs"
)

// The bounds of one tail.
const (
	LongestLine = 4 << 10 // bytes of a line that are shown
	keptLines   = 1000    // the newest
	firstLines  = 200     // of those that a container has written before
	perSecond   = 200     // lines that are shown
	atOnce      = 400     // after a pause
)

// Line is one that a container wrote, or the relay itself.
type Line struct {
	At     time.Time
	Stream string // stdout, stderr or relay
	Text   string
}

// ErrNone is what following a container answers that is not there.
var ErrNone = errors.New("there is no container")

// Containers are the engine's.
type Containers interface {
	// Follow gives the newest lines that a slice's container has written since a time, then those that it goes on
	// to write, until it ends or ctx does.
	Follow(ctx context.Context, slice int64, since time.Time, last int, each func(Line)) error
	// Look gives a slice's container, as jobs.Containers does.
	Look(ctx context.Context, slice int64) (jobs.Container, bool, error)
}

// Harmless is a line as anybody's screen may have it: cut, valid UTF-8, and without characters that do
// something instead of showing something. A terminal's colours go, other controls are shown as symbols.
func Harmless(text string) string {
	cut := len(text) > LongestLine
	if cut {
		text = text[:LongestLine]
		for i := 0; i < utf8.UTFMax && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]); i++ {
			text = text[:len(text)-1] // the half of a character
		}
	}
	text = withoutColours(strings.TrimSuffix(text, "\r"))
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case r < ' ':
			return '␀' + r
		case r == 0x7f:
			return '␡'
		case r == '\u200c', r == '\u200d': // join what is one character
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029': // among them those that turn the direction of what follows
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
	if cut {
		text += " … (cut)"
	}
	return text
}

// withoutColours takes away "ESC [ ... m".
func withoutColours(text string) string {
	const begins = "\x1b["
	var kept strings.Builder
	for {
		before, rest, found := strings.Cut(text, begins)
		kept.WriteString(before)
		if !found {
			return kept.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
		if end >= 0 && rest[end] == 'm' {
			text = rest[end+1:]
			continue
		}
		kept.WriteString(begins)
		text = rest
	}
}
