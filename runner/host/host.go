// Package host is the runner's hand on the server itself: the slices' directories and its
// loopback ports.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"slicegate/jobs"
)

// firstOwner is the user and group id of slice 0; slice N has firstOwner+N. Debian gives out
// ids below 60000 to people and services, and systemd those from 61184 to 65519.
const firstOwner = 100_000

// Directories implements jobs.Directories below Root/slices.
type Directories struct{ Root string }

var _ jobs.Directories = Directories{}

// Ensure implements jobs.Directories.
func (d Directories) Ensure(_ context.Context, slice int64) (string, int, error) {
	path, owner := d.path(slice), firstOwner+int(slice)
	// Others may pass through to their own directory, and list nothing.
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return "", 0, err
	}
	for _, dir := range []string{path, filepath.Join(path, "media"), filepath.Join(path, "session")} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return "", 0, err
		}
		if err := os.Chown(dir, owner, owner); err != nil {
			return "", 0, fmt.Errorf("give %s to the slice's own user: %w", dir, err)
		}
	}
	return path, owner, nil
}

// Has implements jobs.Directories.
func (d Directories) Has(_ context.Context, slice int64) (bool, error) {
	_, err := os.Stat(filepath.Join(d.path(slice), "session"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Each implements jobs.Directories.
func (d Directories) Each(context.Context) ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(d.Root, "slices"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []int64
	for _, entry := range entries {
		if id, err := strconv.ParseInt(entry.Name(), 10, 64); err == nil {
			all = append(all, id)
		}
	}
	return all, nil
}

// Move implements jobs.Directories.
func (d Directories) Move(_ context.Context, from, to int64) error {
	source, target, owner := d.path(from), d.path(to), firstOwner+int(to)
	// The owner first: once the directory has its new name, nothing tells that this was not finished.
	err := filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("give %s to its new user: %w", source, err)
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return os.Rename(source, target)
}

// Size implements jobs.Directories. The slice is not trusted, and may turn its directories into
// links while they are read: nothing outside of them is.
func (d Directories) Size(ctx context.Context, slice int64) (int64, error) {
	return size(ctx, d.path(slice))
}

// MediaSize implements jobs.Directories.
func (d Directories) MediaSize(ctx context.Context, slice int64) (int64, error) {
	return size(ctx, filepath.Join(d.path(slice), "media"))
}

func size(ctx context.Context, path string) (bytes int64, err error) {
	root, err := os.OpenRoot(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = entry.Info(); err == nil {
				if stat, ok := info.Sys().(*syscall.Stat_t); ok {
					bytes += stat.Blocks * 512
				}
			}
		}
		if errors.Is(err, os.ErrNotExist) { // it was deleted meanwhile
			err = nil
		}
		return errors.Join(err, ctx.Err())
	})
	return bytes, err
}

// saidLimit is more than any state takes, in bytes.
const saidLimit = 4 << 10

// Said implements jobs.Directories. The slice is not trusted: what it wrote may be a link, a pipe or endless.
func (d Directories) Said(slice int64) (said jobs.Said, at time.Time, there bool, err error) {
	root, err := os.OpenRoot(filepath.Join(d.path(slice), "session"))
	if errors.Is(err, os.ErrNotExist) {
		return said, at, false, nil
	}
	if err != nil {
		return said, at, false, err
	}
	defer root.Close()
	file, err := root.OpenFile("status.json", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return said, at, false, nil
	}
	if err != nil {
		return said, at, false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return said, at, false, err
	}
	if !info.Mode().IsRegular() {
		return said, at, false, fmt.Errorf("status.json of slice %d is no file", slice)
	}
	if err := json.NewDecoder(io.LimitReader(file, saidLimit)).Decode(&said); err != nil {
		return said, at, false, fmt.Errorf("status.json of slice %d: %w", slice, err)
	}
	return said, info.ModTime(), true, nil
}

// Remove implements jobs.Directories.
func (d Directories) Remove(_ context.Context, slice int64) error { return os.RemoveAll(d.path(slice)) }

func (d Directories) path(slice int64) string {
	return filepath.Join(d.Root, "slices", strconv.FormatInt(slice, 10))
}

// Ports implements jobs.Ports on 127.0.0.1.
type Ports struct{}

var _ jobs.Ports = Ports{}

// Free implements jobs.Ports.
func (Ports) Free(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}
