// Package contract asks an image whether it can be a slice: it runs the image in a schema, a
// role, directories and a network of its own, with the walls that every slice has, and takes all
// of it away again. docs/slice-contract.md says what is asked for.
package contract

import (
	"context"
	"errors"
	"fmt"
)

// Mark is what came of one promise of the contract.
type Mark string

// The marks, in words.
const (
	Keeps   Mark = "keeps"
	Breaks  Mark = "BREAKS"
	Lacks   Mark = "lacks"     // it need not keep this one
	Unasked Mark = "not asked" // what it needs did not come about
)

// Finding is one line of the report.
type Finding struct {
	Part    string // of the contract: "start", "user port", ...
	Promise string
	Mark    Mark
	Seen    string // and what to do about it
}

// errUnasked ends a check that cannot be made.
type errUnasked struct{ why string }

func (e errUnasked) Error() string { return e.why }

// errLacks ends a check of what an image may do without, where it does.
type errLacks struct{ what string }

func (e errLacks) Error() string { return e.what }

func unasked(format string, args ...any) error { return errUnasked{fmt.Sprintf(format, args...)} }

// check asks for one promise. It says what it saw, or as an error why the promise is broken.
type check struct {
	part, promise string
	optional      bool
	needsSlice    bool // one that answers
	ask           func(context.Context, *bench) (seen string, err error)
}

func all() []check {
	var checks []check
	for _, part := range [][]check{startChecks, userChecks, eventChecks, platformChecks, phoneChecks, dataChecks, restartChecks, destroyChecks, stopChecks} {
		checks = append(checks, part...)
	}
	return checks
}

// Check runs every check in turn and reports each as it is known. It tells whether the image
// keeps all that it must; an error means that the image could not be asked.
func Check(ctx context.Context, options Options, report func(Finding)) (ok bool, err error) {
	bench, err := open(ctx, options)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, bench.close()) }()
	ok = true
	for _, check := range all() {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		finding := check.find(ctx, bench)
		ok = ok && finding.Mark != Breaks
		report(finding)
	}
	return ok, nil
}

func (c check) find(ctx context.Context, b *bench) Finding {
	finding := Finding{Part: c.part, Promise: c.promise, Mark: Keeps}
	if c.needsSlice && !b.answers {
		finding.Mark, finding.Seen = Unasked, "the slice does not answer"
		return finding
	}
	seen, err := c.ask(ctx, b)
	finding.Seen = seen
	var skipped errUnasked
	var lacking errLacks
	switch {
	case errors.As(err, &skipped):
		finding.Mark, finding.Seen = Unasked, skipped.why
	case errors.As(err, &lacking):
		finding.Mark, finding.Seen = Lacks, lacking.what
	case err != nil && c.optional:
		finding.Mark, finding.Seen = Lacks, err.Error()
	case err != nil:
		finding.Mark, finding.Seen = Breaks, err.Error()
	}
	return finding
}
