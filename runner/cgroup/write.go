package cgroup

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// nudge is how often a write that should end is told so: one signal may come before the write does.
const nudge = 5 * time.Millisecond

// write writes one number to a kernel file, whose write may take long. If ctx ends it is broken off:
// reclaim looks for signals, and nothing else stops it, not even closing the file.
func write(ctx context.Context, path string, value int64) error {
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	content := []byte(strconv.FormatInt(value, 10))
	thread, written := make(chan int), make(chan error, 1)
	go func() {
		// The signal must find this thread, not the one that the goroutine is on by then.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		for {
			_, err := unix.Write(fd, content)
			// A signal that was meant for something else does not end it.
			if err == unix.EINTR && ctx.Err() == nil {
				continue
			}
			written <- err
			break
		}
		<-thread // closed: nobody will signal it any more
	}()
	id := <-thread
	defer close(thread)
	select {
	case err = <-written:
	case <-ctx.Done():
		ticker := time.NewTicker(nudge)
		defer ticker.Stop()
		for ended := false; !ended; {
			// SIGURG is Go's own signal to its threads: it does nothing but interrupt.
			_ = unix.Tgkill(os.Getpid(), id, unix.SIGURG)
			select {
			case err = <-written:
				ended = true
			case <-ticker.C:
			}
		}
	}
	switch err {
	case nil:
		return nil
	case unix.EINTR:
		return context.Cause(ctx)
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}
