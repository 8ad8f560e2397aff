package alerts

import (
	"cmp"
	"slices"
	"time"
)

// Recipients and channels, as the rows have them.
const (
	User     = "user"
	Admin    = "admin"
	Email    = "email"
	WhatsApp = "whatsapp"
)

// Phase is what is told of an alert.
type Phase string

// That it is the case, that it still is, that it is over.
const (
	Opened   Phase = "opened"
	Repeated Phase = "repeated"
	Ended    Phase = "ended"
)

// Case is an alert that somebody may have to be told of.
type Case struct {
	ID       int64
	Opened   time.Time
	Closed   *time.Time
	Pending  bool    // it is over, and about to be the case again
	Covered  bool    // an incident stands for it
	Silenced bool    // by an operator
	Taken    bool    // an operator has acknowledged it, and is at it
	User     int64   // whom it concerns; 0: nobody
	Routes   []Route // all ways that are open now
	Notices  []Notice
}

// Route is a way to tell somebody.
type Route struct{ Recipient, Channel string }

// Notice is what somebody was told.
type Notice struct {
	Route
	Last  time.Time
	Times int
	Ended bool // that it is over
}

// Timing are the operator's settings.
type Timing struct {
	Group  time.Duration // a new alert waits so long for others
	Repeat time.Duration // after a mail, as long as the alert is open
	Settle time.Duration // an alert that is over may be back
}

// longestRepeat bounds the pause between two mails to a customer, which doubles: who is away for a
// month must not find two hundred. An operator is told as often as is set.
const longestRepeat = 7 * 24 * time.Hour

// Telling is one mail or message: what one person is told by one channel.
type Telling struct {
	Route
	User  int64 // 0: the admin
	Items []Item
}

// Item is what it says of one alert.
type Item struct {
	Alert int64
	Phase Phase
}

// Tell says what is to be told now, at most one telling for a person and channel, and which alerts are
// then settled. What is due takes along whatever else there is to be told by the same way.
func Tell(cases []Case, timing Timing, now time.Time) (tellings []Telling, settled []int64) {
	type to struct {
		Route
		user int64
	}
	waiting, due := map[to][]Item{}, map[to]bool{}
	for _, one := range cases {
		over := one.Closed != nil && now.Sub(*one.Closed) >= timing.Settle && !one.Pending
		if over {
			settled = append(settled, one.ID)
		}
		for _, route := range one.Routes {
			phase, isDue := one.next(route, over, timing, now)
			if phase == "" {
				continue
			}
			way := to{route, 0}
			if route.Recipient == User {
				way.user = one.User
			}
			waiting[way] = append(waiting[way], Item{one.ID, phase})
			due[way] = due[way] || isDue
		}
	}
	for way := range due {
		if due[way] {
			tellings = append(tellings, Telling{way.Route, way.user, waiting[way]})
		}
	}
	slices.SortFunc(tellings, func(a, b Telling) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Recipient, b.Recipient), cmp.Compare(a.Channel, b.Channel))
	})
	return tellings, settled
}

// next is what is to be told by a route, if anything, and whether it need not wait for something else.
func (c Case) next(route Route, over bool, timing Timing, now time.Time) (phase Phase, due bool) {
	told := slices.IndexFunc(c.Notices, func(n Notice) bool { return n.Route == route && !n.Ended })
	quiet := c.Covered || c.Silenced
	switch {
	case over && told >= 0 && !c.Silenced:
		return Ended, true
	case c.Closed != nil || quiet:
		return "", false
	case told < 0:
		return Opened, now.Sub(c.Opened) >= timing.Group
	case c.Taken && route.Recipient == Admin:
		return "", false // they are told when it is over
	default:
		pause := timing.Repeat
		if route.Recipient == User {
			pause = max(pause, min(longestRepeat, pause<<min(c.Notices[told].Times-1, 16)))
		}
		if now.Sub(c.Notices[told].Last) < pause {
			return "", false
		}
		return Repeated, true
	}
}
