package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"slicegate/store"
)

const (
	inUseWithin  = 5 * time.Minute  // of its user's last packet, a slice is in use
	askEvery     = 50 * time.Second // at most; samples come every minute, more or less
	silentAfter  = 2 * time.Minute  // WhatsApp's keepalives come several times a minute
	startsWithin = time.Minute      // a slice answers after that, says the contract
	askIdle      = 30 * time.Minute // one that is idle and sounds well is asked so often
)

// answer is what came of asking a slice's backend.
type answer struct {
	asked  bool
	status *Status // nil: it did not answer, or in a way that nobody knows
}

// state is what is known of the slice's WhatsApp; nil if it was asked and that did not tell.
func (a answer) state(row store.Slice) *string {
	switch {
	case !a.asked:
		return &row.WaState
	case a.status == nil:
		return nil
	default:
		return &a.status.State
	}
}

// waStates are the slice contract's; the rows allow no others.
var waStates = []string{"starting", "qr", "authenticated", "ready", "disconnected", "logged_out", "passkey", "restricted", "failed"}

// unlinked are the states in which no phone belongs to the slice.
var unlinked = []string{"qr", "logged_out", "passkey"}

// due are the slices to be asked, who have waited longest first. To ask a slice wakes a part of it, so
// an idle one whose keepalives flow is believed to be as it was.
func (s *snapshot) due(meters map[int64]store.Meter) []reading {
	var due, idle []reading
	for _, r := range s.readings {
		switch ask, now := r.due(meters[r.slice.ID]); {
		case ask && now:
			due = append(due, r)
		case ask:
			idle = append(idle, r)
		}
	}
	oldest := func(a, b reading) int { return askedAt(meters[a.slice.ID]).Compare(askedAt(meters[b.slice.ID])) }
	// Those that did not answer last time come last: they hold up nobody but themselves.
	slices.SortFunc(due, func(a, b reading) int {
		if silent := a.slice.SilentSince != nil; silent != (b.slice.SilentSince != nil) {
			if silent {
				return 1
			}
			return -1
		}
		return oldest(a, b)
	})
	slices.SortFunc(idle, oldest)
	// Those that started together would be paged in together, every half hour.
	return append(due, idle[:min(len(idle), 1+len(s.readings)/15)]...)
}

func askedAt(meter store.Meter) time.Time {
	if meter.AskedAt == nil {
		return time.Time{}
	}
	return *meter.AskedAt
}

// due tells whether a slice is to be asked: now, or when its turn comes.
func (r reading) due(meter store.Meter) (ask, now bool) {
	asked := askedAt(meter)
	switch {
	case r.at.Sub(asked) < askEvery:
		return false, false
	case r.traffic == nil, asked.Before(r.started):
		return true, true // nothing else tells; where traffic is not counted, no slice is pushed out
	case idle(newest(meter.LastUserAt, r.traffic.User.Last), r.started, r.at) < inUseWithin:
		return true, true
	case !settled(r.slice.WaState), r.slice.SilentSince != nil, r.slice.PageDeadSince != nil:
		return true, true
	case r.slice.WaState == "ready" && r.hasFallenSilent(newest(meter.LastUpstreamAt, r.traffic.Upstream.Last)):
		return true, true
	default:
		return r.at.Sub(asked) >= askIdle, false
	}
}

// hasFallenSilent is true of a slice to and from whose WhatsApp nothing passes any more. Where nothing has ever
// passed since it started there is no WhatsApp whose silence would tell: the simulated phone has none.
func (r reading) hasFallenSilent(last *time.Time) bool {
	return last != nil && !last.Before(r.started) && r.at.Sub(*last) >= silentAfter
}

// settled states last until a person does something, or the connection breaks.
func settled(state string) bool {
	return state != "starting" && state != "authenticated" && state != "disconnected"
}

// ask asks slices, AskAtOnce at a time, and takes a fifth longer than one may take at most: those
// whose turn did not come are not asked.
func (w *Sample) ask(ctx context.Context, due []reading) map[int64]answer {
	phase, cancel := context.WithTimeout(ctx, w.AskWithin*6/5)
	defer cancel()
	var (
		answers = map[int64]answer{}
		lock    sync.Mutex
		group   sync.WaitGroup
		free    = make(chan struct{}, w.AskAtOnce)
	)
turns:
	for _, r := range due {
		select {
		case free <- struct{}{}:
		case <-phase.Done():
			break turns
		}
		group.Go(func() {
			defer func() { <-free }()
			own, cancel := context.WithTimeout(phase, w.AskWithin)
			defer cancel()
			status, err := w.askOne(own, r)
			if err != nil && phase.Err() != nil {
				return // it did not have its time
			}
			lock.Lock()
			defer lock.Unlock()
			answers[r.slice.ID] = answer{asked: true, status: status}
			if err != nil && r.at.Sub(r.started) > startsWithin {
				slog.WarnContext(ctx, "a slice does not say how it is", "slice", r.slice.ID, "error", err.Error())
			}
		})
	}
	group.Wait()
	return answers
}

// askOne asks a container at the address that it was just read with, which is another slice's once it has ended: what
// answers then is nobody's word.
func (w *Sample) askOne(ctx context.Context, r reading) (*Status, error) {
	if r.container.Address == "" {
		return nil, fmt.Errorf("its container has no address in the slices' network")
	}
	status, err := w.Containers.Probe(ctx, Running{Address: r.container.Address, StartedAt: r.container.StartedAt, Image: r.container.Image})
	if group, ended := w.Gauges.Group(r.container); ended != nil || group != r.group {
		return nil, fmt.Errorf("its container has ended")
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(waStates, status.State) {
		return nil, fmt.Errorf("%q is no state of the slice contract", status.State)
	}
	return &status, nil
}

// states are what slices said, as their rows have it.
func (s *snapshot) states() (all []store.NoteSaidParams) {
	for _, r := range s.readings {
		if status := s.answers[r.slice.ID].status; status != nil {
			all = append(all, noteSaid(r.slice, status.Said, s.at))
		}
	}
	return all
}

// noteSaid is what a slice said, as its row has it. A phone that is not told while the slice starts or has
// lost its connection is still linked.
func noteSaid(row store.Slice, said Said, now time.Time) store.NoteSaidParams {
	phone := said.PhoneNumber
	if phone == nil && !slices.Contains(unlinked, said.State) {
		phone = row.WaPhone
	}
	since := said.Since
	if since != nil && since.After(now) { // the slice is not trusted with the future
		since = &now
	}
	return store.NoteSaidParams{ID: row.ID, Version: row.Version, WaState: said.State, WaPhone: phone, WaReason: said.Reason, Since: since, Now: now}
}

// silences say of each slice that was asked since when its backend does not answer, or its page.
func (s *snapshot) silences() (all store.NoteSilentParams) {
	for _, r := range s.readings {
		answer := s.answers[r.slice.ID]
		if !answer.asked || answer.status == nil && r.at.Sub(r.started) <= startsWithin {
			continue
		}
		var silent, dead time.Time // Go's zero: it answers
		if answer.status == nil {
			silent = sinceThenOr(r.slice.SilentSince, r.at)
		} else if alive := answer.status.Alive; alive != nil && !*alive && answer.status.State == "ready" {
			dead = sinceThenOr(r.slice.PageDeadSince, r.at)
		}
		all.Ids, all.Silent, all.Dead = append(all.Ids, r.slice.ID), append(all.Silent, silent), append(all.Dead, dead)
	}
	return all
}

func sinceThenOr(known *time.Time, now time.Time) time.Time {
	if known != nil {
		return *known
	}
	return now
}
