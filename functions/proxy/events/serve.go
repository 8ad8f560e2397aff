package events

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"time"
)

const (
	// batch is about how many bytes are written before a listener's bounds are checked again.
	batch = 64 << 10
	// endTimeout is how long a stream that is being ended may take over its last bytes.
	endTimeout = time.Second

	retry = "retry: 2000\n"
)

// Access says who listens to which slice. The caller has authenticated it.
type Access struct {
	Session string // an opaque key, the same for all streams of a session; never logged
	UserID  int64
	SliceID int64
	Port    int // where the slice is published on this server
	// StillValid is asked once after the stream is entered, where EndSession and EndUser can
	// reach it, so that a logout between authentication and entry is not missed. nil is yes.
	StillValid func(context.Context) bool
}

type listener struct {
	access Access
	stream *stream
	end    context.CancelCauseFunc
}

// Serve answers one request with the slice's events until the client leaves or is ended.
// Over the limits it answers 429, and 401 if the access is no longer valid.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, access Access) {
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, h.config.MaxAge, errAged)
	defer cancel()

	l := &listener{access: access, end: end}
	switch err := h.join(l); {
	case errors.Is(err, errClosed):
		// An EventSource gives up on an error status, but comes back after a stream that ended.
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(retry + "\n")) // a client that left needs no answer
		return
	case err != nil:
		refuse(w, http.StatusTooManyRequests, "Too many event streams are open")
		return
	}
	defer h.leave(l)
	if access.StillValid != nil && !access.StillValid(ctx) {
		refuse(w, http.StatusUnauthorized, "Not authenticated")
		return
	}
	h.listen(ctx, w, r, l)
}

func (h *Hub) listen(ctx context.Context, w http.ResponseWriter, r *http.Request, l *listener) {
	s := l.stream
	position, reset := s.begin(ctx, r.Header.Get("Last-Event-ID"), h.config.ConnectWait)

	out := &writer{ctx: ctx, response: w, control: http.NewResponseController(w), timeout: h.config.WriteTimeout}
	if err := out.deadline(); err != nil { // without it one listener could hold a write for ever
		s.log.ErrorContext(ctx, "the server's responses take no write deadline", "error", err)
		refuse(w, http.StatusInternalServerError, "Internal error")
		return
	}
	defer out.hurry()()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	header.Set("Connection", "close")            // the deadlines set here must not meet another request
	_ = out.control.SetReadDeadline(time.Time{}) // a server's ReadTimeout would end the stream; none is fine too

	first := []byte(retry + "id: " + s.id(position) + "\n\n")
	if reset {
		first = append([]byte(retry), encode("reset", s.id(position), []byte("{}"))...)
	}
	if _, err := out.send(first); err != nil {
		h.gone(ctx, s, err)
		return
	}
	heartbeat := time.NewTicker(h.config.Heartbeat)
	defer heartbeat.Stop()
	for ctx.Err() == nil {
		frames, changed, ok := s.after(position, batch)
		if !ok {
			h.gone(ctx, s, errBehind)
			return
		}
		if len(frames) > 0 {
			sent, err := out.send(frames...)
			if err != nil {
				h.gone(ctx, s, err)
				return
			}
			position += uint64(sent)
			heartbeat.Reset(h.config.Heartbeat)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-heartbeat.C:
			if _, err := out.send([]byte(":\n\n")); err != nil {
				h.gone(ctx, s, err)
				return
			}
		}
	}
	if errors.Is(context.Cause(ctx), errBye) {
		_ = out.last([]byte("event: bye\ndata: {}\n\n")) // a client that left needs no bye
	}
}

var errBehind = errors.New("more events came than are kept")

// gone notes a listener that could not be written to, and counts it if it did not read: one
// whose client left gives another error, and one that was ended has a cause of ours.
func (h *Hub) gone(ctx context.Context, s *stream, err error) {
	cause := context.Cause(ctx)
	ended := cause != nil && !errors.Is(cause, context.Canceled)
	if !ended && (errors.Is(err, errBehind) || errors.Is(err, os.ErrDeadlineExceeded)) {
		h.dropped.Add(1)
	}
	s.log.DebugContext(ctx, "a listener is gone", "error", err)
}

// writer writes to one listener, never longer than its timeout allows.
type writer struct {
	ctx      context.Context
	response http.ResponseWriter
	control  *http.ResponseController
	timeout  time.Duration
}

// hurry shortens a write under way when ctx ends; what it gives must be called at the end.
func (o *writer) hurry() (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(o.ctx, func() {
		defer close(done)
		_ = o.deadline() // fails where the writes fail too
	})
	return func() {
		if !cancel() {
			<-done
		}
	}
}

func (o *writer) deadline() error {
	if o.ctx.Err() == nil {
		if err := o.control.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
			return err
		}
	}
	if o.ctx.Err() == nil {
		return nil
	}
	return o.control.SetWriteDeadline(time.Now().Add(min(o.timeout, endTimeout)))
}

// send writes frames, no more of them once ctx has ended, and tells how many.
func (o *writer) send(frames ...[]byte) (sent int, err error) {
	if err := o.deadline(); err != nil {
		return 0, err
	}
	for ; sent < len(frames) && o.ctx.Err() == nil; sent++ {
		if _, err := o.response.Write(frames[sent]); err != nil {
			return sent, err
		}
	}
	return sent, o.control.Flush()
}

// last writes a frame although ctx has ended.
func (o *writer) last(frame []byte) error {
	if err := o.deadline(); err != nil {
		return err
	}
	if _, err := o.response.Write(frame); err != nil {
		return err
	}
	return o.control.Flush()
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message}) // a client that left needs no answer
}
