package session_test

import (
	"strings"
	"testing"

	"slicegate/functions/session"
)

func TestHowFarWhoSeesSomebodyElseGets(t *testing.T) {
	t.Parallel()
	const free = ""
	for reach, want := range map[session.Reach]struct{ looking, allowed string }{
		session.Owner:   {"nothing can be changed.", "its owner alone"},
		session.Change:  {"nothing can be changed.", free},
		session.Copy:    {"no copy of it can be taken.", free},
		session.Look:    {free, free},
		session.Session: {free, free},
	} {
		for may, says := range map[bool]string{false: want.looking, true: want.allowed} {
			err := (&session.Sight{MayChange: may}).Refuse(reach)
			if (err == nil) != (says == free) || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("reach %d, allowed %v: %v, want %q", reach, may, err, says)
			}
		}
		if err := (*session.Sight)(nil).Refuse(reach); err != nil {
			t.Errorf("the owner is refused at reach %d: %v", reach, err)
		}
	}
}
