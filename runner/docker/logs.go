package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"slicegate/runner/logs"
)

var _ logs.Containers = (*Engine)(nil)

// Follow implements logs.Containers.
func (e *Engine) Follow(ctx context.Context, slice int64, since time.Time, last int, each func(logs.Line)) error {
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true, Tail: strconv.Itoa(last)}
	if !since.IsZero() {
		options.Since = since.Format(time.RFC3339Nano)
	}
	stream, err := e.client.ContainerLogs(ctx, e.name(slice), options)
	if errdefs.IsNotFound(err) {
		return logs.ErrNone
	}
	if err != nil {
		return err
	}
	defer stream.Close()
	// Reading does not end with ctx by itself where the engine has nothing to say.
	defer context.AfterFunc(ctx, sync.OnceFunc(func() { _ = stream.Close() }))()
	out, failures := &lines{stream: "stdout", each: each}, &lines{stream: "stderr", each: each}
	_, err = stdcopy.StdCopy(out, failures, stream)
	out.end()
	failures.end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // the engine cut it off in the middle of a line
		return nil
	}
	return err
}

// lines cuts what a stream brings into lines, and forgets what of a line is longer than anybody is shown.
type lines struct {
	stream string
	each   func(logs.Line)
	line   []byte
}

// Room for the time that stands before each line.
const longestLine = logs.LongestLine + 64

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		l.line = append(l.line, part[:min(len(part), max(0, longestLine-len(l.line)))]...)
		if ended {
			l.end()
		}
		p = rest
	}
	return n, nil
}

// end hands over the line that has come so far.
func (l *lines) end() {
	if len(l.line) == 0 {
		return
	}
	stamp, text, _ := bytes.Cut(l.line, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		at, text = time.Now(), l.line
	}
	l.each(logs.Line{At: at, Stream: l.stream, Text: string(text)})
	l.line = l.line[:0]
}
