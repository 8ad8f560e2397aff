package fleet

import (
	"math"
	"math/rand/v2"
	"time"

	"slicegate/store"
)

// slice is one as it goes from sample to sample.
type slice struct {
	id     int64
	world  *world
	random *rand.Rand

	floor, working float64 // bytes resident at rest, and in all
	leak           float64 // bytes a day
	perDay         float64 // visits of its user
	phase          float64 // of its own week
	restartsPerDay float64
	born, ends     time.Time // zero: before the first day, after the last

	started   time.Time
	session   time.Time // its user leaves; zero: nobody is there
	lastUser  time.Time
	broken    time.Time // its connection is back; zero: it holds
	peak      float64   // resident when the user left
	residue   float64   // bytes more than usual that their visit has left behind
	rss, swap float64
}

// visitsByHour is how a day goes, in the hours of the server's clock; it sums up to 24.
var visitsByHour = [24]float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 1.2, 2, 2.2, 2.2, 2, 1.6, 1.8, 2, 2, 1.8, 1.4, 1, 0.7, 0.4, 0.3, 0.1, 0.1}

func (s *slice) alive(now time.Time) bool {
	return !now.Before(s.born) && (s.ends.IsZero() || now.Before(s.ends))
}

// woke is what a visit cost.
type woke struct {
	idle, rss, swap, back, answer, stall float64
}

// step goes on to now and tells what is sampled then, and whether its user has come back.
func (s *slice) step(now time.Time) (row store.AddTelemetryParams, wake *woke, paged float64) {
	seconds := s.world.options.Every.Seconds()
	days := seconds / 86400
	if s.started.IsZero() {
		// Some have run for long.
		s.started = now
		if s.born.IsZero() {
			s.started = now.Add(-time.Duration(s.random.Float64() * 240 * float64(time.Hour)))
		}
		s.lastUser = now.Add(-time.Duration(s.random.Float64() * 10 * float64(time.Hour)))
		s.rss = s.floor
	}
	if s.random.Float64() < s.restartsPerDay*days && s.session.IsZero() {
		s.started, s.lastUser, s.broken, s.residue = now, now, time.Time{}, 0
		s.peak = s.working
		s.world.planted.Restarts++
	}
	age := now.Sub(s.started)
	total := s.total(now, age)
	share := s.swap / max(1, s.rss+s.swap)
	wake, paged = s.visit(now, total)
	in := !s.session.IsZero()
	if in {
		s.rss = s.floor + 0.6*(total-s.floor)
		s.lastUser = now
		s.peak = s.rss
	} else {
		s.rss = s.rest(now.Sub(s.lastUser), min(s.peak, total))
	}
	s.rss = min(total, s.rss*(1+0.01*s.random.NormFloat64()))
	s.swap = total - s.rss
	row = store.AddTelemetryParams{
		SliceID: s.id, Timestamp: now, StartedAt: s.started, RssBytes: int64(s.rss), SwapBytes: int64(s.swap),
		WaState: s.connection(now, age, share, days), IdleSeconds: ref(int32(now.Sub(s.lastUser).Seconds())),
		CpuPercent: ref(float32(s.cpu(in))), UserBytes: ref(int64(0)), PlatformBytes: ref(int64(0)),
		UpstreamBytes: ref(int64(seconds * (8 + 6*s.random.Float64()))), Refaults: ref(int64(paged)), PressureUs: ref(int64(paged * 20)),
		OomKills: ref(int32(0)), Seconds: ref(float32(seconds)),
	}
	if in {
		*row.UserBytes = int64(seconds * 3000 * s.random.Float64())
	}
	return row, wake, paged
}

// total is what it has in RAM and swap: its working memory, which comes and goes with the day and the
// week and with what each visit leaves, and what has leaked since it started.
func (s *slice) total(now time.Time, age time.Duration) float64 {
	day := float64(now.Unix()%86400) / 86400
	week := float64(now.Unix()%(7*86400)) / (7 * 86400)
	wave := 1 + 0.015*math.Sin(2*math.Pi*day) + 0.02*math.Sin(2*math.Pi*week+s.phase)
	warm := 1 - 0.2*math.Exp(-age.Hours()/2)
	return s.working*wave*warm*(1+0.004*s.random.NormFloat64()) + s.residue + s.leak*age.Hours()/24
}

// rest is what is resident so long after the last use: it is pushed out within half an hour, and comes
// back a little, if that was planted.
func (s *slice) rest(idle time.Duration, peak float64) float64 {
	out := math.Exp(-max(0, idle.Minutes()-2) / 6)
	back := s.world.planted.Creep * min(40, max(0, idle.Hours()-0.75))
	return s.floor + (max(peak, s.floor)-s.floor)*out + back
}

// visit begins and ends sessions, as often as the hour has it.
func (s *slice) visit(now time.Time, total float64) (wake *woke, paged float64) {
	if !s.session.IsZero() {
		if now.After(s.session) {
			s.session = time.Time{}
			s.residue = 0.03 * s.working * s.random.NormFloat64()
		}
		return nil, 0
	}
	rate := s.perDay * visitsByHour[now.UTC().Hour()]
	if day := now.UTC().Weekday(); day == time.Saturday || day == time.Sunday {
		rate *= 0.4
	}
	if s.random.Float64() >= rate*s.world.options.Every.Hours()/24 {
		return nil, 0
	}
	back := max(0, s.floor+0.6*(total-s.floor)-s.rss)
	wake = &woke{idle: now.Sub(s.lastUser).Seconds(), rss: s.rss, swap: s.swap, back: back}
	swapped := s.swap*10 >= s.rss+s.swap
	wake.answer = 0.008 * math.Exp(0.3*s.random.NormFloat64())
	if swapped {
		wake.answer = s.world.planted.Answer * math.Exp(0.35*s.random.NormFloat64())
	}
	wake.stall = wake.answer * 0.8
	s.session = now.Add(time.Duration((4 + 30*s.random.Float64()) * float64(time.Minute)))
	return wake, back / page
}

// connection is the state of its WhatsApp, which breaks as often as was planted for where it was.
func (s *slice) connection(now time.Time, age time.Duration, share, days float64) *string {
	if !s.broken.IsZero() && now.Before(s.broken) {
		return ref("disconnected")
	}
	s.broken = time.Time{}
	if age < 2*s.world.options.Every {
		return ref("starting")
	}
	rate := 0.45
	if share >= 0.5 {
		rate *= s.world.planted.Ratio
	}
	broke := s.random.Float64() < rate*days
	if now.Equal(s.world.outage) {
		broke = broke || s.random.Float64() < 0.7
	}
	if broke {
		s.broken = now.Add(s.world.options.Every + time.Duration(s.random.IntN(8))*time.Minute)
		return ref("disconnected")
	}
	return ref("ready")
}

func (s *slice) cpu(in bool) float64 {
	if in {
		return 15 + 20*s.random.Float64()
	}
	return 0.6 + 0.4*s.random.Float64()
}

func ref[T any](value T) *T { return &value }
