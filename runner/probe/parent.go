package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Parent is the directory of the cgroup that an engine calls so: an absolute path below the root of
// the hierarchy ("/slices", its cgroupfs driver) or the name of a systemd slice ("slices.slice",
// its systemd driver; a dash in the name means a slice inside another).
func Parent(engine string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	name, isSlice := strings.CutSuffix(engine, ".slice")
	if !isSlice || strings.Contains(engine, "/") {
		return filepath.Join(root, engine), nil
	}
	path := root
	for i, char := range name + "-" { // a-b.slice is a.slice/a-b.slice
		if char == '-' {
			path = filepath.Join(path, name[:i]+".slice")
		}
	}
	return path, nil
}

// Root is where the cgroup version 2 hierarchy is mounted: /sys/fs/cgroup, or on hybrid hosts
// /sys/fs/cgroup/unified.
func Root() (string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	root := findRoot(string(content))
	if root == "" {
		return "", errors.New("no cgroup version 2 hierarchy is mounted: boot with systemd.unified_cgroup_hierarchy=1, or on a hybrid host mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified")
	}
	return root, nil
}

// findRoot reads a mountinfo, see proc(5).
func findRoot(mountinfo string) string {
	for line := range strings.Lines(mountinfo) {
		// 40 30 0:37 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
		before, after, _ := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if len(mount) > 4 && len(kind) > 0 && kind[0] == "cgroup2" && mount[3] == "/" {
			return unescape(mount[4])
		}
	}
	return ""
}

// unescape turns \040 back into a space, and the like.
func unescape(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if code, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return out.String()
}

// hierarchy is where the hierarchy of a group is mounted, and how deep below its root the group is.
func hierarchy(parent string) (root string, depth int, err error) {
	if root, err = Root(); err != nil {
		return "", 0, err
	}
	// The root of the whole hierarchy has the id 1; a cgroup namespace shows a lower group as root.
	if id, err := inode(root); err != nil {
		return "", 0, err
	} else if id != 1 {
		return "", 0, fmt.Errorf("%s is not the root of the cgroup hierarchy: run outside of containers and cgroup namespaces", root)
	}
	inside, err := filepath.Rel(root, parent)
	if err != nil || inside == "." || !filepath.IsLocal(inside) {
		return "", 0, fmt.Errorf("%s is not a group below %s, where the cgroup version 2 hierarchy is mounted", parent, root)
	}
	return root, strings.Count(inside, "/") + 1, nil
}

// makeParent makes an absent parent. The engine's cgroupfs driver uses it as it finds it; a .slice is
// systemd's to make.
func makeParent(config Config) error {
	if strings.HasSuffix(config.Parent, ".slice") {
		return nil
	}
	if err := os.MkdirAll(config.Parent, 0o755); err != nil {
		return fmt.Errorf("make the cgroup above the slices: %w", err)
	}
	return nil
}

// inode of a cgroup's directory is its id.
func inode(dir string) (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err != nil {
		return 0, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	return stat.Ino, nil
}

// groups are the ids of the groups right below a parent; none if there is no parent.
func groups(parent string) (map[uint64]bool, error) {
	ids := map[uint64]bool{}
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		id, err := inode(filepath.Join(parent, entry.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, nil
}

// groupOf is the path of a process's group in the version 2 hierarchy.
func groupOf(pid int) (string, error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) { // 0::/slices/ID
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(path, "\n"), nil
		}
	}
	return "", errors.New("it has none of version 2")
}
