package cgroup_test

import (
	"os"
	"path/filepath"
	"testing"

	"slicegate/runner/cgroup"
)

// tree writes files below a directory of the test's.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestAvailable(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"proc/meminfo": "MemTotal:       64000 kB\nMemFree:   10 kB\nMemAvailable:   48000 kB\n"})
	if free, err := (cgroup.Memory{Root: root}).Available(); err != nil || free != 48000<<10 {
		t.Errorf("%d, %v", free, err)
	}
	if free, err := (cgroup.Memory{Root: "/"}).Available(); err != nil || free <= 0 {
		t.Errorf("of this machine: %d, %v", free, err)
	}
	if _, err := (cgroup.Memory{Root: tree(t, map[string]string{"proc/meminfo": "MemTotal: 1 kB\n"})}).Available(); err == nil {
		t.Error("what is not said is no error")
	}
}
