package views

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// AdminPlots are pictures over one axis, and all that web/operations draws them from. Each says its
// figures in words too, which is all that there is of it without a script.
type AdminPlots struct {
	ID     string      `json:"-"`              // of the element on the page
	Source string      `json:"-"`              // where newer ones are fetched from every minute; empty: nowhere
	Said   string      `json:"said,omitempty"` // of when they are
	X      string      `json:"x"`              // the unit of the axis; time: seconds since 1970
	From   float64     `json:"from"`
	Until  float64     `json:"until"`
	Step   float64     `json:"step"` // from one point to the next; where more lies between two, one is missing. Zero: nothing is
	At     AdminValues `json:"at"`
	Plots  []AdminPlot `json:"plots"`
}

// AdminPlot is one picture: lines or areas, which may stand on each other.
type AdminPlot struct {
	Name    string           `json:"name"`
	Title   string           `json:"title"`
	Unit    string           `json:"unit"` // bytes, bytes/s, pages/s, %, s, slices
	Stacked bool             `json:"stacked,omitempty"`
	Series  []AdminSeries    `json:"series"`
	Lines   []AdminLevelLine `json:"lines,omitempty"`
	Strip   []AdminStretch   `json:"strip,omitempty"`
	Marks   []AdminPoint     `json:"marks,omitempty"`
	Note    string           `json:"-"`
}

// AdminSeries is one line of a picture.
type AdminSeries struct {
	Label   string      `json:"label"`
	Values  AdminValues `json:"values"`
	Figures []string    `json:"figures"`         // the last, least, mean and most, in words
	Faint   bool        `json:"faint,omitempty"` // a bound, or a peak
}

// AdminLevelLine is a value that others are held against.
type AdminLevelLine struct {
	Label string  `json:"label"`
	Value float64 `json:"value"`
	// Always: the picture reaches up to it. Others are left above one whose values are far below.
	Always bool `json:"always,omitempty"`
	Bad    bool `json:"bad,omitempty"` // beyond it is an alert
}

// AdminStretch is a time in which a state held.
type AdminStretch struct {
	From  float64 `json:"from"`
	Until float64 `json:"until"`
	Words string  `json:"words"`
	Level string  `json:"level"`
}

// AdminPoint is something that happened; its words are in a list beside the picture, under its number.
type AdminPoint struct {
	At     float64 `json:"at"`
	Number int     `json:"number"`
	Words  string  `json:"words"`
}

// AdminValues are those of a series; one that nobody read is not a number, and null for the script.
type AdminValues []float64

// MarshalJSON writes no more digits than a picture shows.
func (v AdminValues) MarshalJSON() ([]byte, error) {
	written := make([]byte, 0, 2+8*len(v))
	written = append(written, '[')
	for i, value := range v {
		if i > 0 {
			written = append(written, ',')
		}
		switch {
		case math.IsNaN(value) || math.IsInf(value, 0):
			written = append(written, "null"...)
		case math.Abs(value) >= 1000:
			written = strconv.AppendFloat(written, math.Round(value), 'f', -1, 64)
		default:
			written = strconv.AppendFloat(written, math.Round(value*1000)/1000, 'f', -1, 64)
		}
	}
	return append(written, ']'), nil
}

// MarshalJSON writes a picture of nothing as one: the script reckons with a list.
func (p AdminPlot) MarshalJSON() ([]byte, error) {
	type plain AdminPlot
	if p.Series == nil {
		p.Series = []AdminSeries{}
	}
	return json.Marshal(plain(p))
}

// Add adds a series with its figures.
func (p *AdminPlot) Add(label string, values AdminValues) {
	p.Series = append(p.Series, AdminSeries{Label: label, Values: values, Figures: figuresOf(p.Unit, values)})
}

// AddFaint adds one that is drawn fainter than the one before.
func (p *AdminPlot) AddFaint(label string, values AdminValues) {
	p.Add(label, values)
	p.Series[len(p.Series)-1].Faint = true
}

// figuresOf are the last, the least, the mean and the most of what is known.
func figuresOf(unit string, values AdminValues) []string {
	least, most, sum, known, last := math.Inf(1), math.Inf(-1), 0.0, 0, math.NaN()
	for _, value := range values {
		if math.IsNaN(value) {
			continue
		}
		least, most, sum, known, last = min(least, value), max(most, value), sum+value, known+1, value
	}
	if known == 0 {
		return []string{"–", "–", "–", "–"}
	}
	figures := []string{}
	for _, value := range []float64{last, least, sum / float64(known), most} {
		figures = append(figures, strings.TrimSuffix(strings.TrimSuffix(AdminValue(unit, value), " slices"), " pages/s")) // the title says what is counted
	}
	return figures
}

// AdminValue is a value in words; the script says it the same way.
func AdminValue(unit string, value float64) string {
	switch unit {
	case "bytes":
		return adminBytes(int64(value))
	case "bytes/s":
		if value < 1<<10 {
			return fmt.Sprintf("%.0f B/s", value)
		}
		return adminBytes(int64(value)) + "/s"
	case "%":
		if value != 0 && math.Abs(value) < 1 {
			return fmt.Sprintf("%.2f %%", value)
		}
		return fmt.Sprintf("%.1f %%", value)
	case "s":
		return adminSpan(time.Duration(value * float64(time.Second)))
	}
	digits := 0
	if value != math.Trunc(value) && math.Abs(value) < 100 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, value, unit)
}

// linesInWords says what the dashed lines of a picture are.
func (p AdminPlot) linesInWords() string {
	says := ""
	for i, line := range p.Lines {
		if i > 0 {
			says += "; "
		}
		says += line.Label + ": " + AdminValue(p.Unit, line.Value)
	}
	return says
}

// AdminBars are a few values drawn to one scale.
type AdminBars struct {
	Bars []AdminBar
}

// AdminBar is one of them, with what it says in words.
type AdminBar struct {
	Label string
	Value float64
	Of    float64 // drawn as what the value is a part of; zero: it stands for itself
	Says  string
	Level AdminLevel
}

// scale is the longest bar.
func (b AdminBars) scale() float64 {
	most := 0.0
	for _, bar := range b.Bars {
		most = max(most, bar.Value, bar.Of)
	}
	return most
}

// width is that of a value, of 1000.
func (b AdminBars) width(value float64) string {
	most := b.scale()
	if most <= 0 || value <= 0 {
		return "0"
	}
	return fmt.Sprintf("%.0f", max(2, 1000*value/most))
}
