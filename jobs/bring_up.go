package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// BringUp makes a slice's port, schema, directories and container be there, and its backend
// answer. `provision` does it for a new slice, `start` for one whose container has stopped.
type BringUp struct {
	Pool  *pgxpool.Pool
	Hands Hands
	Ports []int // those that may be given out, in order
	Turns Turns
	Quota int64 // of media, in bytes, beside what a user has bought
	Clock Clock
}

// A backend gets this long from the start of its container until it answers.
const answerWithin = 3 * time.Minute

// How long one run of a job looks for an answer before it lets others have the worker.
const lookFor = 8 * time.Second

// How long a slice waits before it asks again whether it is its turn.
const askTurnAfter = 2 * time.Second

func (b BringUp) run(ctx context.Context, slice store.Slice) error {
	running, up, err := b.Hands.Containers.Find(ctx, slice.ID)
	if err != nil {
		return fmt.Errorf("find container: %w", err)
	}
	if up {
		if _, err := b.Hands.Containers.Status(ctx, running); err == nil {
			return b.Turns.end(ctx, slice.ID)
		}
	}
	granted, err := b.Turns.ask(ctx, slice)
	if err != nil {
		return err
	}
	if !up && !granted {
		return river.JobSnooze(askTurnAfter)
	}
	err = b.startAndAwait(ctx, slice, running, up)
	var snooze *river.JobSnoozeError
	if errors.As(err, &snooze) {
		return err // it is still starting
	}
	return errors.Join(err, b.Turns.end(context.WithoutCancel(ctx), slice.ID))
}

func (b BringUp) startAndAwait(ctx context.Context, slice store.Slice, running Running, up bool) (err error) {
	if !up {
		if running, err = b.start(ctx, slice); err != nil {
			return err
		}
	}
	return b.awaitAnswer(ctx, slice, running)
}

// dataThere is an error if a slice that has been in use has lost its schema or directories:
// to make them anew would hide that everything in them is gone.
func (b BringUp) dataThere(ctx context.Context, slice store.Slice) error {
	if slice.Status == "provisioning" {
		return nil
	}
	for _, has := range []struct {
		what string
		ask  func(context.Context, int64) (bool, error)
	}{{"schema", b.Hands.Schemas.Has}, {"directories", b.Hands.Directories.Has}} {
		there, err := has.ask(ctx, slice.ID)
		if err != nil {
			return fmt.Errorf("look for %s: %w", has.what, err)
		}
		if !there {
			return &FatalError{fmt.Errorf("the slice's %s is gone: it is not made anew, put it back from the backup", has.what)}
		}
	}
	return nil
}

func (b BringUp) start(ctx context.Context, slice store.Slice) (Running, error) {
	if err := b.dataThere(ctx, slice); err != nil {
		return Running{}, err
	}
	port, err := b.port(ctx, slice)
	if err != nil {
		return Running{}, fmt.Errorf("find port: %w", err)
	}
	url, err := b.Hands.Schemas.Ensure(ctx, slice.ID)
	if err != nil {
		return Running{}, fmt.Errorf("make schema: %w", err)
	}
	directory, owner, err := b.Hands.Directories.Ensure(ctx, slice.ID)
	if err != nil {
		return Running{}, fmt.Errorf("make directories: %w", err)
	}
	quota, err := quotaOf(ctx, store.New(b.Pool), slice.ID, b.Quota)
	if err != nil {
		return Running{}, fmt.Errorf("find quota: %w", err)
	}
	running, err := b.Hands.Containers.Run(ctx, Spec{
		Slice: slice.ID, Image: slice.Image, Port: port, DatabaseURL: url, Directory: directory, Owner: owner, MediaQuota: quota,
	})
	if err != nil {
		return Running{}, fmt.Errorf("run container: %w", err)
	}
	return running, nil
}

// port keeps the slice's port, or finds one: the slice has none yet, or somebody else
// listens there while the slice is down.
func (b BringUp) port(ctx context.Context, slice store.Slice) (int, error) {
	if slice.Port != nil && b.Hands.Ports.Free(int(*slice.Port)) {
		return int(*slice.Port), nil
	}
	var port int
	err := pgx.BeginFunc(ctx, b.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.LockPool(ctx, slice.Server); err != nil {
			return err
		}
		used, err := queries.PortsInUse(ctx, slice.Server)
		if err != nil {
			return err
		}
		if port = b.freePort(used); port == 0 {
			return fmt.Errorf("every port of SLICE_PORTS is in use: make the range larger")
		}
		changed, err := queries.SetPort(ctx, store.SetPortParams{ID: slice.ID, Port: int32(port), Status: slice.Status, Version: slice.Version})
		return unless(changed, err)
	})
	return port, err
}

func (b BringUp) freePort(used []int32) int {
	taken := make(map[int]bool, len(used))
	for _, port := range used {
		taken[int(port)] = true
	}
	for _, port := range b.Ports {
		if !taken[port] && b.Hands.Ports.Free(port) {
			return port
		}
	}
	return 0
}

// endedError is a container that stopped before it answered.
type endedError struct{ lastWords string }

func (e *endedError) Error() string {
	return "the container stopped before it answered: " + e.lastWords
}

// awaitAnswer asks until the backend answers. A slow start snoozes, so that it does not keep
// a worker from other slices; a start that takes too long is an error.
func (b BringUp) awaitAnswer(ctx context.Context, slice store.Slice, running Running) error {
	look, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := b.Hands.Containers.Status(look, running)
		if err == nil {
			return nil
		}
		if _, up, findErr := b.Hands.Containers.Find(ctx, slice.ID); findErr == nil && !up {
			return &SliceError{&endedError{b.Hands.Containers.LastWords(ctx, slice.ID)}}
		}
		select {
		case <-tick.C:
			continue
		case <-look.Done():
		}
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) { // the run was too short, not the answer too late
			return fmt.Errorf("await answer: %w", context.Cause(ctx))
		}
		if waited := b.Clock().Sub(running.StartedAt); waited > answerWithin {
			return &SliceError{fmt.Errorf("no answer in %s: %w", waited.Round(time.Second), err)}
		}
		return river.JobSnooze(500 * time.Millisecond)
	}
}
