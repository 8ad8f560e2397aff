// Package sse writes an event stream to one reader. It never waits for a reader longer than it is told, and
// leaves no write behind when a stream is ended.
package sse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// endTimeout is how long a stream that is being ended may take over its last bytes.
	endTimeout = time.Second

	// Retry is how every stream begins: an EventSource that loses it comes back after so long.
	Retry = "retry: 2000\n"
)

// Comment is what a quiet stream says, so that nobody on the way takes it for dead.
var Comment = []byte(":\n\n")

// Writer writes to one reader.
type Writer struct {
	ctx      context.Context
	response http.ResponseWriter
	control  *http.ResponseController
	timeout  time.Duration
}

// Open begins a stream that ends with ctx; timeout is how long its reader may take no bytes. The error is of a
// server whose responses take no write deadline: without one a single reader could hold a write for ever.
func Open(ctx context.Context, w http.ResponseWriter, timeout time.Duration) (*Writer, error) {
	o := &Writer{ctx: ctx, response: w, control: http.NewResponseController(w), timeout: timeout}
	if err := o.deadline(); err != nil {
		return nil, err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	header.Set("Connection", "close")          // the deadlines set here must not meet another request
	_ = o.control.SetReadDeadline(time.Time{}) // a server's ReadTimeout would end the stream; none is fine too
	return o, nil
}

// Hurry shortens a write under way when the stream ends; what it gives must be called at the end.
func (o *Writer) Hurry() (stop func()) {
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

func (o *Writer) deadline() error {
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

// Send writes frames, no more of them once the stream has ended, and tells how many.
func (o *Writer) Send(frames ...[]byte) (sent int, err error) {
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

// Last writes a frame although the stream has ended.
func (o *Writer) Last(frame []byte) error {
	if err := o.deadline(); err != nil {
		return err
	}
	if _, err := o.response.Write(frame); err != nil {
		return err
	}
	return o.control.Flush()
}

// Event is a frame of one line of JSON.
func Event(name string, data any) ([]byte, error) {
	frame := bytes.NewBufferString("event: " + name + "\ndata: ")
	encoder := json.NewEncoder(frame)
	encoder.SetEscapeHTML(false) // it is no page, and would be half as long again
	if err := encoder.Encode(data); err != nil {
		return nil, fmt.Errorf("event %s: %w", name, err)
	}
	frame.WriteByte('\n') // Encode has written the first
	return frame.Bytes(), nil
}
