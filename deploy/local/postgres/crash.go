package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// clear undoes what a killed predecessor left. Whoever starts a cluster holds its state's
// lock, so a server that still works in the folder is an orphan: it is ended. Then the
// pid files are stale whatever process has that number now, and go.
func (c Config) clear(ctx context.Context) error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		gone, err := c.endOrphans(ctx, signal)
		if err != nil {
			return err
		}
		if gone {
			break
		}
	}
	stale := []string{filepath.Join(c.DataDir, "postmaster.pid")}
	for _, dir := range []string{c.Sockets, c.SliceSockets} {
		// The folder itself stays: slices that still run have it mounted.
		stale = append(stale, filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port)), filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port)+".lock"))
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// endOrphans signals every process whose working folder is the data folder, as that of
// every Postgres process is, and says whether they were gone within five seconds.
func (c Config) endOrphans(ctx context.Context, signal syscall.Signal) (bool, error) {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for sent := false; ; sent = true {
		orphans := c.orphans()
		if len(orphans) == 0 {
			return true, nil
		}
		if !sent {
			for _, pid := range orphans {
				syscall.Kill(pid, signal)
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline.C:
			return false, nil
		case <-ticker.C:
		}
	}
}

func (c Config) orphans() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		if err == nil && dir == c.DataDir {
			found = append(found, pid)
		}
	}
	return found
}
