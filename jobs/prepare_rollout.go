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
	case err != nil && last(job.JobRow, err) && ctx.Err() == nil:
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

// prepare gives the image of new slices as it was before.
func (w *PrepareRollout) prepare(ctx context.Context, rollout store.Rollout, server string) (before string, err error) {
	images, queries := w.Hands.Containers, store.New(w.Pool)
	if err := images.Name(ctx, rollout.ImageID, rollout.Image); err != nil {
		return "", err
	}
	if before, err = w.pinNew(ctx, server, rollout); err != nil {
		return "", err
	}
	rows, err := queries.SlicesOfServer(ctx, server)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		switch {
		case isPinned(row.Image):
			continue
		case row.Status == "provisioning":
			return "", river.JobSnooze(time.Second) // it is pinned when it is there
		}
		image, err := w.pin(ctx, row)
		if err != nil {
			return "", err
		}
		if _, err := queries.PinSliceImage(ctx, store.PinSliceImageParams{ID: row.ID, FromImage: row.Image, Image: image}); err != nil {
			return "", err
		}
	}
	return before, nil
}

// pin names the image that the slice's container was made of, or would be.
func (w *PrepareRollout) pin(ctx context.Context, row store.Slice) (string, error) {
	container, there, err := w.Hands.Containers.Look(ctx, row.ID)
	if err != nil {
		return "", fmt.Errorf("look at slice %d: %w", row.ID, err)
	}
	id := container.ImageID
	if !there || container.Image != row.Image {
		id, err = w.Hands.Containers.Identify(ctx, row.Image)
		var missing *FatalError
		if errors.As(err, &missing) {
			return row.Image, nil // there is nothing to keep: it could not come up on it either
		}
		if err != nil {
			return "", err
		}
	}
	name := PinnedName(row.Image, id)
	return name, w.Hands.Containers.Name(ctx, id, name)
}

// pinNew pins what new slices are made of until the rollout is done: what the newest slice was
// made of, since SLICE_IMAGE may name the new image by now. Without any slice it is SLICE_IMAGE.
func (w *PrepareRollout) pinNew(ctx context.Context, server string, rollout store.Rollout) (string, error) {
	queries := store.New(w.Pool)
	set, err := queries.ImageOfNewSlices(ctx, store.ImageOfNewSlicesParams{Name: server, Configured: w.Image})
	if err != nil {
		return "", err
	}
	if isPinned(set.Image) {
		return set.Image, nil
	}
	name := rollout.Image
	rows, err := queries.SlicesOfServer(ctx, server)
	if err != nil {
		return "", err
	}
	if id, err := w.newest(ctx, rows); err != nil {
		return "", err
	} else if id != "" {
		name = PinnedName(set.Image, id)
		if err := w.Hands.Containers.Name(ctx, id, name); err != nil {
			return "", err
		}
	}
	_, err = queries.SetServerImage(ctx, store.SetServerImageParams{Name: server, Image: name})
	return name, err
}

// newest is the image, by its id, of the newest slice that has a container; or that of SLICE_IMAGE;
// or "" if the engine does not have that.
func (w *PrepareRollout) newest(ctx context.Context, rows []store.Slice) (string, error) {
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].Status != "available" && rows[i].Status != "assigned" {
			continue
		}
		container, there, err := w.Hands.Containers.Look(ctx, rows[i].ID)
		if err != nil {
			return "", err
		}
		if there {
			return container.ImageID, nil
		}
	}
	id, err := w.Hands.Containers.Identify(ctx, w.Image)
	var missing *FatalError
	if errors.As(err, &missing) {
		return "", nil
	}
	return id, err
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
