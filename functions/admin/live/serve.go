package live

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"slicegate/functions/sse"
)

// Stream is one that an operator's page opens. Who they are has been found out by the caller.
type Stream struct {
	Topic   Topic
	Session string // the same for all streams of a session; never logged
	// Holds is asked at every beat, and once the stream is entered: false ends it with a bye.
	Holds func(ctx context.Context) (bool, error)
	// Takes is the page's filter of what its topic has; nil: all of it.
	Takes func(about any) bool
	// Digest is that of what the page shows; empty: it is told everything.
	Digest string
	// Pull, where there is one, gives the stream's events in place of what Look finds of its topic. It is asked
	// at every poke of the topic, and at every beat.
	Pull func(ctx context.Context) (frames [][]byte, err error)
}

type stream struct {
	Stream
	board  *board
	reader reader
	end    context.CancelCauseFunc
}

// Serve answers a request with a stream until its reader leaves or it is ended.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, of Stream) {
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	s := &stream{Stream: of, end: end, reader: reader{takes: of.Takes, digest: of.Digest}}
	switch err := h.join(s); {
	case errors.Is(err, errClosed): // an EventSource gives up on an error, but comes back after a stream that ended
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(sse.Retry + "\n")) // a client that left needs no answer
		return
	case err != nil:
		http.Error(w, "Too many pages of this session are live: close some.", http.StatusTooManyRequests)
		return
	}
	defer h.leave(s)
	out, err := sse.Open(ctx, w, h.config.WriteTimeout)
	if err != nil {
		slog.ErrorContext(ctx, "the server's responses take no write deadline", "error", err.Error())
		http.Error(w, "Internal error. It has been recorded; please try again.", http.StatusInternalServerError)
		return
	}
	defer out.Hurry()()
	if err := h.tell(ctx, out, s); err != nil && ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		slog.DebugContext(ctx, "an operator's stream ends", "error", err.Error())
	}
	if errors.Is(context.Cause(ctx), errBye) {
		_ = out.Last([]byte("event: bye\ndata: {}\n\n")) // a client that left needs no bye
	}
}

func (h *Hub) tell(ctx context.Context, out *sse.Writer, s *stream) error {
	if _, err := out.Send([]byte(sse.Retry + "\n")); err != nil {
		return err
	}
	beat := time.NewTicker(h.config.Beat)
	defer beat.Stop()
	s.check(ctx) // it may have ended before it could be reached here
	h.mu.Lock()
	resets := s.board.resets
	h.mu.Unlock()
	for ctx.Err() == nil {
		h.mu.Lock()
		changed, ready, reset := s.board.changed, s.board.ready, s.board.resets
		var change Change
		if reset == resets && s.Pull == nil {
			change = s.board.read(&s.reader)
		}
		h.mu.Unlock()
		var frames [][]byte
		var err error
		switch {
		case reset != resets:
			resets, s.reader.shown = reset, nil
			frames = [][]byte{[]byte("event: reset\ndata: {}\n\n")}
		case s.Pull != nil:
			frames, err = s.Pull(ctx)
		case ready && !change.empty():
			frames = make([][]byte, 1)
			frames[0], err = sse.Event("change", change)
		}
		if err == nil && len(frames) > 0 {
			_, err = out.Send(frames...)
		}
		if err != nil {
			return err
		}
		if len(frames) > 0 {
			continue // more may have come meanwhile
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-beat.C:
			s.check(ctx)
			if _, err := out.Send(sse.Comment); err != nil {
				return err
			}
		}
	}
	return nil
}

// check ends the stream when its session does not hold any more, or that cannot be asked.
func (s *stream) check(ctx context.Context) {
	holds, err := s.Holds(ctx)
	switch {
	case err != nil:
		s.end(errUnsure)
	case !holds:
		s.end(errBye)
	}
}
