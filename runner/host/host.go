// Package host is the runner's hand on the server itself: the slices' directories and its
// loopback ports.
package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

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
