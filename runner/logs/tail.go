package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"slicegate/store"
)

// tail is one that somebody looks at.
type tail struct {
	rows       Rows
	containers Containers
	id, slice  int64
	pace       *rate.Limiter
	clock      func() time.Time

	mu      sync.Mutex
	waiting []Line
	leftOut int
	last    time.Time     // when its container wrote what came last; zero: nothing has come
	woken   chan struct{} // has one thing in it when something waits

	seq int64 // of the last line that was written down
}

const (
	// Lines are written together: whoever reads them sees no difference.
	writeEvery = 200 * time.Millisecond
	// How often it is looked for the container that follows one.
	lookEvery = time.Second
)

// run relays until ctx ends, or the tail is gone.
func (t *tail) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var following sync.WaitGroup
	defer following.Wait()
	newest, err := t.rows.NewestLine(ctx, t.id)
	if err != nil {
		t.failed(ctx, err)
		return
	}
	if t.seq = newest.Seq; t.seq > 0 {
		t.last = newest.At.Add(time.Microsecond) // Postgres cuts nanoseconds off
		t.say("The relay begins anew where it was.")
	}
	following.Go(func() { t.follow(ctx) })
	pause := time.NewTicker(writeEvery)
	defer pause.Stop()
	for {
		select {
		case <-t.woken:
		case <-ctx.Done():
			return
		}
		if there, err := t.write(ctx); err != nil || !there {
			t.failed(ctx, err)
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

func (t *tail) failed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "a slice's log is not relayed", "slice", t.slice, "error", err.Error())
	}
}

// follow brings the lines of one container after the other.
func (t *tail) follow(ctx context.Context) {
	begun, said := t.clock(), ""
	for first := true; ctx.Err() == nil; first = false {
		found, there, err := t.containers.Look(ctx, t.slice)
		switch {
		case err != nil:
			said = t.sayOnce(said, "The engine does not answer: "+err.Error())
		case there && (found.Running || first):
			if !first && found.StartedAt.After(begun) {
				t.say("Its container has started.")
			}
			begun, said = t.clock(), ""
			err := t.containers.Follow(ctx, t.slice, t.since(), firstLines, t.take)
			if err == nil || errors.Is(err, ErrNone) {
				said = t.sayOnce(said, t.ended(ctx))
			} else {
				said = t.sayOnce(said, "Its log cannot be read: "+err.Error())
			}
		case first:
			said = t.sayOnce(said, "There is no container. It is followed when there is one.")
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
}

// since is from when on nothing has come yet.
func (t *tail) since() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.IsZero() {
		return time.Time{}
	}
	return t.last.Add(time.Nanosecond)
}

// ended says what has become of the container whose lines have come to an end; empty: it runs.
func (t *tail) ended(ctx context.Context) string {
	found, there, err := t.containers.Look(ctx, t.slice)
	switch {
	case err != nil || there && found.Running:
		return "" // that will be seen
	case there:
		return fmt.Sprintf("The container has ended with code %d. Its next one is followed when there is one.", found.ExitCode)
	default:
		return "The container has been removed. Its next one is followed when there is one."
	}
}

// sayOnce says what differs from what was said last, and tells what that is now.
func (t *tail) sayOnce(said, text string) string {
	if text != said && text != "" {
		t.say(text)
	}
	return text
}

// say adds a line of the relay's own.
func (t *tail) say(text string) {
	t.add(Line{At: t.clock(), Stream: "relay", Text: text})
}

// take adds a line of the container, as far as its pace allows.
func (t *tail) take(line Line) {
	t.mu.Lock()
	t.last = line.At
	shown := len(t.waiting) < keptLines && t.pace.Allow()
	if !shown {
		t.leftOut++
	}
	t.mu.Unlock()
	if shown {
		t.add(line)
	} else {
		t.wake()
	}
}

func (t *tail) add(line Line) {
	line.Text = Harmless(line.Text)
	t.mu.Lock()
	if t.leftOut > 0 {
		t.waiting = append(t.waiting, t.omission(line.At))
	}
	t.waiting = append(t.waiting, line)
	t.mu.Unlock()
	t.wake()
}

// omission says how many lines are missing; t.mu is held.
func (t *tail) omission(at time.Time) Line {
	text := fmt.Sprintf("%d lines left out: it writes more than %d a second, which is all that is shown.", t.leftOut, perSecond)
	t.leftOut = 0
	return Line{At: at, Stream: "relay", Text: text}
}

func (t *tail) wake() {
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// write brings what waits into rows. False: the tail is gone.
func (t *tail) write(ctx context.Context) (there bool, err error) {
	t.mu.Lock()
	lines := t.waiting
	t.waiting = nil
	if t.leftOut > 0 && len(lines) == 0 { // nothing has come between: said now, not when it is over
		lines = append(lines, t.omission(t.clock()))
	}
	t.mu.Unlock()
	if len(lines) == 0 {
		return true, nil
	}
	rows := store.AddLogLinesParams{TailID: t.id}
	for _, line := range lines {
		t.seq++
		rows.Seqs, rows.Ats = append(rows.Seqs, t.seq), append(rows.Ats, line.At)
		rows.Streams, rows.Lines = append(rows.Streams, line.Stream), append(rows.Lines, line.Text)
	}
	added, err := t.rows.AddLogLines(ctx, rows)
	if err != nil || added == 0 {
		return false, err
	}
	return true, t.rows.DropLogLines(ctx, store.DropLogLinesParams{TailID: t.id, Seq: t.seq - keptLines})
}
