package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// enginePath is the runner's way to the Docker engine: a socket of ours, whose connections can be
// made slow, broken and refused.
type enginePath struct {
	listener net.Listener
	engine   string // the real one's socket
	serving  sync.WaitGroup

	mu       sync.Mutex
	delay    time.Duration
	refusing bool
	changed  chan struct{} // closed when delay is no longer what it was
	open     map[net.Conn]bool
}

// newEnginePath listens in a folder and forwards to the engine at host, unix://PATH.
func newEnginePath(dir, host string) (*enginePath, error) {
	socket, found := strings.CutPrefix(host, "unix://")
	if !found {
		return nil, errors.New("the way to the engine can only be disturbed on a Unix socket, not " + host)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "engine.sock"))
	if err != nil {
		return nil, err
	}
	p := &enginePath{listener: listener, engine: socket, changed: make(chan struct{}), open: map[net.Conn]bool{}}
	p.serving.Go(p.accept)
	return p, nil
}

func (p *enginePath) host() string { return "unix://" + p.listener.Addr().String() }

// slow holds each answer back for so long; zero ends it, for answers that are held back already too.
func (p *enginePath) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
	close(p.changed)
	p.changed = make(chan struct{})
}

// cut breaks every connection; refuse says whether new ones are refused from now on.
func (p *enginePath) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = refuse
	for conn := range p.open {
		conn.Close()
	}
}

func (p *enginePath) close() {
	p.listener.Close()
	p.slow(0)
	p.cut(true)
	p.serving.Wait()
}

func (p *enginePath) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serving.Go(func() { p.serve(client) })
	}
}

func (p *enginePath) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.forget(client)
	engine, err := net.Dial("unix", p.engine)
	if err != nil {
		return
	}
	defer engine.Close()
	if !p.keep(engine) {
		return
	}
	defer p.forget(engine)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		io.Copy(engine, client)
		engine.(*net.UnixConn).CloseWrite()
	}()
	p.answer(client, engine)
	client.Close()
	<-ctx.Done()
}

// answer copies what the engine says, each piece after the delay of its moment.
func (p *enginePath) answer(client, engine net.Conn) {
	piece := make([]byte, 32<<10)
	for {
		n, err := engine.Read(piece)
		p.hold()
		if n > 0 {
			if _, err := client.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *enginePath) hold() {
	p.mu.Lock()
	delay, changed := p.delay, p.changed
	p.mu.Unlock()
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	}
}

func (p *enginePath) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.refusing {
		p.open[conn] = true
	}
	return !p.refusing
}

func (p *enginePath) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}
