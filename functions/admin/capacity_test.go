package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/answers"
)

// ran notes how many slices a server had on each of the days before today, the oldest first.
func (b *bundle) ran(server string, slices ...int) {
	b.t.Helper()
	today := b.now.UTC().Truncate(24 * time.Hour)
	for i, n := range slices {
		for _, hour := range []int{3, 15} {
			b.exec(`INSERT INTO gateway.server_telemetry_1h (server, timestamp, samples, ram_used_bytes, ram_used_max_bytes, ram_total_bytes, swap_used_bytes, swap_used_max_bytes,
				swap_total_bytes, swap_ram_bytes, disk_used_bytes, disk_total_bytes, total_slices, slices_rss_bytes, slices_swap_bytes) VALUES ($1, $2, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, $3, 0, 0)`,
				server, today.AddDate(0, 0, i-len(slices)).Add(time.Duration(hour)*time.Hour), n-hour/10)
		}
	}
}

func TestCapacitySaysWhatBindsFirst(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	if got := words(b.get("/admin/capacity", s.cookie).page); !strings.Contains(got, "No runner has started yet") {
		t.Errorf("without a server: %s", got)
	}
	server := b.db.Server(t)
	for i := range 4 {
		b.customer(fmt.Sprintf("%d@example.com", i), "assigned")
	}
	b.slice("available", nil)
	b.exec("UPDATE gateway.slices SET status = 'destroyed', port = NULL WHERE id = $1", b.slice("destroying", nil))
	// As the runner's fill_pool says it.
	tells := func(room, most int32) {
		b.t.Helper()
		if err := store.New(b.db.Pool).NoteRoom(t.Context(), store.NoteRoomParams{Name: server, Room: room, MaxSlices: most}); err != nil {
			t.Fatal(err)
		}
	}
	tells(7, 80)
	says := func() string {
		b.t.Helper()
		page := b.get("/admin/capacity", s.cookie).page.Find("section#capacity-" + server)
		return strings.Join(texts(page.Find(".number, .mark, .bars li")), "; ")
	}
	memory := "7 more slices can be provisioned; First to bind: the memory that is available now; MAX_SLICES 5 of 80. The setting of this server's runner.; Memory now 5 of 12."
	if got := says(); !strings.HasPrefix(got, memory) || strings.Contains(got, "onfidence") {
		t.Errorf("memory binds: %s", got)
	}
	tells(75, 60)
	if got := says(); !strings.HasPrefix(got, "55 more slices can be provisioned; First to bind: MAX_SLICES; MAX_SLICES 5 of 60") {
		t.Errorf("a smaller setting binds: %s", got)
	}
	tells(75, 80)
	if got := says(); !strings.HasPrefix(got, "75 more slices can be provisioned; First to bind: MAX_SLICES; MAX_SLICES 5 of 80") {
		t.Errorf("the setting binds: %s", got)
	}
	b.exec("UPDATE gateway.servers SET max_slices = NULL") // not told yet
	if got := says(); !strings.HasPrefix(got, "75 more slices can be provisioned; First to bind: the memory that is available now; Memory now 5 of 80") {
		t.Errorf("nothing told: %s", got)
	}
	found := answers.Answers{At: b.now.Add(-20 * time.Minute), Days: 30, Room: []answers.Room{{
		Server: server, Slices: 5, Verdict: answers.Verdict{Known: true, Says: "Three more can be made.", Confidence: answers.Medium},
		Limits: []answers.Limit{{Name: answers.LimitRAM, Slices: 40, Says: "Of RAM."}, {Name: answers.LimitSwap, Slices: 8, Says: "Of swap."}, {Name: answers.LimitCPU, Slices: 1_000_000, Says: "Of CPU."}},
	}}}
	if err := found.Save(t.Context(), store.New(b.db.Pool)); err != nil {
		t.Fatal(err)
	}
	got := says()
	for _, want := range []string{"3 more slices can be provisioned; First to bind: swap; Medium confidence; ", "RAM 5 of 40. Of RAM.", "Swap 5 of 8. Of swap.", "CPU 5 of more than 100,000. Of CPU."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	page := words(b.get("/admin/capacity", s.cookie).page)
	for _, want := range []string{
		"5 slices are there: 4 have a user, 1 are ready for the next sign-ups, 0 are being made.", "Three more can be made.", "Reckoned from the telemetry of 30 days, 20 min ago.",
		"Not enough data: needs the slices of 7 whole days on test, and has 0.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
	found.Room[0].Limits[1].Slices = 4
	if err := found.Save(t.Context(), store.New(b.db.Pool)); err != nil {
		t.Fatal(err)
	}
	if page := words(b.get("/admin/capacity", s.cookie).page); !strings.Contains(page, "No more slices can be provisioned") || !strings.Contains(page, "test is full: it has 5 slices and takes 4.") {
		t.Errorf("too many: %s", page)
	}
}

func TestCapacityProjectsWhenAServerIsFull(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	server := b.db.Server(t)
	b.exec("INSERT INTO gateway.servers (name, room, max_slices) VALUES ('other', 12, 80)")
	// A picture of nothing is one, for the script too.
	if got := b.get("/admin/capacity", s.cookie).page.Find("#filling-other script").Text(); !strings.Contains(got, `"at":[],`) || !strings.Contains(got, `"series":[]`) {
		t.Errorf("a server without slices: %s", got)
	}
	for i := range 5 {
		b.customer(fmt.Sprintf("%d@example.com", i), "assigned")
	}
	b.exec("UPDATE gateway.servers SET room = 10, max_slices = 15 WHERE name = $1", server)
	growing := make([]int, 28)
	for i := range growing {
		growing[i] = 2 + i/2
	}
	b.ran(server, growing...)
	got := b.get("/admin/capacity", s.cookie)
	said := words(got.page)
	full := b.now.AddDate(0, 0, 20).UTC()
	for _, want := range []string{"22 more slices can be provisioned on 2 servers.", "In the last 28 days the slices on test became 0.5 a day more", "full on " + full.Format("2 January 2006"), "Not enough data: needs the slices of 7 whole days on other, and has 0."} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	p := b.plotsOf(got.page.Find("#filling-test script").Text())
	last := p.At[len(p.At)-1]
	if p.Step != 86400 || len(p.Plots[0].Series) != 4 || p.lines("slices") != "Full 15 true" || p.Until <= float64(full.Unix()) || last > p.Until || p.Until-last > 86400 {
		t.Errorf("%+v", p)
	}
	ran, pace := p.Plots[0].Series[0].Values, p.Plots[0].Series[1].Values
	if len(ran) != len(p.At) || *ran[0] != 2 || ran[29] != nil || *ran[28] != 5 || pace[27] != nil || *pace[28] != 5 || *pace[30] != 6 {
		t.Errorf("%v", p.values("slices", "There were")+"; "+p.values("slices", "At this pace"))
	}
	// Today is not over: it is no day yet.
	b.exec("UPDATE gateway.server_telemetry_1h SET timestamp = $1 WHERE timestamp = (SELECT max(timestamp) FROM gateway.server_telemetry_1h)", b.now.UTC().Truncate(24*time.Hour))
	again := b.plotsOf(b.get("/admin/capacity", s.cookie).page.Find("#filling-test script").Text())
	if ran := again.Plots[0].Series[0].Values; *ran[27] != 15 || *ran[28] != 5 || ran[29] != nil {
		t.Errorf("with a sample of today: %s", again.values("slices", "There were"))
	}
}
