package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"slicegate/jobs"
)

// Exports implements jobs.ExportFiles below Root/exports: N.zip is the file of export N, and N-….part is one
// that is being written. The web server's group reads them, and nobody else but root.
type Exports struct {
	Root    string
	Group   int   // of the web server's workers; -1: the runner's own
	Reserve int64 // bytes that are left free on the disk
}

var _ jobs.ExportFiles = Exports{}

// After so many bytes it is looked whether the disk still has room.
const lookEvery = 16 << 20

// Begin implements jobs.ExportFiles.
func (e Exports) Begin(export, expected int64) (jobs.ExportFile, error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.remove(export, ".part"); err != nil {
		return nil, err
	}
	if err := e.room(expected); err != nil {
		return nil, err
	}
	// The name is another each time: a run that is believed dead, and goes on, writes into no other's file.
	file, err := os.CreateTemp(e.dir(), fmt.Sprintf("%d-*.part", export))
	if err != nil {
		return nil, full(err)
	}
	return &exportFile{File: file, exports: e, name: filepath.Join(e.dir(), fmt.Sprintf("%d.zip", export))}, nil
}

func (e Exports) open() error {
	if err := os.MkdirAll(e.dir(), 0o750); err != nil {
		return full(err)
	}
	return errors.Join(os.Chown(e.dir(), -1, e.Group), os.Chmod(e.dir(), 0o750))
}

// Each implements jobs.ExportFiles.
func (e Exports) Each() ([]int64, error) {
	entries, err := os.ReadDir(e.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []int64
	for _, entry := range entries {
		if id, ok := exportOf(entry.Name()); ok {
			all = append(all, id)
		}
	}
	return all, nil
}

// Remove implements jobs.ExportFiles.
func (e Exports) Remove(export int64) error { return e.remove(export, "") }

// remove deletes the files of an export whose names end so.
func (e Exports) remove(export int64, ending string) error {
	entries, err := os.ReadDir(e.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var failures []error
	for _, entry := range entries {
		if id, ok := exportOf(entry.Name()); ok && id == export && strings.HasSuffix(entry.Name(), ending) {
			if err := os.Remove(filepath.Join(e.dir(), entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// exportOf reads whose file has a name; others are none of ours.
func exportOf(name string) (int64, bool) {
	number, isWhole := strings.CutSuffix(name, ".zip")
	if !isWhole {
		rest, isPart := strings.CutSuffix(name, ".part")
		if number, _, _ = strings.Cut(rest, "-"); !isPart {
			return 0, false
		}
	}
	id, err := strconv.ParseInt(number, 10, 64)
	return id, err == nil
}

// room is an error unless the disk has so many bytes beside the reserve.
func (e Exports) room(bytes int64) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.dir(), &disk); err != nil {
		return err
	}
	if free := int64(disk.Bavail) * disk.Bsize; free-bytes < e.Reserve {
		return fmt.Errorf("%w: %d MB are free, and %d MB stay so", jobs.ErrNoRoom, free>>20, e.Reserve>>20)
	}
	return nil
}

func (e Exports) dir() string { return filepath.Join(e.Root, "exports") }

type exportFile struct {
	*os.File
	exports Exports
	name    string
	since   int64 // bytes since the disk was looked at
}

func (f *exportFile) Write(data []byte) (int, error) {
	n, err := f.File.Write(data)
	if err != nil {
		return n, full(err)
	}
	if f.since += int64(n); f.since >= lookEvery {
		f.since = 0
		return n, f.exports.room(0)
	}
	return n, nil
}

// Keep implements jobs.ExportFile.
func (f *exportFile) Keep() error {
	if err := errors.Join(f.Chown(-1, f.exports.Group), f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return full(err)
	}
	if err := os.Rename(f.Name(), f.name); err != nil {
		return err
	}
	// A name is on the disk when its directory is.
	dir, err := os.Open(f.exports.dir())
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Drop implements jobs.ExportFile.
func (f *exportFile) Drop() error {
	_ = f.Close() // it may be
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// full names a disk that is full, or a quota that is.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", jobs.ErrNoRoom, err)
	}
	return err
}
