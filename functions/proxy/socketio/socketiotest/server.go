// Package socketiotest runs real npm socket.io servers for tests. It needs node and
// socket.io in slice/node_modules, and is imported by tests alone.
package socketiotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for something that should come at once.
const Patience = 20 * time.Second

// Settings of the servers; the zero value is one server with Socket.IO's defaults.
type Settings struct {
	// Ports to listen on, one server each; 0 picks a free port. None is one free port.
	Ports []int `json:"ports"`
	// Options are passed to each socket.io Server (pingInterval, pingTimeout, ...).
	Options map[string]any `json:"options"`
	// Refuse makes the root namespace refuse everybody with these words.
	Refuse string `json:"refuse,omitempty"`
	// Greet are events, [name, args...] each, sent to every client that connects.
	Greet [][]any `json:"greet,omitempty"`
}

// Server is one node process with one or more socket.io servers, numbered from 0.
type Server struct {
	t        testing.TB
	settings Settings
	process  *exec.Cmd
	stdin    io.WriteCloser
	stderr   bytes.Buffer
	done     chan struct{}

	mu        sync.Mutex
	changed   chan struct{}
	ports     []int
	connected map[int]int
	total     map[int]int
}

// Start runs the servers until the test ends.
func Start(t testing.TB, settings Settings) *Server {
	t.Helper()
	if len(settings.Ports) == 0 {
		settings.Ports = []int{0}
	}
	s := &Server{t: t, settings: settings}
	s.start()
	t.Cleanup(s.Kill)
	return s
}

// Port is where the server of that number listens, on 127.0.0.1.
func (s *Server) Port(server int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ports[server]
}

// Address is http://127.0.0.1:PORT of the server of that number.
func (s *Server) Address(server int) string {
	return fmt.Sprintf("http://127.0.0.1:%d", s.Port(server))
}

// Emit sends an event to every client of a server.
func (s *Server) Emit(server int, name string, args ...any) {
	s.t.Helper()
	if args == nil {
		args = []any{}
	}
	s.command(map[string]any{"do": "emit", "server": server, "name": name, "args": args})
}

// EmitWithAck sends an event that asks for an acknowledgement.
func (s *Server) EmitWithAck(server int, name string, args ...any) {
	s.t.Helper()
	s.command(map[string]any{"do": "emitWithAck", "server": server, "name": name, "args": args})
}

// EmitBinary sends an event with binary attachments.
func (s *Server) EmitBinary(server int, name string) {
	s.t.Helper()
	s.command(map[string]any{"do": "emitBinary", "server": server, "name": name})
}

// Numbers is a stream of events {"n": 1, "pad": "x…"} and so on up to Count.
type Numbers struct {
	Count   int
	Burst   int // events at once
	Every   time.Duration
	Padding int // bytes
}

// EmitNumbers starts a stream of numbered events and does not wait for its end.
func (s *Server) EmitNumbers(server int, name string, n Numbers) {
	s.t.Helper()
	s.command(map[string]any{"do": "number", "server": server, "name": name, "count": n.Count,
		"burst": n.Burst, "every": n.Every.Milliseconds(), "padding": n.Padding})
}

// Disconnect makes the server end its clients' namespace, their websockets left open.
func (s *Server) Disconnect(server int) {
	s.t.Helper()
	s.command(map[string]any{"do": "disconnect", "server": server})
}

// Drop makes the server close its clients' websockets.
func (s *Server) Drop(server int) {
	s.t.Helper()
	s.command(map[string]any{"do": "drop", "server": server})
}

// Connected is how many clients are connected to a server now, and total how many ever were
// since its process started.
func (s *Server) Connected(server int) (now, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected[server], s.total[server]
}

// WaitConnected waits until exactly that many clients are connected to a server.
func (s *Server) WaitConnected(server, want int) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%d clients of server %d", want, server), func() bool { return s.connected[server] == want })
}

// Freeze stops the process where it is: its sockets stay open and say nothing.
func (s *Server) Freeze() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatalf("freeze the server: %v", err)
	}
}

// Kill ends the process at once and waits for it. A second Kill does nothing.
func (s *Server) Kill() {
	_ = s.process.Process.Kill() // an error here says that it has ended already
	<-s.done
}

// Restart starts the servers again on the ports that they had, after Kill.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.mu.Lock()
	s.settings.Ports = s.ports
	s.mu.Unlock()
	s.start()
}

func (s *Server) start() {
	s.t.Helper()
	settings, err := json.Marshal(s.settings)
	if err != nil {
		s.t.Fatalf("settings of the server: %v", err)
	}
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "testdata", "server.js")
	modules := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "slice", "node_modules")
	s.process = exec.Command("node", script, string(settings))
	s.process.Env = append(os.Environ(), "NODE_PATH="+modules+string(filepath.ListSeparator)+os.Getenv("NODE_PATH"))
	s.process.Stderr = &s.stderr
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		s.t.Fatalf("start node: %v", err)
	}
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		s.t.Fatalf("start node: %v", err)
	}
	s.mu.Lock()
	s.ports, s.connected, s.total = nil, map[int]int{}, map[int]int{}
	s.changed = make(chan struct{})
	s.mu.Unlock()
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("start node: %v", err)
	}
	s.done = make(chan struct{})
	go s.follow(s.process, stdout, s.done)
	s.wait("the servers to listen", func() bool { return s.ports != nil })
}

// follow keeps what the process tells, until it ends.
func (s *Server) follow(process *exec.Cmd, stdout io.Reader, done chan struct{}) {
	defer close(done)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var told struct {
			Ports                    []int
			Server, Connected, Total int
		}
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			continue // not one of ours: a warning of node's
		}
		s.mu.Lock()
		if told.Ports != nil {
			s.ports = told.Ports
		} else {
			s.connected[told.Server], s.total[told.Server] = told.Connected, told.Total
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
	_ = process.Wait() // it is killed, or its words are on stderr
}

// wait returns when the condition, asked with the lock held, is true.
func (s *Server) wait(what string, condition func() bool) {
	s.t.Helper()
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		s.mu.Lock()
		met, changed := condition(), s.changed
		s.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
		case <-s.done:
			s.t.Fatalf("waiting for %s: the server ended: %s", what, s.stderr.String())
		case <-patience.C:
			s.t.Fatalf("waited %s for %s in vain", Patience, what)
		}
	}
}

func (s *Server) command(command any) {
	s.t.Helper()
	line, err := json.Marshal(command)
	if err != nil {
		s.t.Fatalf("command: %v", err)
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		s.t.Fatalf("command %s: %v", line, err)
	}
}
