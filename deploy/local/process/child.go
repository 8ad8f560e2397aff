package process

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Child is a running process. It leads a process group of its own, so that a Ctrl-C at
// the terminal reaches us alone and we decide the order of the end.
type Child struct {
	spec   Spec
	cmd    *exec.Cmd
	output *lines
	asked  atomic.Bool
	done   chan struct{}
	err    error
}

// Start runs the child. The kernel sends it the stop signal should we die first.
func Start(spec Spec) (*Child, error) {
	path, err := exec.LookPath(spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	cmd := exec.Command(path, spec.Args...)
	if spec.ReadSearch || spec.BindLow {
		// The capability works from the next exec on: a shell has it, and finds the program.
		cmd = exec.Command("/bin/sh", append([]string{"-c", `exec "$0" "$@"`, path}, spec.Args...)...)
	}
	cmd.Env, cmd.Dir, cmd.SysProcAttr = spec.environment(), spec.Dir, spec.attributes()
	// A grandchild that keeps our pipe open must not keep us from seeing the child's end.
	cmd.WaitDelay = 2 * time.Second
	child := &Child{spec: spec, cmd: cmd, output: &lines{to: spec.line}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = child.output, child.output
	if spec.Stdout != nil {
		cmd.Stdout = spec.Stdout
	}

	started := make(chan error)
	go child.own(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return child, nil
}

// own starts the child and waits for its end on one operating-system thread: the kernel
// means that thread when it says "the parent died".
func (c *Child) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	// Its group is swept while the child is still a zombie: the number cannot be another's yet.
	for unix.Waitid(unix.P_PID, c.PID(), nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	if !c.spec.Finish {
		syscall.Kill(-c.PID(), syscall.SIGKILL)
	}
	err := c.cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	c.output.flush()
	c.err = err
	close(c.done)
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and its output was read.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err says, after Done, how the child ended; nil is exit code 0.
func (c *Child) Err() error { return c.err }

// Asked says whether the end was asked for by Stop.
func (c *Child) Asked() bool { return c.asked.Load() }

// Tail is the child's last lines, each indented, for an error message.
func (c *Child) Tail() string { return c.output.tail() }

// Stop asks the child to end and waits; after its grace the whole group is killed. It
// may be called again, and after the end.
func (c *Child) Stop() {
	c.asked.Store(true)
	select {
	case <-c.done:
		return
	default:
	}
	c.cmd.Process.Signal(c.spec.stopSignal())
	if c.spec.Finish {
		<-c.done
		return
	}
	timer := time.NewTimer(c.spec.grace())
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		syscall.Kill(-c.PID(), syscall.SIGKILL)
		<-c.done
	}
}

// CommandError is the failure of a command that Run ran.
type CommandError struct {
	Name string
	Err  error  // how it ended
	Tail string // its last lines
}

func (e *CommandError) Error() string { return fmt.Sprintf("%s: %v%s", e.Name, e.Err, e.Tail) }
func (e *CommandError) Unwrap() error { return e.Err }

// Run runs a command to its end. When ctx ends it is stopped first. A failure is a
// CommandError.
func Run(ctx context.Context, spec Spec) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	child, err := Start(spec)
	if err != nil {
		return err
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		child.Stop()
		return fmt.Errorf("%s: %w", spec.Name, context.Cause(ctx))
	}
	if child.Err() != nil {
		return &CommandError{spec.Name, child.Err(), child.Tail()}
	}
	return nil
}

// lines cuts a stream into lines, hands each on and keeps the last few.
type lines struct {
	mu      sync.Mutex
	to      func(string)
	partial []byte
	last    []string
}

// escape is what colours text: some tools send it to whatever they write to.
var escape = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

const (
	kept    = 40
	longest = 8 << 10 // bytes; a longer line is cut, so that a child cannot fill our memory
)

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range data {
		if b == '\n' || len(l.partial) >= longest {
			l.emit()
		}
		if b != '\n' {
			l.partial = append(l.partial, b)
		}
	}
	return len(data), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.emit()
	}
}

func (l *lines) emit() {
	text := escape.ReplaceAllString(string(l.partial), "")
	l.partial = l.partial[:0]
	l.last = append(l.last, text)
	if len(l.last) > kept {
		l.last = l.last[1:]
	}
	l.to(text)
}

func (l *lines) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == 0 {
		return ""
	}
	return "\n    " + strings.Join(l.last, "\n    ")
}
