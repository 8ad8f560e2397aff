// Package script is what a virtual machine and the one that starts it say to each other: what is to be
// run there, and how it ended.
package script

import (
	"errors"
	"fmt"
	"strings"
)

// Path is the script's file in the machine.
const Path = "/script.json"

// Script is what the machine does.
type Script struct {
	Modules []string // files, in order
	Tests   []Test
}

// Test is one test binary.
type Test struct {
	Package string
	Path    string // in the machine
	Run     string
}

// mark begins a line that says how one ended.
const mark = "VM-RESULT"

// Ended is that line.
func Ended(of string, how error) string {
	if how == nil {
		return fmt.Sprintf("%s %s ok", mark, of)
	}
	return fmt.Sprintf("%s %s %v", mark, of, how)
}

// Results are collected from the machine's lines.
type Results struct {
	Line func(string) // gets all others

	ended   map[string]string
	passed  map[string]int
	skipped []string
	since   int // tests that passed since the last result
}

// Read takes a line.
func (r *Results) Read(line string) {
	if rest, ok := strings.CutPrefix(line, mark+" "); ok {
		if r.ended == nil {
			r.ended, r.passed = map[string]string{}, map[string]int{}
		}
		name, how, _ := strings.Cut(rest, " ")
		r.ended[name], r.passed[name], r.since = how, r.since, 0
		return
	}
	switch word := strings.TrimSpace(line); {
	case strings.HasPrefix(word, "--- PASS: "):
		r.since++
	case strings.HasPrefix(word, "--- SKIP: "):
		r.skipped = append(r.skipped, strings.TrimPrefix(word, "--- SKIP: "))
	}
	r.Line(line)
}

// Err is nil if all of the packages' tests ran and passed.
func (r *Results) Err(packages []string) error {
	var failures []error
	for _, name := range packages {
		switch how, ok := r.ended[name]; {
		case !ok:
			failures = append(failures, fmt.Errorf("%s did not come to its end", name))
		case how != "ok":
			failures = append(failures, fmt.Errorf("%s: %s", name, how))
		case r.passed[name] == 0:
			failures = append(failures, fmt.Errorf("%s has no test of this pattern", name))
		}
	}
	for _, name := range r.skipped {
		failures = append(failures, fmt.Errorf("%s was skipped", name))
	}
	return errors.Join(failures...)
}
