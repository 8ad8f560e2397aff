package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Watch tracks slices as their cgroups are made, before their processes have a network to send
// over, and attaches the programs again when the parent itself was made anew. It returns an error if
// the kernel grants no watch, and nil once ctx ends. What fails in between is told, and tried again
// at the next change and at each Read.
func (p *Probe) Watch(ctx context.Context) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return watchError(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buffer := make([]byte, 64<<10)
	for {
		// Whatever is made after this raises an event; whatever was made before is there to be seen.
		if err := watchPath(fd, p.config.Parent); err != nil {
			return watchError(err)
		}
		p.mu.Lock()
		_, err := p.putRight()
		p.mu.Unlock()
		if err != nil {
			p.config.Say(explain(err).Error())
		}
		// Which event came does not matter, nor that some may have been dropped: all is looked at.
		if _, err := events.Read(buffer); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return watchError(err)
		}
	}
}

// watchPath asks for events of what is made or removed in a directory and, so that it is noticed
// when it is removed or made itself, in the nearest one above that is there.
func watchPath(fd int, dir string) error {
	for above := filepath.Dir(dir); ; above = filepath.Dir(above) {
		err := watchDir(fd, above)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.ENOENT) || above == "/" {
			return err
		}
	}
	if err := watchDir(fd, dir); !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

func watchDir(fd int, dir string) error {
	_, err := unix.InotifyAddWatch(fd, dir, unix.IN_ONLYDIR|unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_TO)
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	return nil
}

func watchError(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("the kernel grants no further inotify watch: raise fs.inotify.max_user_watches: %w", err)
	case errors.Is(err, unix.EMFILE):
		return fmt.Errorf("the kernel grants no further inotify instance: raise fs.inotify.max_user_instances: %w", err)
	}
	return fmt.Errorf("watch the cgroups of slices: %w", err)
}
