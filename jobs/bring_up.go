package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// bringUp makes a slice's port, schema, directories and container be there, and its backend
// answer. `provision` does it for a new slice, `start` for one whose container has stopped.
type bringUp struct {
	pool  *pgxpool.Pool
	hands Hands
	ports []int // those that may be given out, in order
	clock Clock
}

// A backend gets this long from the start of its container until it answers.
const answerWithin = 3 * time.Minute

// How long one run of a job looks for an answer before it lets others have the worker.
const lookFor = 8 * time.Second

func (b bringUp) run(ctx context.Context, slice store.Slice) error {
	running, up, err := b.hands.Containers.Find(ctx, slice.ID)
	if err != nil {
		return fmt.Errorf("find container: %w", err)
	}
	if !up {
		if running, err = b.start(ctx, slice); err != nil {
			return err
		}
	}
	return b.awaitAnswer(ctx, slice, running)
}

func (b bringUp) start(ctx context.Context, slice store.Slice) (Running, error) {
	port, err := b.port(ctx, slice)
	if err != nil {
		return Running{}, fmt.Errorf("find port: %w", err)
	}
	url, err := b.hands.Schemas.Ensure(ctx, slice.ID)
	if err != nil {
		return Running{}, fmt.Errorf("make schema: %w", err)
	}
	directory, owner, err := b.hands.Directories.Ensure(ctx, slice.ID)
	if err != nil {
		return Running{}, fmt.Errorf("make directories: %w", err)
	}
	running, err := b.hands.Containers.Run(ctx, Spec{
		Slice: slice.ID, Image: slice.Image, Port: port, DatabaseURL: url, Directory: directory, Owner: owner,
	})
	if err != nil {
		return Running{}, fmt.Errorf("run container: %w", err)
	}
	return running, nil
}

// port keeps the slice's port, or finds one: the slice has none yet, or somebody else
// listens there while the slice is down.
func (b bringUp) port(ctx context.Context, slice store.Slice) (int, error) {
	if slice.Port != nil && b.hands.Ports.Free(int(*slice.Port)) {
		return int(*slice.Port), nil
	}
	var port int
	err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
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
		changed, err := queries.SetPort(ctx, store.SetPortParams{ID: slice.ID, Port: int32(port), Status: slice.Status})
		if err == nil && changed == 0 {
			err = fmt.Errorf("slice %d is no longer %s", slice.ID, slice.Status)
		}
		return err
	})
	return port, err
}

func (b bringUp) freePort(used []int32) int {
	taken := make(map[int]bool, len(used))
	for _, port := range used {
		taken[int(port)] = true
	}
	for _, port := range b.ports {
		if !taken[port] && b.hands.Ports.Free(port) {
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
func (b bringUp) awaitAnswer(ctx context.Context, slice store.Slice, running Running) error {
	look, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := b.hands.Containers.Status(look, running)
		if err == nil {
			return nil
		}
		if _, up, findErr := b.hands.Containers.Find(ctx, slice.ID); findErr == nil && !up {
			return &SliceError{&endedError{b.hands.Containers.LastWords(ctx, slice.ID)}}
		}
		select {
		case <-tick.C:
			continue
		case <-look.Done():
		}
		if ctx.Err() != nil {
			return fmt.Errorf("await answer: %w", ctx.Err())
		}
		if waited := b.clock().Sub(running.StartedAt); waited > answerWithin {
			return &SliceError{fmt.Errorf("no answer in %s: %w", waited.Round(time.Second), err)}
		}
		return river.JobSnooze(500 * time.Millisecond)
	}
}
