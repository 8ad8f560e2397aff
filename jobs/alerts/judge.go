// Package alerts decides, from rows and the time alone, what becomes an alert, what ends one, which of
// them one incident stands for, and who is told of what. It asks nobody and writes nothing: the jobs do.
package alerts

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Key names a condition, and the alert that comes of it.
type Key struct {
	Kind    string // "wa.disconnected"
	Subject string // "slice:12", "server:local"
}

// Rule says when a condition is an alert.
type Rule struct {
	Severity string        // "warning" or "critical"
	For      time.Duration // it must have been the case for so long, at every check in that time
}

// Is says what a check has found.
type Is int

// A condition is not the case; or it is; or that cannot be told, and all stays as it was; or there is
// nothing any more that it could be the case of, and nobody is told that all is well.
const (
	Good Is = iota
	Bad
	Unknown
	Gone
)

// Finding is what a check has found of one condition.
type Finding struct {
	Key
	Is     Is
	Since  time.Time // of a bad one, where that is known better than from checks; else zero
	Detail string    // a sentence or two for whoever is told; it stays as it was first said
	Cause  string    // one word; where it changes, the alert says the new detail
	User   *int64    // whom it concerns
}

// Alert is one that is open, or ended so lately that not all have been told.
type Alert struct {
	ID       int64
	Severity string
	Cause    string
	Since    time.Time
	Closed   *time.Time
	Incident *int64 // that stands for it; nil: none
}

// State is what rows say of the conditions that a check judges.
type State struct {
	Pending map[Key]time.Time // since when
	Alerts  map[Key]Alert     // of each the newest that is not settled
}

// Changes are what has to be written. Where nothing has changed there are none.
type Changes struct {
	Pend    map[Key]time.Time // conditions that are the case, not long enough yet
	Drop    []Key             // pending no more
	Open    []Opening
	Restate []Restatement
	Close   []int64
	Settle  []int64 // closed without a word
}

// Opening is an alert to be opened.
type Opening struct {
	Finding
	Severity string
	Since    time.Time
}

// Restatement is an alert that says something else from now on, or is open again.
type Restatement struct {
	ID int64
	Opening
}

// Judge holds findings against what is known. What nobody has found anything of, of the rules' kinds, is gone.
func Judge(rules map[string]Rule, state State, findings []Finding, now time.Time) Changes {
	changes := Changes{Pend: map[Key]time.Time{}}
	found := map[Key]bool{}
	for _, finding := range findings {
		found[finding.Key] = true
		switch finding.Is {
		case Good:
			changes.end(state, finding.Key)
		case Gone:
			changes.gone(state, finding.Key)
		case Bad:
			changes.bad(rules[finding.Kind], state, finding, now)
		}
	}
	for _, key := range known(state) {
		if _, judged := rules[key.Kind]; judged && !found[key] {
			changes.gone(state, key)
		}
	}
	return changes
}

func (c *Changes) gone(state State, key Key) {
	if _, pending := state.Pending[key]; pending {
		c.Drop = append(c.Drop, key)
	}
	if alert, there := state.Alerts[key]; there {
		c.Settle = append(c.Settle, alert.ID)
	}
}

func (c *Changes) end(state State, key Key) {
	if _, pending := state.Pending[key]; pending {
		c.Drop = append(c.Drop, key)
	}
	if alert, there := state.Alerts[key]; there && alert.Closed == nil {
		c.Close = append(c.Close, alert.ID)
	}
}

func (c *Changes) bad(rule Rule, state State, finding Finding, now time.Time) {
	alert, there := state.Alerts[finding.Key]
	pending, isPending := state.Pending[finding.Key]
	since := pending
	switch {
	case !finding.Since.IsZero():
		since = finding.Since
	case !isPending:
		since = now
	}
	if since.After(now) {
		since = now
	}
	opening := Opening{finding, rule.Severity, since}
	switch {
	case there && alert.Closed == nil:
		if alert.Cause != finding.Cause || alert.Severity != rule.Severity {
			c.Restate = append(c.Restate, Restatement{alert.ID, opening})
		}
	case now.Sub(since) < rule.For:
		if !isPending || !pending.Equal(since) {
			c.Pend[finding.Key] = since
		}
		return
	case there: // it comes and goes, which is one alert
		c.Restate = append(c.Restate, Restatement{alert.ID, opening})
	default:
		c.Open = append(c.Open, opening)
	}
	if isPending {
		c.Drop = append(c.Drop, finding.Key)
	}
}

// known lists every key in an order that is always the same.
func known(state State) []Key {
	all := map[Key]bool{}
	for key := range state.Pending {
		all[key] = true
	}
	for key := range state.Alerts {
		all[key] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
}

// After is the state that changes lead to, with alerts that have no row yet under the numbers that
// `id` gives.
func (c Changes) After(state State, now time.Time, id func(Opening) int64) State {
	after := State{maps.Clone(state.Pending), maps.Clone(state.Alerts)}
	for _, key := range c.Drop {
		delete(after.Pending, key)
	}
	maps.Copy(after.Pending, c.Pend)
	for key, alert := range after.Alerts {
		if slices.Contains(c.Settle, alert.ID) {
			delete(after.Alerts, key)
		}
		if slices.Contains(c.Close, alert.ID) {
			alert.Closed = &now
			after.Alerts[key] = alert
		}
	}
	for _, one := range c.Restate {
		after.Alerts[one.Key] = Alert{ID: one.ID, Severity: one.Severity, Cause: one.Cause, Since: one.Since, Incident: state.Alerts[one.Key].Incident}
	}
	for _, one := range c.Open {
		after.Alerts[one.Key] = Alert{ID: id(one), Severity: one.Severity, Cause: one.Cause, Since: one.Since}
	}
	return after
}
