package views

import (
	"testing"
	"time"

	"slicegate/store"
)

// What a tile says of a slice that runs and answers: no phone is no trouble, a phone that is away is.
func TestATileTellsNoPhoneFromOneThatIsAway(t *testing.T) {
	linked := time.Date(2026, 11, 27, 9, 12, 0, 0, time.UTC)
	for _, test := range []struct {
		state  string
		linked *time.Time
		level  AdminLevel
		says   string
	}{
		{"ready", &linked, AdminOK, "in order, WhatsApp ready"},
		{"starting", nil, AdminRest, "no phone linked yet"},
		{"qr", nil, AdminRest, "no phone linked yet"},
		{"disconnected", nil, AdminRest, "no phone linked yet"}, // its codes have run out
		{"passkey", nil, AdminWarn, "WhatsApp: passkey"},
		{"qr", &linked, AdminWarn, "WhatsApp: qr"},
		{"disconnected", &linked, AdminWarn, "WhatsApp: disconnected"},
		{"logged_out", &linked, AdminWarn, "WhatsApp: logged out"},
	} {
		level, says := stateOfTile(store.ListSlicesRow{Status: "assigned", WaState: test.state, LinkedAt: test.linked})
		if level != test.level || says != test.says {
			t.Errorf("%s, linked %v: %v, %q", test.state, test.linked, level, says)
		}
	}
}
