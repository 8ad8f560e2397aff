package maintenance

import (
	"strings"
	"testing"
	"time"

	"slicegate/store"
)

func TestWhatIsSaidAndWhenToComeBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("there", 3600))
	at := func(in time.Duration) *time.Time { until := now.Add(in); return &until }
	for _, test := range []struct {
		until *time.Time
		words string
		begin string
		after time.Duration
	}{
		{nil, "", "We are doing maintenance. Your WhatsApp stays connected", time.Minute},
		{at(3 * time.Hour), "New disks.", "We are doing maintenance until about 2026-03-01 14:00 UTC. New disks. Your WhatsApp", 5 * time.Minute},
		{at(2 * time.Minute), "", "We are doing maintenance until about 2026-03-01 11:02 UTC. Your", 2 * time.Minute},
		{at(-time.Hour), "", "We are doing maintenance. Your", 15 * time.Second},
	} {
		got := refusal(store.Maintenance{Until: test.until, Words: test.words}, now)
		if !strings.HasPrefix(got.Message, test.begin) || got.After != test.after || got.Code != 503 || got.Kind != "maintenance" {
			t.Errorf("until %v: %+v", test.until, got)
		}
	}
}
