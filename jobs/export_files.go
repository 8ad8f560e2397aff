package jobs

import (
	"context"
	"errors"
	"io"
)

// ErrNoRoom is a disk that has no room for a file, or would have too little left for all else.
var ErrNoRoom = errors.New("the disk has no room for it")

// ErrNoArchive is an image that cannot give a slice's data.
var ErrNoArchive = errors.New("the image makes no export")

// Archives are the slices' own exports of all of their data: ZIP files that are made while they are read. A
// reader that ends with io.EOF has given one that is whole; ctx ends it, and so does Close.
type Archives interface {
	// OfRunning asks a slice that runs. Its user is not disturbed, and it is not taken to be in use.
	OfRunning(ctx context.Context, running Running) (io.ReadCloser, error)
	// OfResting asks the image of a slice that does not run, in a container of its own that changes nothing.
	// Containers.Run and Containers.Remove end it: whoever has the slice in hand is not held up.
	OfResting(ctx context.Context, spec Spec) (io.ReadCloser, error)
}

// ExportFiles are the files of this server's exports.
type ExportFiles interface {
	// Begin makes a file for an export of about so many bytes, and deletes what earlier runs have left of it.
	Begin(export, expected int64) (ExportFile, error)
	// Each lists the exports that have a file, whole or not.
	Each() ([]int64, error)
	// Remove deletes all files of an export; what is gone already is no error.
	Remove(export int64) error
}

// ExportFile is one that is written. An error of a disk that is full is ErrNoRoom.
type ExportFile interface {
	io.Writer
	// Keep makes what was written the export's file.
	Keep() error
	// Drop deletes what was written and is not kept.
	Drop() error
}
