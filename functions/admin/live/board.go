package live

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Part is one piece of a page, as it is now.
type Part struct {
	HTML  string
	Clock string // the words in it that only time moves: they go alone where nothing else has changed
	About any    // what the filter of a stream goes by, comparable; nil: no filter takes it away
}

// Page is all that there is of a topic, each part by its name.
type Page map[string]Part

// Digest is short for the parts of a page that a filter can take away, but for their clocks: whoever shows the
// same ones is up to date.
func (p Page) Digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if p[name].About == nil {
			continue
		}
		fmt.Fprintf(sum, "%d %s %d %s\n", len(name), name, len(p[name].HTML), p[name].HTML)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// board is a page as it was found last, and since when each of its parts is so. Streams read from it at their
// own pace: whoever is slow gets what is there by then, and nothing is kept for them.
type board struct {
	parts   map[string]*part
	version uint64 // grows with every change
	ready   bool   // it has been looked at since the last reset
	resets  int
	changed chan struct{} // closed and replaced whenever something above changes
	streams int
}

type part struct {
	Part
	version uint64 // since when it is so, but for its clock
	clock   uint64 // and that
	gone    bool
}

func newBoard() *board {
	return &board{parts: map[string]*part{}, changed: make(chan struct{})}
}

func (b *board) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// put takes what was found.
func (b *board) put(page Page) {
	next, first := b.version+1, !b.ready
	changed := false
	for name, found := range page {
		now := b.parts[name]
		switch {
		case now == nil || now.gone || now.HTML != found.HTML || now.About != found.About:
			b.parts[name] = &part{Part: found, version: next, clock: next}
			changed = true
		case now.Clock != found.Clock:
			now.Clock, now.clock = found.Clock, next
			changed = true
		}
	}
	for name, now := range b.parts {
		if _, there := page[name]; !there && !now.gone {
			b.parts[name] = &part{gone: true, version: next}
			changed = true
		}
	}
	b.ready = true
	if changed || first {
		b.version = next
		b.wake()
	}
}

// reset forgets everything: it may not be true any more.
func (b *board) reset() {
	if !b.ready {
		return
	}
	b.parts, b.ready = map[string]*part{}, false
	b.resets++
	b.wake()
}

// Change is what a stream is told.
type Change struct {
	// All says that these are all there are; without it they are those that have changed.
	All   bool              `json:"all,omitempty"`
	Same  bool              `json:"same,omitempty"`  // with All: the page shows them already, and they are not sent
	Parts map[string]string `json:"parts,omitempty"` // HTML
	Clock map[string]string `json:"clock,omitempty"` // words
	Left  []string          `json:"left,omitempty"`  // of the parts, those that do not match the page's filter any more
	Gone  []string          `json:"gone,omitempty"`  // are no more
}

func (c Change) empty() bool {
	return !c.All && len(c.Parts)+len(c.Clock)+len(c.Left)+len(c.Gone) == 0
}

// reader is a stream's place on a board.
type reader struct {
	takes   func(about any) bool // nil: everything
	digest  string               // of what its page shows; empty: not known
	version uint64
	shown   map[string]bool // nil: it has been told nothing since the last reset
}

// read gives what is new to a reader, and moves it there.
func (b *board) read(r *reader) (change Change) {
	if !b.ready {
		return change
	}
	change = Change{Parts: map[string]string{}, Clock: map[string]string{}}
	if r.shown == nil {
		r.shown, r.version, change.All = map[string]bool{}, 0, true
	}
	whole := Page{}
	for name, now := range b.parts {
		if now.version <= r.version && now.clock <= r.version {
			continue
		}
		takes := !now.gone && (r.takes == nil || now.About == nil || r.takes(now.About))
		switch {
		case takes && now.version > r.version:
			change.Parts[name] = now.HTML
			if r.shown[name] = true; now.Clock != "" {
				change.Clock[name] = now.Clock
			}
			if now.About != nil {
				whole[name] = now.Part
			}
		case takes && r.shown[name]:
			change.Clock[name] = now.Clock
		case !r.shown[name] || now.version <= r.version:
		case now.gone:
			change.Gone = append(change.Gone, name)
			delete(r.shown, name)
		default:
			change.Left, change.Parts[name], change.Clock[name] = append(change.Left, name), now.HTML, now.Clock
		}
	}
	slices.Sort(change.Left)
	slices.Sort(change.Gone)
	if change.All && r.digest != "" && r.digest == whole.Digest() {
		change.Same = true
		maps.DeleteFunc(change.Parts, func(name, _ string) bool { _, there := whole[name]; return there })
	}
	r.digest, r.version = "", b.version
	return change
}
