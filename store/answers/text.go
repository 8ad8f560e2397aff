package answers

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Text writes all answers for a terminal, each with a small plot.
func (a Answers) Text(to io.Writer) error {
	t := &text{}
	t.say("Answers from the telemetry of %d days up to %s", a.Days, a.At.UTC().Format("2006-01-02 15:04 UTC"))
	t.footprint(a.Footprint)
	for _, ceiling := range a.Ceilings {
		t.ceiling(ceiling)
	}
	t.connections(a.Connections)
	t.leaks(a.Leaks)
	t.waking(a.Waking)
	for _, room := range a.Room {
		t.room(room)
	}
	_, err := io.WriteString(to, t.String())
	return err
}

type text struct{ strings.Builder }

func (t *text) say(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) head(question string, verdict Verdict) {
	t.say("\n%s", question)
	for _, line := range wrap(verdict.Says, 100) {
		t.say("  %s", line)
	}
	if verdict.Known {
		t.say("  Confidence: %s.", verdict.Confidence)
	}
}

// bar is one line of a plot.
type bar struct {
	label string
	value float64
	says  string
}

// bars are drawn to the scale of the longest.
func (t *text) bars(bars []bar) {
	const width = 40
	most, label := 0.0, 0
	for _, one := range bars {
		most, label = max(most, one.value), max(label, len([]rune(one.label)))
	}
	for _, one := range bars {
		filled := 0
		if most > 0 {
			filled = int(math.Round(width * max(0, one.value) / most))
		}
		t.say("    %*s |%-*s %s", label, one.label, width, strings.Repeat("#", filled), one.says)
	}
}

func (t *text) footprint(f Footprint) {
	t.head("1. Stable idle footprint: what does a slice hold that nobody uses?", f.Verdict)
	var bars []bar
	for _, point := range f.Curve {
		bars = append(bars, bar{"after " + duration(point.Hours), point.Median, fmt.Sprintf("%s (%s to %s), %s in swap, %d slices",
			Size(point.Median), Size(point.Low), Size(point.High), Size(point.Swap), point.Slices)})
	}
	t.bars(bars)
}

func duration(hours float64) string {
	if hours < 1 {
		return fmt.Sprintf("%.0f min", 60*hours)
	}
	return fmt.Sprintf("%.1f h", hours)
}

func (t *text) ceiling(c Ceiling) {
	t.head("2. Swap ceiling of "+c.Server+": from which use on are pages read back faster?", c.Verdict)
	var bars []bar
	for i, point := range c.Curve {
		if step := max(1, len(c.Curve)/16); i%step == 0 || i == len(c.Curve)-1 {
			bars = append(bars, bar{Size(point.Swap), point.Rate, fmt.Sprintf("%.0f pages a second", point.Rate)})
		}
	}
	t.bars(bars)
}

func (t *text) connections(c Connections) {
	t.head("3. Connections: does swap break them?", c.Verdict)
	var bars []bar
	for i, one := range c.ByShare {
		if one.Days > 0 {
			bars = append(bars, bar{fmt.Sprintf("%d to %d %% in swap", 20*i, 20*(i+1)), one.PerDay, fmt.Sprintf("%.2f a slice-day (%d in %.0f)", one.PerDay, one.Breaks, one.Days)})
		}
	}
	t.bars(bars)
}

func (t *text) leaks(l Leaks) {
	t.head("4. Leaks: what grows that nobody uses?", l.Verdict)
	for _, one := range l.Leaking {
		t.say("    slice %d: %s a day (%s to %s), holds %s  %s", one.Slice, Size(one.PerDay), Size(one.Between.Low), Size(one.Between.High), Size(one.Bytes), spark(one.Days))
	}
}

// spark is a line of a slice's days: eight heights between the least and the most.
func spark(days []Day) string {
	low, high := math.Inf(1), 0.0
	for _, day := range days {
		low, high = min(low, day.Bytes), max(high, day.Bytes)
	}
	var line strings.Builder
	for _, day := range days {
		height := 0
		if high > low {
			height = int(7 * (day.Bytes - low) / (high - low))
		}
		line.WriteRune([]rune("▁▂▃▄▅▆▇█")[height])
	}
	return line.String()
}

func (t *text) waking(w Waking) {
	t.head("5. Waking: how long does somebody wait who comes back?", w.Verdict)
	var bars []bar
	for _, one := range append([]Wakes{w.Resident}, w.Swapped...) {
		if one.Answers > 0 {
			bars = append(bars, bar{one.Idle, one.Answer.P99, fmt.Sprintf("first answer %s p50, %s p90, %s p99; waits for memory %s p99; %s back; %d wakes",
				seconds(one.Answer.P50), seconds(one.Answer.P90), seconds(one.Answer.P99), seconds(one.Stall.P99), Size(one.Back.P50), one.Wakes)})
		}
	}
	t.bars(bars)
}

func (t *text) room(r Room) {
	t.head("6. Room on "+r.Server+": how many more slices?", r.Verdict)
	var bars []bar
	for _, limit := range r.Limits {
		// One that is far away must not press the others together.
		bars = append(bars, bar{limit.Name, min(float64(limit.Slices), 4*float64(max(1, r.Slices))), fmt.Sprintf("%d slices. %s", limit.Slices, limit.Says)})
	}
	t.bars(bars)
}

// wrap breaks a text into lines of at most so many letters.
func wrap(says string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(says) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
