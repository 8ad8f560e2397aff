package probe

import (
	"path/filepath"
	"testing"
	"time"
)

func TestTheHierarchyIsFoundOnEveryKindOfHost(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]struct{ mountinfo, root string }{
		"version 2": {"22 1 0:20 / / rw - ext4 /dev/vda rw\n31 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup"},
		"hybrid": {"30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
			"40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/unified"},
		"a container's part of it beside": {"39 30 0:37 /slices/1 /mnt/part rw - cgroup2 cgroup2 rw\n40 30 0:37 / /my\\040groups rw - cgroup2 cgroup2 rw\n", "/my groups"},
		"version 1":                       {"34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", ""},
		"nonsense":                        {"\n - \n1 2 - cgroup2\n", ""},
	} {
		if root := findRoot(host.mountinfo); root != host.root {
			t.Errorf("%s: %q", name, root)
		}
	}
}

func TestParentInTheWordsOfBothDrivers(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	for engine, want := range map[string]string{
		"/slices": "slices", "/my-slices": "my-slices", "slices.slice": "slices.slice",
		"my-old-slices.slice": "my.slice/my-old.slice/my-old-slices.slice", "/a/b.slice": "a/b.slice",
	} {
		if got, err := Parent(engine); err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %s, %v", engine, got, err)
		}
	}
}

func TestTheLastTimeCountsWhatTheMachineSlept(t *testing.T) {
	t.Parallel()
	// Booted for an hour, most of it suspended: a packet half an hour ago by that clock was half an
	// hour ago.
	now := clock{wall: time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC), boot: uint64(time.Hour)}
	var s sums
	s[2], s[5] = uint64(30*time.Minute), uint64(time.Hour)+5 // the second is of just now, after the clock was read
	got := now.counters(s)
	if !got.User.Last.Equal(now.wall.Add(-30*time.Minute)) || !got.Platform.Last.Equal(now.wall) || !got.Upstream.Last.IsZero() {
		t.Errorf("%+v", got)
	}
}
