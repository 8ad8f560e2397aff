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

// PrepareRolloutArgs asks a server to get ready for a rollout.
type PrepareRolloutArgs struct {
	Server  string `json:"server"`
	Rollout int64  `json:"rollout"`
}

// Kind names the job.
func (PrepareRolloutArgs) Kind() string { return "prepare_rollout" }

// InsertOpts sends the job to its server, once for each rollout.
func (a PrepareRolloutArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 10, UniqueOpts: onceEach}
}

// PrepareRollout sees that the server's engine has the new image, and gives every image that a
// slice has now a name that stays (PinnedName), in the engine and in the slice's row: the name
// that slices were made of may be the new image's by now, and there would be no way back.
type PrepareRollout struct {
	river.WorkerDefaults[PrepareRolloutArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Image string // SLICE_IMAGE
	Clock Clock
}

// NextRetry tries again soon.
func (w *PrepareRollout) NextRetry(job *river.Job[PrepareRolloutArgs]) time.Time {
	return soon(job.Attempt)
}

// Work names the images. What cannot be is why the server refuses.
func (w *PrepareRollout) Work(ctx context.Context, job *river.Job[PrepareRolloutArgs]) error {
	queries, args := store.New(w.Pool), job.Args
	rollout, err := queries.RolloutByID(ctx, args.Rollout)
	if err != nil {
		return fmt.Errorf("prepare rollout %d: %w", args.Rollout, err)
	}
	server, err := queries.RolloutServer(ctx, store.RolloutServerParams{Rollout: args.Rollout, Server: args.Server})
	if err != nil {
		return fmt.Errorf("prepare rollout %d: %w", args.Rollout, err)
	}
	if server.PreparedAt != nil || rollout.FinishedAt != nil {
		return nil
	}
	before, err := w.prepare(ctx, rollout, args.Server)
	var snooze *river.JobSnoozeError
	switch {
	case errors.As(err, &snooze):
		return err
	case isFatal(err):
		return errors.Join(w.tell(ctx, args, func(tx *store.Queries) (int64, error) {
			return tx.RefuseRolloutServer(ctx, store.RefuseRolloutServerParams{Rollout: args.Rollout, Server: args.Server, Error: err.Error()})
		}), river.JobCancel(fmt.Errorf("prepare rollout %d: %w", args.Rollout, err)))
	case err != nil:
		return fmt.Errorf("prepare rollout %d: %w", args.Rollout, err)
	}
	return w.tell(ctx, args, func(tx *store.Queries) (int64, error) {
		return tx.PrepareRolloutServer(ctx, store.PrepareRolloutServerParams{
			Rollout: args.Rollout, Server: args.Server, FromImage: before, Now: w.Clock(),
		})
	})
}

// prepare gives the image of new slices as it was before; nil if the rollout leaves that alone.
func (w *PrepareRollout) prepare(ctx context.Context, rollout store.Rollout, server string) (before *string, err error) {
	queries := store.New(w.Pool)
	if err := w.Hands.Containers.Name(ctx, rollout.ImageID, rollout.Image); err != nil {
		return nil, err
	}
	containers, err := w.Hands.Containers.Each(ctx)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	rows, err := queries.SlicesOfServer(ctx, server)
	if err != nil {
		return nil, err
	}
	if rollout.SliceID == nil {
		name, err := w.pinNew(ctx, server, rollout, containers)
		if err != nil {
			return nil, err
		}
		before = &name
	}
	for _, row := range rows {
		switch {
		case isPinned(row.Image), rollout.SliceID != nil && *rollout.SliceID != row.ID:
			continue
		case row.Status == "provisioning":
			return nil, river.JobSnooze(time.Second) // it is pinned when it is there
		}
		name, err := w.pin(ctx, row.ID, row.Image, containers)
		if err != nil {
			return nil, err
		}
		if _, err := queries.PinSliceImage(ctx, store.PinSliceImageParams{ID: row.ID, FromImage: row.Image, Image: name}); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// pin gives the image a name that stays which `image` named when the slice was made. Its container
// knows; for one that has none, that of the newest slice of the same name does. Where nobody was
// made of it, it is what the name stands for now; if it stands for nothing, there is nothing to keep.
func (w *PrepareRollout) pin(ctx context.Context, slice int64, image string, containers []Container) (string, error) {
	id, newest := "", int64(-1)
	for _, container := range containers {
		if container.Image == image && (container.Slice == slice || container.Slice > newest && newest != slice) {
			id, newest = container.ImageID, container.Slice
		}
	}
	if id == "" {
		var err error
		var missing *FatalError
		if id, err = w.Hands.Containers.Identify(ctx, image); errors.As(err, &missing) {
			return image, nil
		} else if err != nil {
			return "", err
		}
	}
	name := PinnedName(image, id)
	return name, w.Hands.Containers.Name(ctx, id, name)
}

// pinNew pins what new slices are made of until the rollout is done.
func (w *PrepareRollout) pinNew(ctx context.Context, server string, rollout store.Rollout, containers []Container) (string, error) {
	queries := store.New(w.Pool)
	set, err := queries.ImageOfNewSlices(ctx, store.ImageOfNewSlicesParams{Name: server, Configured: w.Image})
	if err != nil || isPinned(set.Image) {
		return set.Image, err
	}
	const nobody = 0
	name, err := w.pin(ctx, nobody, set.Image, containers)
	if err != nil {
		return "", err
	}
	if !isPinned(name) {
		name = rollout.Image // the engine does not have what is set: no slice can be made of it
	}
	_, err = queries.SetServerImage(ctx, store.SetServerImageParams{Name: server, Image: name})
	return name, err
}

// tell writes how far the server is and has the rollout look at it.
func (w *PrepareRollout) tell(ctx context.Context, args PrepareRolloutArgs, write func(*store.Queries) (int64, error)) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		changed, err := write(store.New(tx))
		if err != nil || changed == 0 {
			return err
		}
		return enqueue(ctx, tx, RolloutArgs{Rollout: args.Rollout, Asked: w.Clock()})
	})
}
