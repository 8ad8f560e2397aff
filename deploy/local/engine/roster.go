package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// roster says who uses a shared thing: everybody in holds a shared lock on one file, and
// the kernel drops it whatever way they go. A second lock, held for the moment only,
// keeps coming and going apart.
type roster struct{ dir string }

// seat is one holder's place.
type seat struct {
	roster roster
	in     *os.File
}

// enter takes a seat and runs start, which must see for itself whether there is anything
// to do. When start fails the seat is left and stop is run if nobody else is in.
func (r roster) enter(ctx context.Context, start, stop func(context.Context) error) (*seat, error) {
	door, err := r.lock(ctx, "engine.door", unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	in, err := r.lock(ctx, "engine.lock", unix.LOCK_SH)
	if err != nil {
		door.Close()
		return nil, err
	}
	s := &seat{r, in}
	err = start(ctx)
	door.Close()
	if err != nil {
		return nil, errors.Join(err, s.leave(context.WithoutCancel(ctx), stop))
	}
	return s, nil
}

// leave gives the seat up; whoever was the last runs stop.
func (s *seat) leave(ctx context.Context, stop func(context.Context) error) error {
	defer s.in.Close()
	door, err := s.roster.lock(ctx, "engine.door", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer door.Close()
	if err := flock(s.in, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil
		}
		return err
	}
	return stop(ctx)
}

// lock waits for a lock; the kernel has no wait that ends with ctx, so it asks repeatedly.
func (r roster) lock(ctx context.Context, name string, how int) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(r.dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := flock(file, how|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), ctx.Err())
		case <-ticker.C:
		}
	}
}

func flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
