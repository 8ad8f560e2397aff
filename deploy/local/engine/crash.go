package engine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Crash kills the shared engine's dockerd and starts it again, as its supervisor does on a server;
// containers run on meanwhile. For tests of what that does to everybody else.
func (e *Engine) Crash(ctx context.Context, down time.Duration) error {
	if e.seat == nil {
		return errors.New("this engine is the machine's own")
	}
	// Nobody who comes now must find it down and start a second one.
	door, err := e.seat.roster.lock(ctx, "engine.door", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer door.Close()
	d := daemon{e.options}
	pid := d.running()
	if pid == 0 {
		return errors.New("the engine does not run")
	}
	if err := end(pid, syscall.SIGKILL, 10*time.Second); err != nil {
		return err
	}
	timer := time.NewTimer(down)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // it must come back all the same
	}
	// A supervisor tries again where its first start fails: on a busy machine dockerd gives its containerd too
	// little time.
	for try := 1; ; try++ {
		err := d.start(context.WithoutCancel(ctx))
		if err == nil {
			return nil
		}
		if try == 3 {
			return fmt.Errorf("start the engine again: %w", err)
		}
	}
}
