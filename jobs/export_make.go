package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/riverqueue/river"

	"slicegate/store"
)

// asleep is how long an export waits for a slice that is on its way up or down.
const asleep = 5 * time.Second

// make asks for the archive, writes it down, and tells the user of it.
func (w *Export) make(ctx context.Context, row store.Export, slice int64) (err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	source, limit, err := w.open(ctx, slice)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	media, err := w.Hands.Directories.MediaSize(ctx, slice)
	if err != nil {
		return fmt.Errorf("size of the media: %w", err)
	}
	if err := wanted(store.New(w.Pool).BeginExport(ctx, store.BeginExportParams{ID: row.ID, SliceID: slice, Expected: media})); err != nil {
		return err
	}
	file, err := w.Hands.Exports.Begin(row.ID, media)
	if err != nil {
		return fmt.Errorf("begin the file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Drop()) }()
	bytes, err := w.copy(ctx, stop, row.ID, source, file, limit)
	if err != nil {
		return err
	}
	if err := file.Keep(); err != nil {
		return fmt.Errorf("keep the file: %w", err)
	}
	if err := w.finish(ctx, row, bytes); err != nil {
		if errors.Is(err, errUnwanted) {
			return errors.Join(err, w.Hands.Exports.Remove(row.ID))
		}
		return err
	}
	return nil
}

// open asks the slice, or its image if it rests. The limit is the most that it may send, in bytes.
func (w *Export) open(ctx context.Context, slice int64) (source io.ReadCloser, limit int64, err error) {
	queries := store.New(w.Pool)
	extra, err := queries.ExtraStorageOf(ctx, slice)
	if err != nil && !store.IsNone(err) {
		return nil, 0, err
	}
	limit = w.Quota + int64(extra)<<30 + exportBesides
	row, err := queries.SliceByID(ctx, slice)
	if err != nil {
		return nil, 0, err
	}
	switch row.Status {
	case "assigned":
		source, err = w.askRunning(ctx, slice)
	case "suspended", "failed":
		source, err = w.askResting(ctx, slice)
	default:
		err = river.JobSnooze(asleep) // another run finds what that comes to
	}
	if errors.Is(err, ErrNoArchive) {
		err = &FatalError{err}
	}
	return source, limit, err
}

func (w *Export) askRunning(ctx context.Context, slice int64) (io.ReadCloser, error) {
	running, up, err := w.Hands.Containers.Find(ctx, slice)
	if err != nil {
		return nil, fmt.Errorf("find container: %w", err)
	}
	if !up {
		return nil, river.JobSnooze(asleep)
	}
	return w.Hands.Archives.OfRunning(ctx, running)
}

// askResting begins under the slice's lock: whatever starts the slice, or moves or deletes its data, has done so
// before this looks, or ends what this begins. The lock is not held on to: nobody waits for an export.
func (w *Export) askResting(ctx context.Context, slice int64) (source io.ReadCloser, err error) {
	free, err := ifFree(ctx, w.Pool, slice, func(held context.Context, row store.Slice) error {
		_, up, err := w.Hands.Containers.Find(held, slice)
		if err != nil {
			return fmt.Errorf("find container: %w", err)
		}
		if up || row.Status != "suspended" && row.Status != "failed" {
			return river.JobSnooze(asleep)
		}
		spec, err := w.resting(held, row)
		if err != nil {
			return err
		}
		source, err = w.Hands.Archives.OfResting(ctx, spec)
		return err
	})
	if err == nil && !free {
		err = river.JobSnooze(time.Second)
	}
	if err != nil && source != nil { // the lock was lost meanwhile
		return nil, errors.Join(err, source.Close())
	}
	return source, err
}

// resting is what a container of a slice that rests is made of. Nothing is made that is not there.
func (w *Export) resting(ctx context.Context, row store.Slice) (Spec, error) {
	if err := (BringUp{Hands: w.Hands}).dataThere(ctx, row); err != nil {
		return Spec{}, err
	}
	url, err := w.Hands.Schemas.Ensure(ctx, row.ID)
	if err != nil {
		return Spec{}, fmt.Errorf("schema: %w", err)
	}
	directory, owner, err := w.Hands.Directories.Ensure(ctx, row.ID)
	if err != nil {
		return Spec{}, fmt.Errorf("directories: %w", err)
	}
	return Spec{Slice: row.ID, Image: row.Image, DatabaseURL: url, Directory: directory, Owner: owner}, nil
}

// copy writes the archive down, and into the row every second how far it is.
func (w *Export) copy(ctx context.Context, stop context.CancelCauseFunc, export int64, source io.Reader, file io.Writer, limit int64) (bytes int64, err error) {
	queries, noted := store.New(w.Pool), w.Clock()
	heard, done := make(chan struct{}, 1), make(chan struct{})
	defer close(done)
	go w.listen(stop, heard, done)
	buffer := make([]byte, 256<<10)
	for {
		n, readErr := source.Read(buffer)
		select {
		case heard <- struct{}{}:
		default:
		}
		if _, err := file.Write(buffer[:n]); err != nil {
			return bytes, fmt.Errorf("write: %w", err)
		}
		if bytes += int64(n); bytes > limit {
			return bytes, &FatalError{fmt.Errorf("the slice sends more than %d bytes", limit)}
		}
		if errors.Is(readErr, io.EOF) {
			return bytes, nil
		}
		if readErr != nil {
			return bytes, fmt.Errorf("read: %w", errors.Join(readErr, context.Cause(ctx)))
		}
		if now := w.Clock(); now.Sub(noted) >= time.Second {
			noted = now
			if err := wanted(queries.NoteExportBytes(ctx, store.NoteExportBytesParams{ID: export, Bytes: bytes})); err != nil {
				return bytes, err
			}
		}
	}
}

// listen stops a copy whose slice has fallen silent.
func (w *Export) listen(stop context.CancelCauseFunc, heard, done <-chan struct{}) {
	after := w.After
	if after == nil {
		after = time.After
	}
	for {
		select {
		case <-heard:
		case <-done:
			return
		case <-after(exportSilence):
			stop(errors.New("the slice has fallen silent"))
			return
		}
	}
}

// wanted is an error once the row says that there is nothing to be made any more.
func wanted(changed int64, err error) error {
	if err == nil && changed == 0 {
		return errUnwanted
	}
	return err
}
