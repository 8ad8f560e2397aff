package events

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"time"

	"slicegate/functions/sse"
)

// batch is about how many bytes are written before a listener's bounds are checked again.
const batch = 64 << 10

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
		_, _ = w.Write([]byte(sse.Retry + "\n")) // a client that left needs no answer
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

	out, err := sse.Open(ctx, w, h.config.WriteTimeout)
	if err != nil {
		s.log.ErrorContext(ctx, "the server's responses take no write deadline", "error", err)
		refuse(w, http.StatusInternalServerError, "Internal error")
		return
	}
	defer out.Hurry()()
	first := []byte(sse.Retry + "id: " + s.id(position) + "\n\n")
	if reset {
		first = append([]byte(sse.Retry), encode("reset", s.id(position), []byte("{}"))...)
	}
	if _, err := out.Send(first); err != nil {
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
			sent, err := out.Send(frames...)
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
			if _, err := out.Send(sse.Comment); err != nil {
				h.gone(ctx, s, err)
				return
			}
		}
	}
	if errors.Is(context.Cause(ctx), errBye) {
		_ = out.Last([]byte("event: bye\ndata: {}\n\n")) // a client that left needs no bye
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

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message}) // a client that left needs no answer
}
