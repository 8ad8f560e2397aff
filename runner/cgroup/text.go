package cgroup

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// text is the content of one kernel file at a time, in memory that is used again: hundreds of
// them are read in every sample.
type text struct{ content, room []byte }

var texts = sync.Pool{New: func() any { return &text{room: make([]byte, 16<<10)} }}

func borrow() *text { return texts.Get().(*text) }

func (t *text) giveBack() { texts.Put(t) }

// read reads a whole file. Go's os.File costs as much again, for a poller that such files do not have.
func (t *text) read(path string) error {
	t.content = nil
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	length := 0
	for {
		n, err := retried(func() (int, error) { return unix.Read(fd, t.room[length:]) })
		if err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			t.content = t.room[:length]
			return nil
		}
		if length += n; length == len(t.room) {
			t.room = append(t.room, make([]byte, len(t.room))...)
		}
	}
}

// retried repeats a call that a signal broke off.
func retried(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// number reads a file that holds one number. "max", the kernel's word for no limit, is the largest.
func (t *text) number(path string) (int64, error) {
	if err := t.read(path); err != nil {
		return 0, err
	}
	word := bytes.TrimSpace(t.content)
	if string(word) == "max" {
		return unlimited, nil
	}
	value, err := strconv.ParseInt(string(word), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

const unlimited = 1<<63 - 1

// pairs are the lines of what was read whose first word is followed by a number.
func (t *text) pairs() iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		for rest := t.content; len(rest) > 0; {
			line := rest
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				line, rest = rest[:end], rest[end+1:]
			} else {
				rest = nil
			}
			end := bytes.IndexByte(line, ' ')
			if end < 0 {
				continue
			}
			if value, ok := leading(line[end:]); ok && !yield(line[:end], value) {
				return
			}
		}
	}
}

// leading is the number at the start of some text, past blanks.
func leading(text []byte) (value uint64, ok bool) {
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			value, ok = value*10+uint64(c-'0'), true
		case c != ' ' || ok:
			return value, ok
		}
	}
	return value, ok
}

// total is the total= of one line of a pressure file, in microseconds: "some" or "full".
func (t *text) total(of string) (microseconds uint64, ok bool) {
	start := bytes.Index(t.content, []byte(of+" "))
	if start < 0 {
		return 0, false
	}
	line := t.content[start:]
	at := bytes.Index(line, []byte("total="))
	if at < 0 {
		return 0, false
	}
	return leading(line[at+len("total="):])
}
