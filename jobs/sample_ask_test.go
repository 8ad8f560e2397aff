package jobs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slicegate/store"
)

func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { return pointer(noon.Add(-d)) }
	quiet := func(user, upstream time.Duration) *Counters {
		return &Counters{User: Class{Last: noon.Add(-user)}, Upstream: Class{Last: noon.Add(-upstream)}}
	}
	for _, test := range []struct {
		name      string
		state     string
		asked     *time.Time
		traffic   *Counters
		ask, asks bool // asks: now, not in its turn
	}{
		{"in use", "ready", ago(time.Minute), quiet(time.Minute, time.Second), true, true},
		{"in use, asked a moment ago", "ready", ago(20 * time.Second), quiet(0, 0), false, false},
		{"idle, its keepalives flow", "ready", ago(10 * time.Minute), quiet(time.Hour, 20*time.Second), false, false},
		{"idle, silent for a minute", "ready", ago(10 * time.Minute), quiet(time.Hour, time.Minute), false, false},
		{"idle and silent", "ready", ago(time.Minute), quiet(time.Hour, 2*time.Minute), true, true},
		{"idle, and nothing has passed since it started", "ready", ago(time.Minute), quiet(time.Hour, 3*time.Hour), false, false},
		{"idle for long, its turn", "ready", ago(30 * time.Minute), quiet(time.Hour, time.Second), true, false},
		{"idle, not linked and therefore silent", "qr", ago(10 * time.Minute), quiet(time.Hour, time.Hour), false, false},
		{"idle, on its way back", "disconnected", ago(time.Minute), quiet(time.Hour, time.Second), true, true},
		{"restarted since", "ready", ago(3 * time.Hour), quiet(4*time.Hour, time.Second), true, true},
		{"never asked", "starting", nil, quiet(time.Hour, time.Second), true, true},
		{"its traffic is not counted", "ready", ago(time.Minute), nil, true, true},
	} {
		r := reading{slice: store.Slice{WaState: test.state}, started: noon.Add(-2 * time.Hour), at: noon, traffic: test.traffic}
		if ask, now := r.due(store.Meter{AskedAt: test.asked}); ask != test.ask || now != test.asks {
			t.Errorf("%s: asked %v, now %v", test.name, ask, now)
		}
	}
}

func TestIdleSlicesAreAskedAFewAtATime(t *testing.T) {
	t.Parallel()
	s, meters := &snapshot{}, map[int64]store.Meter{}
	for id := range int64(30) {
		s.readings = append(s.readings, reading{
			slice: store.Slice{ID: id, WaState: "ready"}, started: noon.Add(-9 * time.Hour), at: noon,
			traffic: counters(0, 0, noon.Add(-10*time.Minute)),
		})
		s.readings[id].traffic.Upstream.Last = noon
		meters[id] = store.Meter{AskedAt: pointer(noon.Add(-time.Hour - time.Duration(id)*time.Second))}
	}
	due := s.due(meters)
	if len(due) != 3 || due[0].slice.ID != 29 {
		t.Errorf("%d slices are asked, %v first", len(due), due[0].slice.ID)
	}
}

// asked answers at once, or never for slices that hang.
type asked struct {
	Containers
	Gauges
	hangs func(slice int64) bool
}

func (asked) Group(container Container) (uint64, error) { return uint64(container.Slice), nil }

func askedReading(slice int64) reading {
	return reading{slice: store.Slice{ID: slice}, container: Container{Slice: slice, Address: string(rune(slice))}, group: uint64(slice)}
}

func (a asked) Probe(ctx context.Context, running Running) (Status, error) {
	if slice := int64([]rune(running.Address)[0]); a.hangs(slice) {
		<-ctx.Done()
		return Status{}, ctx.Err()
	}
	return Status{Said: Said{State: "ready"}}, nil
}

func TestAHungSliceDelaysNobody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hangs             func(int64) bool
		of                int64
		atOnce            int
		answered, unasked int
		atLeast, atMost   time.Duration
	}{
		"none":         {func(int64) bool { return false }, 100, 8, 100, 0, 0, 0},
		"one":          {func(id int64) bool { return id == 1 }, 100, 8, 99, 0, 5 * time.Second, 5 * time.Second},
		"all":          {func(int64) bool { return true }, 100, 8, 0, 92, 6 * time.Second, 6 * time.Second},
		"forty of 200": {func(id int64) bool { return id <= 40 }, 200, 64, 160, 0, 5 * time.Second, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			who := asked{hangs: test.hangs}
			w := &Sample{Containers: who, Gauges: who, AskWithin: 5 * time.Second, AskAtOnce: test.atOnce}
			var due []reading
			for id := range test.of {
				due = append(due, askedReading(id+1))
			}
			began := time.Now()
			answers := w.ask(context.Background(), due)
			took := time.Since(began)
			good := 0
			for _, one := range answers {
				if one.status != nil {
					good++
				}
			}
			if good != test.answered || len(due)-len(answers) != test.unasked || took < test.atLeast || took > test.atMost {
				t.Errorf("%s: %d answered, %d were not asked, in %v", name, good, len(due)-len(answers), took)
			}
		})
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	row := store.Slice{WaState: "ready", WaPhone: pointer("15550001")}
	if state := (answer{}).state(row); state == nil || *state != "ready" {
		t.Error("a slice that was not asked is not as it was")
	}
	if state := (answer{asked: true}).state(row); state != nil {
		t.Errorf("a slice that did not answer is %q", *state)
	}
	for state, want := range map[string]*string{"disconnected": row.WaPhone, "logged_out": nil} {
		s := &snapshot{readings: []reading{{slice: row}}, answers: map[int64]answer{0: {asked: true, status: &Status{Said: Said{State: state}}}}}
		said := s.states()
		if len(said) != 1 || said[0].WaState != state || (said[0].WaPhone == nil) != (want == nil) {
			t.Errorf("%s without a phone: %+v", state, said)
		}
	}
	w := &Sample{Containers: foreign{}, Gauges: asked{}}
	if status, err := w.askOne(context.Background(), askedReading(1)); err == nil {
		t.Errorf("a state that no row may have is taken: %+v", status)
	}
}

// successor is a server on which the container that was asked ended meanwhile, and another one has its address.
type successor struct {
	asked
	group uint64
	err   error
}

func (s successor) Group(Container) (uint64, error) { return s.group, s.err }

func TestWhatAnswersInTheNameOfAContainerThatHasEndedIsNotBelieved(t *testing.T) {
	t.Parallel()
	lively := asked{hangs: func(int64) bool { return false }}
	if status, err := (&Sample{Containers: lively, Gauges: lively}).askOne(context.Background(), askedReading(7)); err != nil || status.State != "ready" {
		t.Fatalf("%+v, %v", status, err)
	}
	for name, gauges := range map[string]successor{
		"it has ended":                   {lively, 0, errors.New("no such process")},
		"its process is somebody else's": {lively, 8, nil},
	} {
		if status, err := (&Sample{Containers: lively, Gauges: gauges}).askOne(context.Background(), askedReading(7)); err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Errorf("%s: %+v, %v", name, status, err)
		}
	}
	nowhere := askedReading(7)
	nowhere.container.Address = ""
	if status, err := (&Sample{Containers: lively, Gauges: lively}).askOne(context.Background(), nowhere); err == nil {
		t.Errorf("one without an address says %+v", status)
	}
}

type foreign struct{ Containers }

func (foreign) Probe(context.Context, Running) (Status, error) {
	return Status{Said: Said{State: "CONNECTED"}}, nil
}

func TestWhoDidNotAnswerIsAskedLast(t *testing.T) {
	t.Parallel()
	s, meters := &snapshot{}, map[int64]store.Meter{}
	for id := range int64(10) {
		r := reading{slice: store.Slice{ID: id, WaState: "ready"}, started: noon.Add(-time.Hour), at: noon, traffic: counters(0, 0, noon)}
		if id < 4 {
			r.slice.SilentSince = pointer(noon.Add(-time.Minute))
		}
		s.readings = append(s.readings, r)
		meters[id] = store.Meter{AskedAt: pointer(noon.Add(-time.Minute)), LastUserAt: &noon}
	}
	due := s.due(meters)
	if len(due) != 10 || due[5].slice.ID < 4 || due[6].slice.ID >= 4 {
		t.Errorf("the order is %+v", due)
	}
}

func TestSinceWhenABackendOrAPageIsSilent(t *testing.T) {
	t.Parallel()
	before, alive := pointer(noon.Add(-time.Hour)), func(is bool) *Status {
		return &Status{Said: Said{State: "ready"}, Alive: &is}
	}
	for _, test := range []struct {
		name         string
		row          store.Slice
		answer       answer
		started      time.Duration // ago
		noted        bool
		silent, dead time.Time
	}{
		{"it was not asked", store.Slice{}, answer{}, time.Hour, false, time.Time{}, time.Time{}},
		{"it answers", store.Slice{SilentSince: before}, answer{true, alive(true)}, time.Hour, true, time.Time{}, time.Time{}},
		{"it does not", store.Slice{}, answer{asked: true}, time.Hour, true, noon, time.Time{}},
		{"it still does not", store.Slice{SilentSince: before}, answer{asked: true}, time.Hour, true, *before, time.Time{}},
		{"it has just started", store.Slice{}, answer{asked: true}, 30 * time.Second, false, time.Time{}, time.Time{}},
		{"its page does not", store.Slice{}, answer{true, alive(false)}, time.Hour, true, time.Time{}, noon},
		{"its page still does not", store.Slice{PageDeadSince: before}, answer{true, alive(false)}, time.Hour, true, time.Time{}, *before},
		{"it cannot be asked for its page", store.Slice{}, answer{true, &Status{Said: Said{State: "ready"}}}, time.Hour, true, time.Time{}, time.Time{}},
	} {
		s := &snapshot{readings: []reading{{slice: test.row, at: noon, started: noon.Add(-test.started)}}, answers: map[int64]answer{0: test.answer}}
		got := s.silences()
		if len(got.Ids) != 1 {
			if test.noted {
				t.Errorf("%s: %+v", test.name, got)
			}
			continue
		}
		if !test.noted || !got.Silent[0].Equal(test.silent) || !got.Dead[0].Equal(test.dead) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}
