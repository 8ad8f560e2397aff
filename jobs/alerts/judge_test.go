package alerts

import (
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk plays checks one after the other over state in memory.
type desk struct {
	t     *testing.T
	rules map[string]Rule
	state State
	next  int64
}

func newDesk(t *testing.T, rule Rule) *desk {
	return &desk{t: t, rules: map[string]Rule{"wa": rule}, state: State{Pending: map[Key]time.Time{}, Alerts: map[Key]Alert{}}}
}

func (d *desk) check(at time.Duration, findings ...Finding) Changes {
	d.t.Helper()
	now := noon.Add(at)
	changes := Judge(d.rules, d.state, findings, now)
	d.state = changes.After(d.state, now, func(Opening) int64 { d.next++; return d.next })
	return changes
}

func found(subject string, is Is) Finding { return Finding{Key: Key{"wa", subject}, Is: is} }

func (d *desk) open(subject string) bool {
	alert, there := d.state.Alerts[Key{"wa", subject}]
	return there && alert.Closed == nil
}

func none(c Changes) bool {
	return len(c.Pend)+len(c.Drop)+len(c.Open)+len(c.Restate)+len(c.Close)+len(c.Settle) == 0
}

func TestAConditionIsAnAlertOnceItHasLasted(t *testing.T) {
	for _, test := range []struct {
		name  string
		ends  time.Duration // good from then on
		alert bool
	}{
		{"119 seconds", 119 * time.Second, false},
		{"120 seconds", 120 * time.Second, false},
		{"121 seconds", 121 * time.Second, true},
	} {
		d := newDesk(t, Rule{Severity: "warning", For: 2 * time.Minute})
		opened := time.Duration(-1)
		for at := time.Duration(0); at <= 4*time.Minute; at += time.Second {
			finding := found("slice:1", Bad)
			if at >= test.ends {
				finding.Is = Good
			}
			if changes := d.check(at, finding); len(changes.Open) > 0 {
				opened = at
			}
		}
		if (opened >= 0) != test.alert || test.alert && opened != 2*time.Minute {
			t.Errorf("%s: opened at %s", test.name, opened)
		}
		if d.open("slice:1") || len(d.state.Pending) > 0 {
			t.Errorf("%s: it is over, and %+v", test.name, d.state)
		}
	}
}

func TestWhatIsKnownBetterThanFromChecksCounts(t *testing.T) {
	d := newDesk(t, Rule{For: 2 * time.Minute})
	finding := found("slice:1", Bad)
	finding.Since = noon.Add(-119 * time.Second)
	if d.check(0, finding); d.open("slice:1") {
		t.Error("it is an alert after 119 s")
	}
	// It was well for a moment that no check saw.
	finding.Since = noon.Add(20 * time.Second)
	if changes := d.check(30*time.Second, finding); d.open("slice:1") || len(changes.Pend) != 1 {
		t.Errorf("it was well meanwhile: %+v", changes)
	}
	if d.check(141*time.Second, finding); !d.open("slice:1") {
		t.Error("it is no alert after 121 s")
	}
	// A clock that is ahead does not put it off for ever.
	finding = found("slice:2", Bad)
	finding.Since = noon.Add(time.Hour)
	d.check(0, finding)
	if since := d.state.Pending[finding.Key]; !since.Equal(noon) {
		t.Errorf("it is pending since %s", since)
	}
}

func TestNothingIsWrittenWhereNothingChanged(t *testing.T) {
	d := newDesk(t, Rule{For: time.Minute})
	all := []Finding{found("slice:1", Bad), found("slice:2", Good), found("slice:3", Unknown)}
	if changes := d.check(0, all...); len(changes.Pend) != 1 || len(changes.Open) > 0 {
		t.Fatalf("%+v", changes)
	}
	for at := 10 * time.Second; at < 5*time.Minute; at += 10 * time.Second {
		if changes := d.check(at, all...); at != time.Minute && !none(changes) {
			t.Errorf("at %s: %+v", at, changes)
		}
	}
}

func TestWhatCannotBeToldStaysAsItWas(t *testing.T) {
	d := newDesk(t, Rule{For: time.Minute})
	d.check(0, found("slice:1", Bad))
	d.check(30*time.Second, found("slice:1", Unknown))
	if d.check(time.Minute, found("slice:1", Bad)); !d.open("slice:1") {
		t.Error("a check that could not tell began the time anew")
	}
	if changes := d.check(2*time.Minute, found("slice:1", Unknown)); !none(changes) || !d.open("slice:1") {
		t.Errorf("%+v", changes)
	}
	// Of a subject that is gone nobody is told that it is well.
	if changes := d.check(3 * time.Minute); len(changes.Settle) != 1 || len(changes.Close) > 0 || len(d.state.Alerts) > 0 {
		t.Errorf("%+v", changes)
	}
	d.check(4*time.Minute, found("slice:1", Bad))
	if d.check(4*time.Minute+30*time.Second, found("slice:1", Gone)); len(d.state.Pending) > 0 {
		t.Errorf("%+v", d.state)
	}
}

func TestWhatComesAndGoesIsOneAlert(t *testing.T) {
	d := newDesk(t, Rule{For: time.Minute})
	d.check(0, found("slice:1", Bad))
	d.check(time.Minute, found("slice:1", Bad))
	d.check(2*time.Minute, found("slice:1", Good))
	if d.open("slice:1") {
		t.Fatal("it is over")
	}
	d.check(3*time.Minute, found("slice:1", Bad))
	if changes := d.check(4*time.Minute, found("slice:1", Bad)); len(changes.Open) > 0 || len(changes.Restate) != 1 || !d.open("slice:1") {
		t.Errorf("%+v", changes)
	}
	// Another cause is said; the same is not said again.
	other := found("slice:1", Bad)
	other.Cause, other.Detail = "logged_out", "It was unlinked."
	if changes := d.check(5*time.Minute, other); len(changes.Restate) != 1 || changes.Restate[0].Detail != "It was unlinked." {
		t.Errorf("%+v", changes)
	}
	if changes := d.check(6*time.Minute, other); !none(changes) {
		t.Errorf("%+v", changes)
	}
}

func TestManyAtOnceAreAnIncident(t *testing.T) {
	incident := Incident{Kind: "many", Of: "wa", Least: 5, Part: 0.1, Within: 10 * time.Minute}
	state := func(pending, open int, since time.Time) State {
		s := State{Pending: map[Key]time.Time{}, Alerts: map[Key]Alert{}}
		for i := range pending {
			s.Pending[Key{"wa", fmt.Sprint("slice:", i)}] = since
		}
		for i := range open {
			s.Alerts[Key{"wa", fmt.Sprint("slice:", 1000+i)}] = Alert{ID: int64(i + 1), Since: since}
		}
		return s
	}
	already := func(s State) State {
		s.Alerts[Key{"many", "server:a"}] = Alert{ID: 99, Since: noon}
		return s
	}
	for _, test := range []struct {
		name string
		s    State
		of   int
		is   Is
	}{
		{"four of ten", state(4, 0, noon), 10, Good},
		{"five of ten", state(5, 0, noon), 10, Bad},
		{"pending and open ones together", state(2, 3, noon), 10, Bad},
		{"five of sixty are not a tenth", state(5, 0, noon), 60, Good},
		{"six of sixty", state(6, 0, noon), 60, Bad},
		{"long ago, one by one", state(0, 9, noon.Add(-time.Hour)), 10, Good},
		{"an incident lasts while enough are left", already(state(0, 9, noon.Add(-time.Hour))), 10, Bad},
		{"and no longer", already(state(0, 4, noon)), 10, Good},
	} {
		if finding, _ := incident.Find(test.s, "a", test.of, noon); finding.Is != test.is || finding.Key != (Key{"many", "server:a"}) {
			t.Errorf("%s: %+v", test.name, finding)
		}
	}
	open := Alert{ID: 99, Since: noon}
	closed := noon
	for _, test := range []struct {
		name     string
		incident Alert
		since    time.Time
		covers   bool
	}{
		{"with it", open, noon, true},
		{"a little before", open, noon.Add(-9 * time.Minute), true},
		{"later", open, noon.Add(time.Hour), true},
		{"long before", open, noon.Add(-11 * time.Minute), false},
		{"it is over", Alert{ID: 99, Since: noon, Closed: &closed}, noon, false},
	} {
		if incident.Covers(test.incident, Key{"wa", "slice:1"}, Alert{ID: 1, Since: test.since}) != test.covers {
			t.Errorf("%s: not %v", test.name, test.covers)
		}
	}
}
