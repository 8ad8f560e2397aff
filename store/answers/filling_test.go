package answers_test

import (
	"strings"
	"testing"
	"time"

	"slicegate/store/answers"
)

func TestAServerFillsAtThePaceOfItsDays(t *testing.T) {
	t.Parallel()
	now := day.AddDate(0, 0, 30).Add(7 * time.Hour)
	grown := func(days int, slices func(day int) int) (all []answers.SlicesOfDay) {
		for i := range days {
			all = append(all, answers.SlicesOfDay{Day: day.AddDate(0, 0, 30-days+i), Slices: slices(i)})
		}
		return all
	}
	last := func(days []answers.SlicesOfDay) int { return days[len(days)-1].Slices }
	after := func(days float64) time.Time { return now.Add(time.Duration(days * 24 * float64(time.Hour))) }
	one := grown(30, func(i int) int { return 20 + i })
	twoAWeek := grown(30, func(i int) int { return 20 + 2*i/7 })
	waves := grown(28, func(i int) int { return 40 + i/2 + []int{0, 1, 3, 2, 0, -5, -6}[i%7] })
	for name, test := range map[string]struct {
		days       []answers.SlicesOfDay
		most       int
		day        time.Time     // zero: not within a year
		within     time.Duration // of it
		open       bool          // at the slowest not within a year
		confidence answers.Confidence
		says       string
	}{
		"one a day":                  {one, 70, after(21), time.Hour, false, answers.High, "at that pace its 70 places are full on 21 April 2026 (21 April 2026 to 21 April 2026)"},
		"one a day, for three times": {one, 200, after(151), time.Hour, false, answers.Low, "its 200 places are full on 29 August 2026"},
		"two a week":                 {twoAWeek, 40, after(12 / (2.0 / 7)), 10 * 24 * time.Hour, false, answers.Medium, "became 0.2"},
		"a week's waves":             {waves, 60, after(26), 2 * 24 * time.Hour, false, answers.High, "its 60 places are full on"},
		"too far":                    {one, 600, time.Time{}, 0, true, answers.Medium, "its 600 places are not full within a year."},
		"standing still":             {grown(30, func(int) int { return 20 }), 80, time.Time{}, 0, true, answers.Medium, "became 0 a day more (0 to 0): its 80 places are not full within a year."},
		"falling":                    {grown(30, func(i int) int { return 60 - i }), 80, time.Time{}, 0, true, answers.Medium, "became fewer, by 1 a day"},
		"standing still lately": {
			grown(30, func(i int) int { return 20 + min(i, 20) }), 60, time.Time{}, -1, true, answers.Low, "at the slowest not within a year. In the last week it was 0 a day.",
		},
		"up and down": {
			grown(12, func(i int) int { return 30 + []int{0, 9, 1, 8, 4, 2, 9, 3, 8, 6, 3, 9}[i] }), 80, time.Time{}, -1, true, answers.Low, "at the fastest",
		},
	} {
		f := answers.FillingOf("a", test.days, last(test.days), test.most, now)
		if !f.Known || f.Full || f.Confidence != test.confidence || !strings.Contains(f.Says, test.says) || f.Last.IsZero() != test.open {
			t.Errorf("%s: %s, %v to %v: %s", name, f.Confidence, f.First, f.Last, f.Says)
		}
		if off := f.Day.Sub(test.day).Abs(); test.within >= 0 && off > test.within {
			t.Errorf("%s: full on %v, want %v", name, f.Day, test.day)
		}
		if name == "up and down" && (f.First.IsZero() || !f.Day.IsZero() && !f.First.Before(f.Day)) {
			t.Errorf("%s: at the fastest on %v, by the trend on %v", name, f.First, f.Day)
		}
		if !f.Last.IsZero() && (f.Day.Before(f.First) || f.Last.Before(f.Day)) {
			t.Errorf("%s: %v, between %v and %v", name, f.Day, f.First, f.Last)
		}
	}
}

func TestAFullServerIsFullAndAYoungOneIsNotKnown(t *testing.T) {
	t.Parallel()
	now := day.AddDate(0, 0, 30)
	if f := answers.FillingOf("a", nil, 80, 80, now); !f.Known || !f.Full || f.Says != "a is full: it has 80 slices and takes 80." {
		t.Errorf("%+v", f)
	}
	if f := answers.FillingOf("a", nil, 3, 0, now); !f.Full {
		t.Errorf("one that takes none: %+v", f)
	}
	for days := range 7 {
		var all []answers.SlicesOfDay
		for i := range days {
			all = append(all, answers.SlicesOfDay{Day: day.AddDate(0, 0, i), Slices: 3 + i})
		}
		if f := answers.FillingOf("a", all, 10, 80, now); f.Known || f.Confidence != answers.None || !strings.HasPrefix(f.Says, "Not enough data: needs the slices of 7 whole days on a, and has ") {
			t.Errorf("%d days: %+v", days, f)
		}
	}
}
