// Package events is the way of a slice's events to the browsers: one Socket.IO connection
// per slice that somebody listens to, many SSE streams out of it. It knows nothing of
// Postgres or of who may listen, and it never asks a slice anything.
package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"slicegate/functions/proxy/socketio"
)

// ErrGone is what Config.Address answers when the slice has left that port: its streams are
// ended, and the clients come back to be told where they belong now.
var ErrGone = errors.New("the slice has left this port")

// Config of a Hub. Address is needed; every other zero value stands for the default.
type Config struct {
	// Address gives the address (http://127.0.0.1:5001) of a slice. It is asked before every
	// attempt to connect and should answer ErrGone when the port is no longer the slice's:
	// ports are used again, and one user must not hear another's slice.
	Address func(ctx context.Context, sliceID int64, port int) (string, error)
	// Log is where the hub's words go; slog's default logger.
	Log *slog.Logger
	// Now is the clock by which events grow too old to be replayed; time.Now.
	Now func() time.Time

	Linger       time.Duration // how long the upstream connection outlives its last listener; 90 s
	Replay       time.Duration // how long events are kept to be replayed; 60 s
	ReplayEvents int           // and how many of them per slice; 2048
	ReplayBytes  int           // and how many bytes of them per slice; 2 MiB
	Heartbeat    time.Duration // the pause after which a quiet stream carries a comment; 15 s
	WriteTimeout time.Duration // how long a listener may take no bytes before it is dropped; 10 s
	ConnectWait  time.Duration // how long a new listener waits for the upstream connection; 1 s
	MaxAge       time.Duration // a stream ends after it, to be authenticated again; 1 h
	PerSession   int           // listeners of one session to one slice; 8
	PerSlice     int           // listeners to one slice; 32
}

// Stats are counts of a Hub.
type Stats struct {
	Slices    int    // slices with an upstream connection, made or attempted
	Connected int    // those of them that are connected now
	Listeners int    // open streams
	Dropped   uint64 // listeners dropped for not reading, ever
}

// Hub connects slices and listeners. It is safe for concurrent use.
type Hub struct {
	config  Config
	dropped atomic.Uint64
	running sync.WaitGroup // upstream connections, listeners, lingering

	mu      sync.Mutex
	closed  bool
	streams map[int64]*stream // by slice
}

// The reasons for which a stream ends, by which its last words are chosen.
var (
	errBye     = errors.New("the session has ended")
	errMoved   = errors.New("the slice has moved")
	errClosed  = errors.New("the hub is shut down")
	errAged    = errors.New("the stream has reached its age")
	errTooMany = errors.New("too many event streams are open")
)

// New makes a Hub. It is ended by Shutdown.
func New(config Config) *Hub {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	byDefault(&config.Linger, 90*time.Second)
	byDefault(&config.Replay, time.Minute)
	byDefault(&config.ReplayEvents, 2048)
	byDefault(&config.ReplayBytes, 2<<20)
	byDefault(&config.Heartbeat, 15*time.Second)
	byDefault(&config.WriteTimeout, 10*time.Second)
	byDefault(&config.ConnectWait, time.Second)
	byDefault(&config.MaxAge, time.Hour)
	byDefault(&config.PerSession, 8)
	byDefault(&config.PerSlice, 32)
	return &Hub{config: config, streams: map[int64]*stream{}}
}

func byDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// EndSession says bye to the streams of a session and ends them.
func (h *Hub) EndSession(session string) {
	h.end(errBye, func(access Access) bool { return access.Session == session })
}

// EndUser says bye to the streams of all sessions of a user and ends them.
func (h *Hub) EndUser(user int64) {
	h.end(errBye, func(access Access) bool { return access.UserID == user })
}

// EndSlice ends the upstream connection of a slice and the streams from it. Their clients
// come back by themselves: call it when a slice moves, changes hands or is destroyed.
func (h *Hub) EndSlice(slice int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.streams[slice]; s != nil {
		h.closeStream(s, errMoved)
	}
}

// EndAll ends every stream; the clients come back by themselves and are authenticated anew.
// Call it when logouts may have been missed.
func (h *Hub) EndAll() {
	h.end(errMoved, func(Access) bool { return true })
}

// Announce tells every listener that something is announced to all, or no longer is: they ask what.
func (h *Hub) Announce() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		s.announce()
	}
}

// Shutdown ends everything and waits for it, at most until ctx ends. It must come before
// the shutdown of the HTTP server, which waits for open streams.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	for _, s := range h.streams {
		h.closeStream(s, errClosed)
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end the event streams: %w", ctx.Err())
	}
}

// Stats counts what is open now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := Stats{Slices: len(h.streams), Dropped: h.dropped.Load()}
	for _, s := range h.streams {
		stats.Listeners += len(s.listeners)
		s.mu.Lock()
		if s.connected {
			stats.Connected++
		}
		s.mu.Unlock()
	}
	return stats
}

func (h *Hub) end(reason error, which func(Access) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		for l := range s.listeners {
			if which(l.access) {
				l.end(reason)
			}
		}
	}
}

// join enters a listener, opening the slice's stream if it is the first.
func (h *Hub) join(l *listener) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	s := h.streams[l.access.SliceID]
	if s != nil && s.port != l.access.Port {
		h.closeStream(s, errMoved)
		s = nil
	}
	if s == nil {
		s = h.openStream(l.access.SliceID, l.access.Port)
	}
	ofSession := 0
	for other := range s.listeners {
		if other.access.Session == l.access.Session {
			ofSession++
		}
	}
	if len(s.listeners) >= h.config.PerSlice || ofSession >= h.config.PerSession {
		return errTooMany
	}
	s.stay()
	s.listeners[l] = struct{}{}
	l.stream = s
	h.running.Add(1)
	return nil
}

// leave takes a listener out; the last one leaves the stream open for a while.
func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.running.Done()
	s := l.stream
	delete(s.listeners, l)
	if len(s.listeners) > 0 || h.streams[s.slice] != s {
		return
	}
	waiting, stay := context.WithCancel(context.Background())
	s.stay = stay
	h.running.Go(func() { h.linger(waiting, s) })
}

// linger closes the stream after a while, unless waiting ends before.
func (h *Hub) linger(waiting context.Context, s *stream) {
	timer := time.NewTimer(h.config.Linger)
	defer timer.Stop()
	select {
	case <-waiting.Done():
		return
	case <-timer.C:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if waiting.Err() == nil { // nobody came while we waited for the lock
		h.closeStream(s, nil)
	}
}

// openStream begins to listen to a slice; mu is held.
func (h *Hub) openStream(slice int64, port int) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := newStream(h.config, slice, port, cancel)
	h.streams[slice] = s
	upstream := socketio.Client{
		Address: func(ctx context.Context) (string, error) {
			address, err := h.config.Address(ctx, slice, port)
			if errors.Is(err, ErrGone) {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.closeStream(s, errMoved)
			}
			return address, err
		},
		Connected: s.onConnected,
		Event:     s.onEvent,
		Lost:      s.onLost,
	}
	h.running.Go(func() { upstream.Run(ctx) })
	return s
}

// closeStream ends the upstream connection and every listener; mu is held.
func (h *Hub) closeStream(s *stream, reason error) {
	if h.streams[s.slice] == s {
		delete(h.streams, s.slice)
	}
	s.close()
	s.stay()
	for l := range s.listeners {
		l.end(reason)
	}
}
