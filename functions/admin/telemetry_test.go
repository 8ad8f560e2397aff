package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"slicegate/store"
	"slicegate/store/answers"
)

// plots are what a script reads of a page's pictures.
type plots struct {
	Said              string
	X                 string
	From, Until, Step float64
	At                []float64
	Plots             []struct {
		Name, Unit string
		Stacked    bool
		Series     []struct {
			Label   string
			Values  []*float64
			Figures []string
			Faint   bool
		}
		Lines []struct {
			Label       string
			Value       float64
			Always, Bad bool
		}
		Strip []struct {
			From, Until  float64
			Words, Level string
		}
		Marks []struct {
			At     float64
			Number int
			Words  string
		}
	}
}

func (b *bundle) plotsOf(text string) (p plots) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		b.t.Fatalf("%v: %.300s", err, text)
	}
	return p
}

// values are those of a series of a picture, written down; – is what nobody read.
func (p plots) values(plot, series string) string {
	for _, one := range p.Plots {
		for _, line := range one.Series {
			if one.Name == plot && line.Label == series {
				var all []string
				for _, value := range line.Values {
					if value == nil {
						all = append(all, "–")
					} else {
						all = append(all, strconv.FormatFloat(math.Round(*value*100)/100, 'f', -1, 64))
					}
				}
				return strings.Join(all, " ") + " | " + strings.Join(line.Figures, " ")
			}
		}
	}
	return "no such series"
}

// words are what a page says without a script, one line or row after the other.
func words(page *goquery.Document) string {
	var all []string
	page.Find("main p, main li, main tr, main h1, main h2, main h3, main figcaption").Each(func(_ int, one *goquery.Selection) {
		if cells := one.Find("th, td"); cells.Length() > 0 {
			all = append(all, strings.Join(texts(cells), " "))
			return
		}
		all = append(all, texts(one)...)
	})
	return strings.Join(all, "; ")
}

func (p plots) lines(plot string) string {
	var all []string
	for _, one := range p.Plots {
		for _, line := range one.Lines {
			if one.Name == plot {
				all = append(all, fmt.Sprintf("%s %.0f %v", line.Label, line.Value, line.Bad))
			}
		}
	}
	return strings.Join(all, ", ")
}

// sampled writes a sample of a server, so many gigabytes of RAM and pages a second; below zero: not known.
func (b *bundle) sampled(server string, at time.Time, ram, pages int64) {
	b.t.Helper()
	b.exec(`INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes,
		swap_in_rate, swap_out_rate, cpu_percent, disk_used_bytes, disk_total_bytes, active_slices, total_slices, slices_rss_bytes, slices_swap_bytes,
		memory_pressure_us, io_pressure_us, cpu_pressure_us, oom_kills, seconds)
		VALUES ($1, $2, $3::bigint << 30, 64::bigint << 30, 8::bigint << 30, 32::bigint << 30, 1::bigint << 30, nullif($4::bigint, -1), 5, 42,
		100::bigint << 30, 200::bigint << 30, 3, 150, 20::bigint << 30, 6::bigint << 30, 600000, 1200000, NULL, 0, 60)`, server, at, ram, pages)
}

func TestTelemetryWithoutDataSaysSo(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	if got := b.get("/admin/telemetry", s.cookie).page.Find("main").Text(); !strings.Contains(got, "No runner has started yet") {
		t.Errorf("without a server: %s", got)
	}
	if got := b.get("/admin/telemetry/plots", s.cookie); got.status != http.StatusOK || len(b.plotsOf(got.body).At) != 0 {
		t.Errorf("a script is told %d %s", got.status, got.body)
	}
	b.exec("INSERT INTO gateway.servers (name) VALUES ('one')")
	page := b.get("/admin/telemetry?range=7d", s.cookie).page
	if got := page.Find("main").Text(); !strings.Contains(got, "Nothing was written down of one in these 7 days.") || page.Find("figure").Length() != 0 {
		t.Errorf("without a sample: %s", got)
	}
}

func TestTelemetryHasGapsAndThresholds(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.exec("INSERT INTO gateway.servers (name) VALUES ('one')")
	minutes := []time.Duration{-9, -8, -5, -4, -3} // two were missed
	for i, ago := range minutes {
		b.sampled("one", b.now.Add(ago*time.Minute), int64(10+i), []int64{100, -1, 1500, 200, 0}[i])
	}
	b.sampled("one", b.now.Add(-25*time.Hour), 60, 9999) // too long ago
	b.exec("UPDATE gateway.server_telemetry SET oom_kills = 2 WHERE timestamp = $1", b.now.Add(-4*time.Minute))
	got := b.get("/admin/telemetry", s.cookie)
	p := b.plotsOf(got.page.Find("#server script").Text())
	if p.X != "time" || p.Step != 60 || p.Until-p.From < 86400 || p.Until-p.From > 86460 || len(p.At) != 5 || p.At[2]-p.At[1] != 180 {
		t.Errorf("the axis: %+v", p)
	}
	for _, want := range [][3]string{
		{"memory", "RAM", "10737418240 11811160064 12884901888 13958643712 15032385536 | 14.0 GB 10.0 GB 12.0 GB 14.0 GB"},
		{"memory", "RAM of compressed swap", "1073741824 1073741824 1073741824 1073741824 1073741824 | 1.0 GB 1.0 GB 1.0 GB 1.0 GB"},
		{"swap-in", "Read back", "100 – 1500 200 0 | 0 0 450 1500"},
		{"pressure", "for the disk", "2 2 2 2 2 | 2.0 % 2.0 % 2.0 % 2.0 %"},
		{"pressure", "for the CPU", "– – – – – | – – – –"},
		{"slices", "used within 5 min", "3 3 3 3 3 | 3 3 3 3"},
	} {
		if got := p.values(want[0], want[1]); got != want[2] {
			t.Errorf("%s, %s: %s, want %s", want[0], want[1], got, want[2])
		}
	}
	for plot, want := range map[string]string{
		"memory":  "All RAM 68719476736 false, Alert: RAM above 61847529062 true, All swap 34359738368 false",
		"swap-in": "Alert: for 5 min above 1000 true", "cpu": "Alert: above 90 true", "swap-out": "",
		"disk": "All of it 214748364800 false, Alert: above 182536110080 true",
	} {
		if got := p.lines(plot); got != want {
			t.Errorf("the lines of %s: %s, want %s", plot, got, want)
		}
	}
	if marks := p.Plots[0].Marks; len(marks) != 1 || marks[0].At != p.At[3] || marks[0].Number != 1 {
		t.Errorf("the marks are %+v", marks)
	}
	// All of it stands there in words too.
	said := words(got.page)
	for _, want := range []string{
		"The kernel ended 2 processes for want of memory in these 24 hours", "Read back 0 0 450 1500", "Dashed. Alert: for 5 min above: 1000 pages/s.",
		"One point every 1 min; the newest is of", "No slice holds more than it did.", "When the kernel ended processes; 1 " + b.now.Add(-4*time.Minute).UTC().Format("2006-01-02 15:04"),
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if strings.Contains(got.body, "style=") {
		t.Error("the page has a style that its policy forbids")
	}
	// A script is told the same, by the address that the page names.
	script := b.get(got.page.Find("#server").AttrOr("data-src", ""), s.cookie)
	if script.header.Get("Content-Type") != "application/json" || script.body != strings.TrimSpace(got.page.Find("#server script").Text()) {
		t.Errorf("a script is told %s: %.200s", script.header.Get("Content-Type"), script.body)
	}
	if b.now = b.now.Add(10 * time.Minute); !strings.Contains(b.get("/admin/telemetry", s.cookie).body, "Silent: nothing was written down lately") {
		t.Error("a server that has been silent for 13 minutes is not said to be")
	}
}

func TestASampleEveryFewMinutesIsNoGap(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.exec("INSERT INTO gateway.servers (name) VALUES ('one')")
	for _, ago := range []time.Duration{-40, -35, -30, -20, -15} {
		b.sampled("one", b.now.Add(ago*time.Minute), 10, 0)
	}
	if p := b.plotsOf(b.get("/admin/telemetry/plots", s.cookie).body); p.Step != 300 {
		t.Errorf("samples every five minutes have a step of %.0f s", p.Step)
	}
}

func TestTelemetryOfOneOfTwoServers(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.exec("INSERT INTO gateway.servers (name) VALUES ('one'), ('two')")
	b.sampled("one", b.now.Add(-time.Minute), 11, 0)
	b.sampled("two", b.now.Add(-time.Minute), 22, 0)
	for query, want := range map[string]string{
		"": "one 24h 11811160064", "?server=two": "two 24h 23622320128", "?server=nonsense&range=nonsense": "one 24h 11811160064", "?range=%00&server=%ff": "one 24h 11811160064",
		"?range=7d&server=two": "two 7d", "?range=30d": "one 30d",
	} {
		got := b.get("/admin/telemetry"+query, s.cookie)
		chosen := texts(got.page.Find(".choice [aria-current]"))
		first, _, _ := strings.Cut(b.plotsOf(b.get("/admin/telemetry/plots"+query, s.cookie).body).values("memory", "RAM"), " |")
		said := strings.TrimSpace(strings.Join(append(chosen, first), " "))
		said = strings.NewReplacer("24 hours", "24h", "7 days", "7d", "30 days", "30d").Replace(said)
		if got.status != http.StatusOK || said != want {
			t.Errorf("%q answers %d, %q, want %q", query, got.status, said, want)
		}
	}
}

func TestLongerTimesAreReadFromBins(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.exec("INSERT INTO gateway.servers (name) VALUES ('one')")
	bin := `INSERT INTO gateway.%s (server, timestamp, samples, seconds, ram_used_bytes, ram_used_max_bytes, ram_total_bytes, swap_used_bytes, swap_used_max_bytes,
		swap_total_bytes, swap_ram_bytes, swap_in_rate, swap_in_max_rate, cpu_percent, disk_used_bytes, disk_total_bytes, total_slices, slices_rss_bytes, slices_swap_bytes, memory_pressure_us)
		VALUES ('one', $1, 5, 300, $2, $2, 64::bigint << 30, 0, 0, 0, 0, $3, $4, NULL, 1, 2, 100, 5, 7, 3000000)`
	quarter := b.now.Add(-48 * time.Hour).Truncate(15 * time.Minute)
	for i, rate := range []float64{10, 20, 60} { // of one quarter of an hour
		b.exec(fmt.Sprintf(bin, "server_telemetry_5m"), quarter.Add(time.Duration(i)*5*time.Minute), 100+i, rate, 100*rate)
	}
	b.exec(fmt.Sprintf(bin, "server_telemetry_5m"), quarter.Add(30*time.Minute), 200, 1, 1)
	week := b.plotsOf(b.get("/admin/telemetry/plots?range=7d", s.cookie).body)
	if week.Step != 900 || week.values("memory", "RAM") != "101 200 | 0 KB 0 KB 0 KB 0 KB" || week.At[0] != float64(quarter.Unix()) || week.At[1]-week.At[0] != 1800 {
		t.Errorf("a week: %+v, %s", week.At, week.values("memory", "RAM"))
	}
	for series, want := range map[string]string{"Read back": "30 1 | 1 1 15.5 30", "Its highest minute": "6000 1 | 1 1 3000 6000"} {
		if got := week.values("swap-in", series); got != want {
			t.Errorf("%s: %s, want %s", series, got, want)
		}
	}
	if got := week.values("pressure", "for memory"); got != "1 1 | 1.0 % 1.0 % 1.0 % 1.0 %" {
		t.Errorf("pressure is %s", got)
	}
	if got := week.values("cpu", "Busy"); !strings.HasPrefix(got, "– – |") {
		t.Errorf("CPU that nobody read is %s", got)
	}
	hour := b.now.Add(-20 * 24 * time.Hour).Truncate(time.Hour)
	b.exec(fmt.Sprintf(bin, "server_telemetry_1h"), hour, 5<<30, 7.5, 90)
	b.exec(fmt.Sprintf(bin, "server_telemetry_1h"), b.now.Add(-40*24*time.Hour), 6<<30, 7.5, 90)
	month := b.plotsOf(b.get("/admin/telemetry/plots?range=30d", s.cookie).body)
	if month.Step != 3600 || len(month.At) != 1 || month.values("swap-in", "Its highest minute") != "90 | 90 90 90 90" {
		t.Errorf("a month: %+v", month)
	}
}

func TestWhatGrowsMostIsShown(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	server := b.db.Server(t)
	b.sampled(server, b.now.Add(-time.Minute), 11, 0)
	b.exec("INSERT INTO gateway.servers (name) VALUES ('other')")
	const mb = int64(1 << 20)
	held := func(table string, slice int64, at time.Time, started int, rss, swap int64) {
		b.exec(`INSERT INTO gateway.`+table+` (slice_id, timestamp, started_at, samples, rss_bytes, rss_max_bytes, swap_bytes, swap_max_bytes, idle_samples,
			known_samples, ready_samples, ready_seconds, swapped_ready_seconds, disconnects, swapped_disconnects)
			VALUES ($1, $2, $3, 5, $4, $4, $5, $5, 0, 0, 0, 0, 0, 0, 0)`, slice, at, b.now.Add(-time.Duration(started)*time.Hour), rss, swap)
	}
	var ids []int64
	for i := range 6 {
		_, id := b.customer(fmt.Sprintf("%d@example.com", i), "assigned")
		ids = append(ids, id)
	}
	early, late := b.now.Add(-24*time.Hour+10*time.Minute).Truncate(5*time.Minute), b.now.Add(-10*time.Minute).Truncate(5*time.Minute)
	grow := func(i int, restarted bool, before, after int64) {
		held("telemetry_5m", ids[i], early, 100, before/2, before/2)
		started := 100
		if restarted {
			started = 3
		}
		held("telemetry_5m", ids[i], late, started, after/4, after-after/4)
	}
	grow(0, false, 100*mb, 150*mb)
	grow(1, true, 100*mb, 130*mb)
	grow(2, false, 100*mb, 90*mb)                            // shrinks
	held("telemetry_5m", ids[3], late, 2, 100*mb, 500*mb)    // was not there before
	held("telemetry_5m", ids[5], early, 900, 100*mb, 500*mb) // is not there any more
	grow(4, false, 100*mb, 900*mb)                           // of another server
	b.exec("UPDATE gateway.slices SET server = 'other' WHERE id = $1", ids[4])
	found := answers.Answers{At: b.now, Days: 30, Leaks: answers.Leaks{
		Verdict: answers.Verdict{Known: true, Confidence: answers.High},
		Leaking: []answers.Growth{{Slice: ids[0], PerDay: 5 * float64(mb), Between: answers.Interval{Low: 4 * float64(mb), High: 6 * float64(mb)}}},
		Others:  []answers.Growth{{Slice: ids[1]}},
	}}
	lines := func(query string) []string {
		return texts(b.get("/admin/telemetry?server=test"+query, s.cookie).page.Find("#growers li"))
	}
	want := []string{fmt.Sprintf("Slice %d +50.0 MB from 100 MB to 150 MB Whether it grows at rest is not known yet.", ids[0]), fmt.Sprintf("Slice %d +30.0 MB from 100 MB to 130 MB Whether it grows at rest is not known yet. It was restarted meanwhile.", ids[1])}
	if got := lines(""); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if err := found.Save(t.Context(), store.New(b.db.Pool)); err != nil {
		t.Fatal(err)
	}
	want = []string{fmt.Sprintf("Slice %d +50.0 MB from 100 MB to 150 MB It leaks: at rest it grows by 5.00 MB a day (4.00 MB to 6.00 MB). High confidence.", ids[0]), fmt.Sprintf("Slice %d +30.0 MB from 100 MB to 130 MB At rest it is not seen to grow: this is its use. It was restarted meanwhile.", ids[1])}
	if got := lines(""); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	// A week compares hours.
	b.rolledUp()
	held("telemetry_1h", ids[2], b.now.Add(-7*24*time.Hour+time.Hour).Truncate(time.Hour), 900, 10*mb, 0)
	held("telemetry_1h", ids[2], b.now.Add(-2*time.Hour).Truncate(time.Hour), 900, 30*mb, 0)
	if got := lines("&range=7d"); len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprintf("Slice %d +20.0 MB from 10.0 MB to 30.0 MB Whether it grows at rest cannot be told from its days so far.", ids[2])) {
		t.Errorf("%q", got)
	}
}

// rolledUp makes bins of the samples of servers, so that a week's page has something to show.
func (b *bundle) rolledUp() {
	b.t.Helper()
	if err := store.New(b.db.Pool).RollUpServers(context.Background(), store.RollUpServersParams{Since: b.now.Add(-24 * time.Hour), Until: b.now}); err != nil {
		b.t.Fatal(err)
	}
}
