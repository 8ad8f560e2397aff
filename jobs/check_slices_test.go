package jobs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

var thresholds = Thresholds{
	WhatsApp: 2 * time.Minute, Page: time.Minute, Mute: 15 * time.Minute, Memory: 0.9, Storage: 0.9, Disk: 0.85, RAM: 0.9, CPU: 0.9,
	CPUFor: 5 * time.Minute, SwapIn: 1000, SwapInFor: 5 * time.Minute, JobsBehind: 5 * time.Minute, PoolEmpty: 10 * time.Minute,
	Certificate: 14 * 24 * time.Hour, Settle: 5 * time.Minute, Group: 30 * time.Second, Repeat: 4 * time.Hour,
	Incident: 5, IncidentPart: 0.1, Within: 10 * time.Minute,
}

// well is a slice that has nothing.
func well() checked {
	ago := func(d time.Duration) *time.Time { return pointer(noon.Add(-d)) }
	return checked{
		row: store.Slice{
			ID: 12, Status: "assigned", StatusAt: noon.Add(-48 * time.Hour), UserID: pointer(int64(7)), LinkedAt: ago(24 * time.Hour),
			WaState: "ready", WaChangedAt: ago(time.Hour), MemoryBytes: 300 << 20, StorageBytes: 1 << 30,
		},
		there: true, container: Container{Slice: 12, Running: true, StartedAt: noon.Add(-2 * time.Hour)},
		upstream: &store.UpstreamOfRow{SliceID: 12, LastUpstreamAt: ago(20 * time.Second)},
	}
}

func TestWhatIsWrongWithASlice(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { return pointer(noon.Add(-d)) }
	stop := func(c *checked) { c.container.Running, c.container.EndedAt = false, noon.Add(-10*time.Second) }
	for _, test := range []struct {
		name         string
		change       func(*checked)
		bad, unknown string // kinds, in the order of the alphabet
	}{
		{"nothing", func(*checked) {}, "", ""},
		{"its container has stopped", stop, "slice.down", "slice.memory slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"it has none", func(c *checked) { c.there, c.container = false, Container{} }, "slice.down", "slice.memory slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"it is restarted in order", func(c *checked) { stop(c); c.row.RecycleAt = ago(time.Minute) }, "", "slice.down slice.memory slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"a restart in order that does not end", func(c *checked) { stop(c); c.row.RecycleAt = ago(4 * time.Minute) }, "slice.down", "slice.memory slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"it was resumed a moment ago", func(c *checked) { stop(c); c.row.StatusAt = noon.Add(-20 * time.Second) }, "", "slice.down slice.memory slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"it has crashed and runs again", func(c *checked) { c.row.Crashes = 2 }, "slice.down", ""},
		{"its backend is silent", func(c *checked) { c.row.SilentSince = ago(time.Minute) }, "slice.silent", "slice.page_dead wa.disconnected wa.mute"},
		{"it was silent, and has just been started anew", func(c *checked) {
			c.row.SilentSince, c.container.StartedAt = ago(time.Minute), noon.Add(-30*time.Second)
		}, "", "slice.page_dead slice.silent wa.disconnected wa.mute"},
		{"its page is dead", func(c *checked) { c.row.PageDeadSince = ago(time.Minute) }, "slice.page_dead", ""},
		{"its WhatsApp is away", func(c *checked) { c.row.WaState = "disconnected" }, "wa.disconnected", ""},
		{"it was unlinked on the phone", func(c *checked) { c.row.WaState, c.row.WaReason = "logged_out", pointer("link_lost") }, "wa.disconnected", ""},
		{"nobody has linked a phone yet", func(c *checked) { c.row.WaState, c.row.LinkedAt = "qr", nil }, "", ""},
		{"nothing passes", func(c *checked) { c.upstream.LastUpstreamAt = ago(15 * time.Minute) }, "wa.mute", ""},
		{"nothing has passed since it started", func(c *checked) { c.upstream.LastUpstreamAt = ago(3 * time.Hour) }, "", ""},
		{"nothing is counted", func(c *checked) { c.upstream = nil }, "", "wa.mute"},
		{"it is at its memory limit", func(c *checked) { c.row.MemoryBytes = 480 << 20 }, "slice.memory", ""},
		{"its storage is nearly full", func(c *checked) { c.row.StorageBytes = 19 << 30 / 10 }, "slice.storage", ""},
		{"the kernel killed something in it", func(c *checked) { c.kills = 1 }, "slice.oom", ""},
	} {
		one := well()
		test.change(&one)
		var bad, unknown []string
		for _, finding := range sliceFindings(one, thresholds, 2<<30, 512<<20, noon) {
			if finding.Subject != "slice:12" || *finding.User != 7 {
				t.Errorf("%s: %+v", test.name, finding)
			}
			switch finding.Is {
			case alerts.Bad:
				bad = append(bad, finding.Kind)
				if finding.Detail == "" || finding.Since.After(noon) {
					t.Errorf("%s: %+v", test.name, finding)
				}
			case alerts.Unknown:
				unknown = append(unknown, finding.Kind)
			}
		}
		slices.Sort(bad)
		slices.Sort(unknown)
		if strings.Join(bad, " ") != test.bad || strings.Join(unknown, " ") != test.unknown {
			t.Errorf("%s: bad %v, unknown %v", test.name, bad, unknown)
		}
	}
	for _, status := range []string{"available", "provisioning", "suspended", "failed", "destroying"} {
		one := well()
		one.row.Status, one.row.WaState = status, "disconnected"
		if findings := sliceFindings(one, thresholds, 2<<30, 512<<20, noon); len(findings) > 0 {
			t.Errorf("%s: %+v", status, findings)
		}
	}
}

func TestHowAWhatsAppWentAway(t *testing.T) {
	t.Parallel()
	one := well()
	one.row.WaState, one.row.WaReason, one.row.WaChangedAt = "restricted", pointer("temporary_ban"), pointer(noon.Add(-3*time.Minute))
	finding := one.disconnected(true)
	if finding.Cause != "restricted temporary_ban" || !finding.Since.Equal(noon.Add(-3*time.Minute)) {
		t.Errorf("%+v", finding)
	}
	full := well()
	full.row.StorageBytes = 2 << 30
	if finding := full.storage(thresholds, 2<<30); finding.Cause != "full" || !strings.Contains(finding.Detail, "2 GB is full") {
		t.Errorf("%+v", finding)
	}
}
