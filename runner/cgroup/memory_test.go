package cgroup_test

import (
	"os"
	"path/filepath"
	"testing"

	"slicegate/jobs"
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

func TestUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files             map[string]string
		resident, swapped int64
	}{
		"version 2": {map[string]string{
			"proc/7/cgroup": "0::/slices/abc\n",
			"sys/fs/cgroup/slices/abc/memory.current": "1000\n", "sys/fs/cgroup/slices/abc/memory.swap.current": "200\n",
		}, 1000, 200},
		"version 2 without swap": {map[string]string{
			"proc/7/cgroup": "0::/slices/abc\n", "sys/fs/cgroup/slices/abc/memory.current": "1000\n",
		}, 1000, 0},
		"hybrid": {map[string]string{
			"proc/7/cgroup": "5:memory:/slices/abc\n1:name=systemd:/other\n0::/unified\n",
			"sys/fs/cgroup/memory/slices/abc/memory.usage_in_bytes": "1000\n", "sys/fs/cgroup/memory/slices/abc/memory.memsw.usage_in_bytes": "1300\n",
		}, 1000, 300},
	} {
		resident, swapped, err := cgroup.Memory{Root: tree(t, test.files)}.Used(jobs.Container{PID: 7})
		if err != nil || resident != test.resident || swapped != test.swapped {
			t.Errorf("%s: %d, %d, %v", name, resident, swapped, err)
		}
	}
	if _, _, err := (cgroup.Memory{Root: t.TempDir()}).Used(jobs.Container{PID: 7}); err == nil {
		t.Error("a process that is not there uses no memory without an error")
	}
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
