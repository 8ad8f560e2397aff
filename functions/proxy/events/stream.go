package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"slicegate/functions/proxy/socketio"
)

// maxEvent is the longest data of an event that is passed on, in bytes of compact JSON.
const maxEvent = 256 << 10

// stream is the events of one slice, from the upstream connection into a ring from which
// every listener reads at its own pace. Each time the upstream connection is made the stream
// says reset, since events may have passed unseen before.
type stream struct {
	slice int64
	port  int
	epoch string // random, so that no position of another stream is taken for one of this
	log   *slog.Logger
	now   func() time.Time
	close context.CancelFunc // ends the upstream connection

	// Guarded by Hub.mu.
	listeners map[*listener]struct{}
	stay      context.CancelFunc // calls the closing off, while nobody listens

	mu        sync.Mutex
	ring      ring
	changed   chan struct{} // closed and replaced whenever something below or in ring changes
	connected bool
	since     uint64 // the position right after which the present connection's events begin
}

func newStream(config Config, slice int64, port int, close context.CancelFunc) *stream {
	return &stream{
		slice:     slice,
		port:      port,
		epoch:     rand.Text()[:13],
		log:       config.Log.With("slice", slice),
		now:       config.Now,
		close:     close,
		listeners: map[*listener]struct{}{},
		stay:      func() {},
		ring:      ring{maxFrames: config.ReplayEvents, maxBytes: config.ReplayBytes, maxAge: config.Replay},
		changed:   make(chan struct{}),
	}
}

// begin gives the position from which a new listener reads, and whether it must be told
// reset first. A listener that cannot be resumed waits a moment for the upstream connection,
// so that what it fetches afterwards and what it then hears leave nothing out.
func (s *stream) begin(ctx context.Context, lastEventID string, patience time.Duration) (position uint64, reset bool) {
	s.mu.Lock()
	s.ring.expire(s.now())
	if position, ok := s.position(lastEventID); ok && s.ring.reaches(position) {
		s.mu.Unlock()
		return position, false
	}
	reset = lastEventID != ""
	position, connected, changed := s.ring.head, s.connected, s.changed
	s.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !connected {
		select {
		case <-changed:
		case <-timer.C:
			return position, reset
		case <-ctx.Done():
			return position, reset
		}
		s.mu.Lock()
		if connected = s.connected; connected {
			position = s.since
		}
		changed = s.changed
		s.mu.Unlock()
	}
	return position, reset
}

// position reads an id of this stream.
func (s *stream) position(id string) (uint64, bool) {
	number, ours := strings.CutPrefix(id, s.epoch+"-")
	position, err := strconv.ParseUint(number, 10, 64)
	return position, ours && err == nil
}

func (s *stream) id(position uint64) string {
	return s.epoch + "-" + strconv.FormatUint(position, 10)
}

// after gives the frames that follow a position, or a channel that closes when there may be
// some. ok is false when the listener fell so far behind that frames are gone.
func (s *stream) after(position uint64, limit int) (frames [][]byte, changed <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ring.reaches(position) {
		return nil, nil, false
	}
	return s.ring.after(position, limit), s.changed, true
}

// onConnected, onLost and onEvent are the callbacks of the upstream connection.
func (s *stream) onConnected() {
	s.log.Debug("listening to the slice's events")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = true
	s.since = s.ring.head + 1
	s.append("reset", []byte("{}"))
}

func (s *stream) onLost(err error) {
	s.mu.Lock()
	was := s.connected
	s.connected = false
	s.mu.Unlock()
	level := slog.LevelDebug // a slice that is down would fill the log with every attempt
	if was {
		level = slog.LevelInfo
	}
	s.log.Log(context.Background(), level, "no connection to the slice's events", "error", err)
}

func (s *stream) onEvent(event socketio.Event) {
	if !passes(event.Name) {
		s.log.Debug("event with a foreign name from the slice", "length", len(event.Name))
		return
	}
	data := bytes.NewBufferString("{}")
	if len(event.Args) > 0 {
		data.Reset()
		// One line without a break, whatever the slice wrote: valid JSON has none in its texts.
		if err := json.Compact(data, event.Args[0]); err != nil {
			s.log.Debug("event without JSON from the slice", "error", err)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if data.Len() > maxEvent {
		s.append("reset", []byte("{}"))
		return
	}
	s.append(event.Name, data.Bytes())
}

// announce adds an event of ours to the slice's.
func (s *stream) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.append("announcements", []byte("{}"))
}

// append adds a frame and wakes the listeners; mu is held.
func (s *stream) append(name string, data []byte) {
	s.ring.append(encode(name, s.id(s.ring.head+1), data), s.now())
	close(s.changed)
	s.changed = make(chan struct{})
}

// passes says whether the slice contract has an event of that name; reset, bye and announcements are ours.
func passes(name string) bool {
	switch name {
	case "status", "qr", "sync", "message", "message_ack", "contact", "chat":
		return true
	}
	return false
}

// encode makes an SSE event of one line of data.
func encode(name, id string, data []byte) []byte {
	return fmt.Appendf(nil, "event: %s\nid: %s\ndata: %s\n\n", name, id, data)
}
