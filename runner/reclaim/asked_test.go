package reclaim

import (
	"strings"
	"testing"
	"time"
)

// asks has an operator ask for a slice, until Decide says that it is over; it tells why.
func (c *course) asks(slice int64, atMost time.Duration) (why string, steps []Step) {
	c.slices[slice].Asked = c.now
	for end := c.now.Add(atMost); c.now.Before(end); {
		for _, step := range c.run(tick) {
			if step.Slice == slice {
				steps = append(steps, step)
			}
		}
		if why := c.ended[slice]; why != "" {
			c.slices[slice].Asked = time.Time{}
			delete(c.ended, slice)
			return why, steps
		}
	}
	return "", steps
}

func TestWhatAnOperatorAsksForIsPushedOutAtOnce(t *testing.T) {
	t.Parallel()
	hot, cold := part{bytes: 40 << 20, every: tick}, part{bytes: 160 << 20}
	c := newCourse(roomy, map[int64]*model{1: newModel(start, hot, cold), 2: newModel(start, hot, cold)})
	c.run(gone - tick)
	if steps := c.run(2 * tick); len(steps) > 0 {
		t.Fatalf("%v before anybody asked", steps)
	}
	why, steps := c.asks(1, askedFor)
	if !strings.HasPrefix(why, "done: it holds") || len(steps) < 3 {
		t.Fatalf("it ends with %q after %d steps", why, len(steps))
	}
	if first := steps[0]; first.Bytes > 200<<20/16 || !strings.HasPrefix(first.Reason, "asked for by an operator, idle for 1m") {
		t.Errorf("the first step is %+v", first)
	}
	if held := c.models[1].resident(); held > 60<<20 {
		t.Errorf("it holds %d MB of which it uses 40", held>>20)
	}
	// Its floor is known now.
	c.run(tick)
	if why, steps := c.asks(1, time.Minute); !strings.HasPrefix(why, "done: it holds") || len(steps) > 0 {
		t.Errorf("asked for again at its floor it ends with %q after %v", why, steps)
	}
}

func TestWhatAnOperatorAsksForEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(c *course)
		during func(c *course) // before every look
		want   string
		steps  bool
	}{
		"its user is there": {
			change: func(c *course) { c.users[1] = c.now.Add(-gone + tick) }, want: "its user is there, or was within the last minute",
		},
		"its user is there all the time": {
			during: func(c *course) { c.users[1] = c.now }, want: "its user is there, or was within the last minute",
		},
		"its user came and went while nobody looked": {
			change: func(c *course) {
				c.users[1] = c.now.Add(-2 * time.Minute)
				c.slices[1].Asked = c.now.Add(-3 * time.Minute)
			},
			want: "its user is there, or was within the last minute",
		},
		"its user is on their way": {
			change: func(c *course) { c.slices[1].Awake = c.now.Add(time.Minute) }, want: "its user is on their way",
		},
		"it is exempt":     {change: func(c *course) { c.slices[1].Paused = true }, want: "it is exempt from reclaim"},
		"an hour has gone": {change: func(c *course) { c.server.SwapTotal = 0 }, want: "an hour has passed"},
		"it gives nothing": {change: func(c *course) { c.models[1].stuck = true }, want: "done: it holds 200 MB, and gives no more", steps: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 200 << 20})})
			c.now = c.now.Add(90 * time.Second) // idle, but not for long enough
			c.slices[1].Asked = c.now
			if test.change != nil {
				test.change(c)
			}
			var steps []Step
			for range int((askedFor + time.Minute) / tick) {
				if test.during != nil {
					test.during(c)
				}
				if steps = append(steps, c.run(tick)...); c.ended[1] != "" {
					break
				}
			}
			if c.ended[1] != test.want || len(steps) > 0 != test.steps {
				t.Errorf("it ends with %q after %d steps, not %q", c.ended[1], len(steps), test.want)
			}
		})
	}
}

func TestASliceThatIsAskedForGoesFirst(t *testing.T) {
	t.Parallel()
	c := newCourse(roomy, map[int64]*model{1: newModel(start, part{bytes: 800 << 20}), 2: newModel(start, part{bytes: 800 << 20})})
	c.slices[1].Started = start.Add(-time.Hour)
	c.now = c.now.Add(90 * time.Second)
	c.slices[2].Asked = c.now
	small := settings
	small.Rate = 4 << 20 // room for one of them
	var all []Slice
	for _, id := range []int64{1, 2} {
		c.slices[id].History = []Reading{{At: c.now, Resident: 800 << 20}}
		all = append(all, *c.slices[id])
	}
	plan := Decide(c.now, roomy, all, small, tick)
	if len(plan.Steps) != 1 || plan.Steps[0].Slice != 2 {
		t.Errorf("the steps are %+v", plan.Steps)
	}
}
