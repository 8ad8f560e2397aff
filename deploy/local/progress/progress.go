// Package progress tells a person what a long set-up is doing: steps with their elapsed
// time, and the log lines of children between them. A terminal gets a line that is drawn
// anew; anything else gets plain lines.
package progress

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	quiet   = 2 * time.Second  // a step shorter than this is not announced before it ends
	repeats = 15 * time.Second // how often plain output says that a step goes on
)

// Reporter writes steps and log lines to one output. Its methods may be called from
// several goroutines.
type Reporter struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	width    int
	active   []*Step
	drawn    bool
	frame    int
	stop     chan struct{}
	stopped  chan struct{}
	now      func() time.Time
}

// New makes a reporter on out and starts its clock; Close stops it.
func New(out *os.File) *Reporter {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	r := newReporter(out, err == nil && os.Getenv("TERM") != "dumb", time.Now)
	if err == nil && size.Col > 20 {
		r.width = int(size.Col)
	}
	go r.run()
	return r
}

func newReporter(out io.Writer, terminal bool, now func() time.Time) *Reporter {
	return &Reporter{
		out: out, terminal: terminal, width: 100, now: now,
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
}

// Close stops the clock and wipes the line in progress.
func (r *Reporter) Close() {
	close(r.stop)
	<-r.stopped
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wipe()
}

// Step is one piece of work under way.
type Step struct {
	r         *Reporter
	name      string
	note      string
	started   time.Time
	announced time.Time
}

// Start begins a step.
func (r *Reporter) Start(name string) *Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := &Step{r: r, name: name, started: r.now()}
	r.active = append(r.active, step)
	return step
}

// Do runs work as a step and reports how it ended. The work may be given a note, which a
// terminal shows beside the step's name.
func (r *Reporter) Do(name string, work func(note func(string)) error) error {
	step := r.Start(name)
	err := work(step.Note)
	step.Done(err)
	return err
}

// Note sets the words shown behind the step's name.
func (s *Step) Note(note string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.note = strings.TrimSpace(note)
}

// Done ends the step: as stopped when err is of a cancelled context, as failed when it is
// another.
func (s *Step) Done(err error) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.active {
		if other == s {
			r.active = append(r.active[:i], r.active[i+1:]...)
			break
		}
	}
	mark, word := r.colour("32", "✓"), "done"
	switch {
	case errors.Is(err, context.Canceled):
		mark, word = r.colour("33", "-"), "stopped"
	case err != nil:
		mark, word = r.colour("31", "✗"), "failed"
	}
	r.println(fmt.Sprintf("%s %s: %s, %s", mark, s.name, word, r.elapsed(s)))
}

// Println writes one line between the steps.
func (r *Reporter) Println(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.println(line)
}

// Lines gives a function that writes lines under a name, each name in its own colour.
func (r *Reporter) Lines(name string) func(string) {
	hash := fnv.New32a()
	io.WriteString(hash, name)
	prefix := r.colour(fmt.Sprint(31+hash.Sum32()%6), fmt.Sprintf("%-10s", name)) + " "
	return func(line string) { r.Println(prefix + line) }
}

// Strong marks text that should be seen.
func (r *Reporter) Strong(text string) string { return r.colour("1", text) }

func (r *Reporter) run() {
	defer close(r.stopped)
	ticker := time.NewTicker(120 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
			r.tick()
		}
	}
}

func (r *Reporter) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frame++
	if r.terminal {
		r.wipe()
		r.draw()
		return
	}
	for _, step := range r.active {
		since := step.started
		wait := quiet
		if !step.announced.IsZero() {
			since, wait = step.announced, repeats
		}
		if r.now().Sub(since) >= wait {
			step.announced = r.now()
			r.println(fmt.Sprintf("… %s: %s", step.name, r.elapsed(step)))
		}
	}
}

func (r *Reporter) draw() {
	if len(r.active) == 0 {
		return
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	var parts []string
	for _, step := range r.active {
		parts = append(parts, fmt.Sprintf("%s %s", step.name, r.elapsed(step)))
	}
	line := []rune(string(frames[r.frame%len(frames)]) + " " + strings.Join(parts, " · "))
	if note := r.active[len(r.active)-1].note; note != "" {
		line = append(line, []rune("  "+note)...)
	}
	if len(line) > r.width-1 {
		line = line[:r.width-1]
	}
	fmt.Fprint(r.out, string(line))
	r.drawn = true
}

func (r *Reporter) wipe() {
	if r.drawn {
		fmt.Fprint(r.out, "\r\x1b[K")
		r.drawn = false
	}
}

func (r *Reporter) println(line string) {
	r.wipe()
	fmt.Fprintln(r.out, line)
}

func (r *Reporter) elapsed(step *Step) string {
	return fmt.Sprintf("%.1f s", r.now().Sub(step.started).Seconds())
}

func (r *Reporter) colour(code, text string) string {
	if !r.terminal {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
