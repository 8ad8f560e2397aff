package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/runner/firewall"
)

// sweep removes what a stopped engine leaves of itself: shims, firewall rules, bridges,
// mounts and empty control groups.
func (d daemon) sweep(ctx context.Context, bridges, groups []string) error {
	if !slices.Contains(bridges, "docker0") {
		bridges = append(bridges, "docker0")
	}
	failures := []error{d.endProcesses(), d.sweepFirewall(ctx, bridges)}
	for _, name := range bridges {
		if err := removeBridge(name); err != nil {
			failures = append(failures, fmt.Errorf("remove bridge %s: %w", name, err))
		}
	}
	failures = append(failures, firewall.Sweep(ctx), d.unmount(), d.sweepPins())
	removeGroups(append(groups, "docker", "slices", "slices.slice")...)
	for _, name := range []string{d.socket(), d.pidFile(), d.settings()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(append(failures, os.RemoveAll(d.path("engine")))...)
}

// endProcesses ends a containerd and the shims that a killed dockerd left: their
// arguments name our folder.
func (d daemon) endProcesses() error {
	var failures []error
	matches, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, match := range matches {
		arguments, err := os.ReadFile(match)
		if err != nil || !strings.Contains(string(arguments), d.path("engine")+"/") {
			continue
		}
		program, _, _ := strings.Cut(string(arguments), "\x00")
		if !strings.HasPrefix(filepath.Base(program), "containerd") {
			continue
		}
		var pid int
		fmt.Sscanf(match, "/proc/%d/", &pid)
		failures = append(failures, end(pid, syscall.SIGTERM, 10*time.Second))
	}
	return errors.Join(failures...)
}

func removeBridge(name string) error {
	if _, err := os.Stat(filepath.Join("/sys/class/net", name, "bridge")); err != nil {
		return nil
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(0) // no IFF_UP: a bridge must be down to be removed
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return err
	}
	return removeBridgeDevice(socket, name)
}

// unmount takes down what is still mounted below the engine's folders, the deepest first.
func (d daemon) unmount() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			point := fields[4]
			if strings.HasPrefix(point+"/", d.DataDir+"/") || strings.HasPrefix(point+"/", d.path("engine")+"/") {
				points = append(points, point)
			}
		}
	}
	slices.SortFunc(points, func(a, b string) int { return len(b) - len(a) })
	var failures []error
	for _, point := range points {
		failures = append(failures, unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
	}
	return errors.Join(failures...)
}

// removeGroups removes those parents of containers' control groups in every hierarchy
// that are empty; the kernel refuses those that hold a process.
func removeGroups(names ...string) {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		for _, name := range names {
			if strings.Trim(name, "/") == "" {
				continue
			}
			parents, _ := filepath.Glob(filepath.Join(root, name))
			for _, parent := range parents {
				removeGroup(parent)
			}
		}
	}
}

func removeGroup(path string) {
	var dirs []string
	filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		syscall.Rmdir(dir)
	}
}
