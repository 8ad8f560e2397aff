package answers

import (
	"fmt"

	"slicegate/store"
)

// Waking answers: when a user comes back, how quickly does their slice, and do they notice?
type Waking struct {
	Verdict
	Resident Wakes   `json:"resident"` // slices that were in RAM but for a tenth
	Swapped  []Wakes `json:"swapped"`  // the others, by how long they had been idle
	// The first answer's p99 of those that were swapped, against the resident ones; zero: not known.
	Ratio float64 `json:"ratio"`
	Wakes int64   `json:"wakes"`
}

// Wakes are what came back after about as long.
type Wakes struct {
	Idle    string   `json:"idle"` // in words
	Wakes   int64    `json:"wakes"`
	Answers int64    `json:"answers"` // wakes of which the first answer was timed
	Stall   Quantile `json:"stall"`   // seconds that its processes waited for memory, of the first ten
	Answer  Quantile `json:"answer"`  // seconds until its backend's first answer
	Back    Quantile `json:"back"`    // bytes of RAM gained in ten seconds
}

// Quantile is a distribution in three numbers.
type Quantile struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

var idleWords = []string{"hardly pushed out", "less than 1 h", "1 to 6 h", "6 to 24 h", "more than a day"}

const (
	fewestWakes = 20
	goodTail    = 300 // wakes, for a p99 that is not one or two of them
	noticeable  = 1.0 // second
)

// WakingOf takes the wakes by how long slices had been idle.
func WakingOf(rows []store.WakeDelaysRow) (w Waking) {
	var slowest Wakes
	asleep := int64(0)
	for _, row := range rows {
		one := Wakes{
			Idle: idleWords[row.Band], Wakes: row.Wakes, Answers: row.Answers,
			Stall: quantileOf(row.StallUs, 1e-6), Answer: quantileOf(row.AnswerUs, 1e-6), Back: quantileOf(row.BackBytes, 1),
		}
		w.Wakes += row.Wakes
		if row.Band == 0 {
			w.Resident = one
			continue
		}
		asleep += row.Wakes
		w.Swapped = append(w.Swapped, one)
		if one.Answers >= fewestWakes && one.Answer.P99 > slowest.Answer.P99 {
			slowest = one
		}
	}
	if asleep < fewestWakes || slowest.Answers == 0 {
		w.Verdict = needs("%d users who came back to a slice in swap, and has %d", fewestWakes, asleep)
		return w
	}
	w.Known, w.Confidence = true, Medium
	switch {
	case slowest.Answers >= goodTail:
		w.Confidence = High
	case slowest.Answers < 100:
		w.Confidence = Low
	}
	notice := "hardly anybody notices"
	if slowest.Answer.P99 >= noticeable {
		notice = "some notice"
	}
	if slowest.Answer.P50 >= noticeable {
		notice = "most notice"
	}
	w.Says = fmt.Sprintf("At the worst, after %s, a slice's first answer takes %s (p50), %s (p90), %s (p99) while %s come back into RAM: %s.",
		slowest.Idle, seconds(slowest.Answer.P50), seconds(slowest.Answer.P90), seconds(slowest.Answer.P99), Size(slowest.Back.P50), notice)
	if w.Resident.Answers >= fewestWakes {
		w.Ratio = slowest.Answer.P99 / w.Resident.Answer.P99
		w.Says += fmt.Sprintf(" A slice in RAM takes %s (p99): %.1f times less.", seconds(w.Resident.Answer.P99), w.Ratio)
	}
	return w
}

func quantileOf(values []float64, unit float64) Quantile {
	if len(values) != 3 {
		return Quantile{}
	}
	return Quantile{values[0] * unit, values[1] * unit, values[2] * unit}
}

func seconds(s float64) string {
	switch {
	case s >= 1:
		return fmt.Sprintf("%.1f s", s)
	case s >= 0.001:
		return fmt.Sprintf("%.0f ms", 1000*s)
	default:
		return fmt.Sprintf("%.0f µs", 1e6*s)
	}
}
