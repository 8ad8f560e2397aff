package alerts

import (
	"math"
	"time"
)

// Incident is one alert that stands for many of a kind: when a server or WhatsApp itself fails, one mail
// to the admin says more than two hundred to customers.
type Incident struct {
	Kind   string        // of the incident
	Of     string        // kind of the alerts that it stands for
	Least  int           // so many
	Part   float64       // and so large a part of those that there are
	Within time.Duration // that begin in so short a time
}

// Find tells whether an incident is the case, from the state after its members have been judged: pending
// ones count, or the first mails would leave before it is seen. Once it is open it lasts until fewer than
// it takes are left, however slowly they come back. Of is how many there are.
func (i Incident) Find(state State, server string, of int, now time.Time) (finding Finding, affected int) {
	finding.Key = Key{i.Kind, "server:" + server}
	lately, first := 0, time.Time{}
	count := func(since time.Time) {
		affected++
		if now.Sub(since) > i.Within {
			return
		}
		lately++
		if first.IsZero() || since.Before(first) {
			first = since
		}
	}
	for key, since := range state.Pending {
		if key.Kind == i.Of {
			count(since)
		}
	}
	for key, alert := range state.Alerts {
		if key.Kind == i.Of && alert.Closed == nil {
			count(alert.Since)
		}
	}
	threshold := max(i.Least, int(math.Ceil(i.Part*float64(of))))
	alert, open := state.Alerts[finding.Key]
	open = open && alert.Closed == nil
	if lately >= threshold || open && affected >= threshold {
		finding.Is = Bad
		if lately >= threshold {
			finding.Since = first
		}
	}
	return finding, affected
}

// Covers tells whether an incident stands for an alert: one that began with it or later, or not long before.
func (i Incident) Covers(incident Alert, key Key, alert Alert) bool {
	return key.Kind == i.Of && incident.Closed == nil && alert.Closed == nil && alert.Since.After(incident.Since.Add(-i.Within))
}
