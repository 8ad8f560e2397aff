package cgroup_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slicegate/runner/cgroup"
)

const pressureFile = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"

// hosts are the files of one group as each kind of host has them, and what they say.
var hosts = map[string]map[string]string{
	"version 2": {
		"proc/7/cgroup": "0::/slices/abc\n",
		"sys/fs/cgroup/slices/abc/memory.current":      "1000\n",
		"sys/fs/cgroup/slices/abc/memory.swap.current": "300\n",
		"sys/fs/cgroup/slices/abc/memory.stat":         "anon 500\nfile 400\nkernel 100\nworkingset_refault_anon 11\nworkingset_refault_file 12\n",
		"sys/fs/cgroup/slices/abc/memory.events":       "low 9\nhigh 9\nmax 9\noom 9\noom_kill 2\noom_group_kill 9\n",
		"sys/fs/cgroup/slices/abc/cpu.stat":            "usage_usec 2500000\nuser_usec 9\nsystem_usec 9\n",
		"sys/fs/cgroup/slices/abc/memory.pressure":     pressureFile,
	},
	"hybrid": {
		"proc/7/cgroup": "5:memory:/slices/abc\n3:cpu,cpuacct:/slices/abc\n1:name=systemd:/other\n0::/slices/abc\n",
		"sys/fs/cgroup/memory/slices/abc/memory.usage_in_bytes":       "1000\n",
		"sys/fs/cgroup/memory/slices/abc/memory.memsw.usage_in_bytes": "1300\n",
		"sys/fs/cgroup/memory/slices/abc/memory.stat": "cache 1\nrss 2\nworkingset_refault_anon 3\nworkingset_refault_file 4\n" +
			"total_cache 400\ntotal_rss 500\ntotal_workingset_refault_anon 11\ntotal_workingset_refault_file 12\n",
		"sys/fs/cgroup/memory/slices/abc/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"sys/fs/cgroup/unified/slices/abc/cpu.stat":          "usage_usec 2500000\n",
		"sys/fs/cgroup/unified/slices/abc/memory.pressure":   pressureFile,
	},
}

func TestUsageIsTheSameOfEachKindOfHost(t *testing.T) {
	t.Parallel()
	want := cgroup.Usage{
		Resident: 1000, Swapped: 300, Anon: 500, File: 400, RefaultAnon: 11, RefaultFile: 12,
		Pressure: 1500 * time.Millisecond, CPU: 2500 * time.Millisecond, OOMKills: 2,
	}
	for name, files := range hosts {
		root := tree(t, files)
		m := cgroup.Memory{Root: root}
		group, err := m.Group(7)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var stat syscall.Stat_t
		if err := syscall.Stat(group.String(), &stat); err != nil || group.ID != stat.Ino {
			t.Errorf("%s: id %d, inode %d of %s, %v", name, group.ID, stat.Ino, group, err)
		}
		usage, err := m.Usage(group)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if difference := cmp.Diff(want, usage); difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
		if err := os.Remove(group.String() + "/memory.pressure"); err != nil {
			t.Fatal(err)
		}
		if usage, err := m.Usage(group); err != nil || usage.Pressure != -1 {
			t.Errorf("%s: without PSI the pressure is %v, %v", name, usage.Pressure, err)
		}
		for _, file := range []string{"slices/abc/memory.swap.current", "memory/slices/abc/memory.memsw.usage_in_bytes"} {
			_ = os.Remove(root + "/sys/fs/cgroup/" + file) // a kernel that does not account for swap has neither
		}
		if usage, err := m.Usage(group); err != nil || usage.Resident != 1000 || usage.Swapped != 0 {
			t.Errorf("%s: without an account of swap: %+v, %v", name, usage, err)
		}
		if err := os.RemoveAll(root + "/sys"); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Usage(group); !errors.Is(err, cgroup.ErrGone) {
			t.Errorf("%s: usage of a group that is no more: %v", name, err)
		}
		if _, err := m.Group(7); !errors.Is(err, cgroup.ErrGone) {
			t.Errorf("%s: the group that is no more: %v", name, err)
		}
		if _, err := m.Group(8); !errors.Is(err, cgroup.ErrGone) {
			t.Errorf("%s: the group of a process that is no more: %v", name, err)
		}
	}
}

func TestServerReadsWhatTheKernelSays(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"proc/meminfo":              "MemTotal: 64 kB\nMemAvailable: 32 kB\nSwapTotal: 16 kB\nSwapFree: 8 kB\nZswap: 1 kB\n",
		"proc/vmstat":               "pgmajfault 5\noom_kill 6\npswpin 10\npswpout 20\nzswpin 1\nzswpout 2\nworkingset_refault_anon 3\nworkingset_refault_file 4\n",
		"proc/stat":                 "cpu  100 10 50 600 40 5 5 90 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 7 1\nbtime 1700000000\n",
		"proc/loadavg":              "0.52 1.04 12.00 3/456 789\n",
		"proc/pressure/memory":      pressureFile,
		"proc/pressure/cpu":         "some avg10=0.00 avg60=0.00 avg300=0.00 total=3\n",
		"sys/block/zram0/mm_stat":   "  4096 100 2048 0 2048 0 0 0 0\n",
		"sys/block/zram1/mm_stat":   "0 0 1024 0 0 0 0 0 0\n",
		"sys/block/vda/stat":        "1 2 3\n",
		"sys/block/zram1/comp_size": "9\n",
	})
	usage, err := cgroup.Memory{Root: root}.Server()
	if err != nil {
		t.Fatal(err)
	}
	if usage.DiskTotal <= 0 || usage.DiskFree <= 0 || usage.DiskFree > usage.DiskTotal {
		t.Errorf("disk: %d free of %d", usage.DiskFree, usage.DiskTotal)
	}
	usage.DiskTotal, usage.DiskFree = 0, 0
	if difference := cmp.Diff(cgroup.ServerUsage{
		MemoryTotal: 64 << 10, MemoryAvailable: 32 << 10, SwapTotal: 16 << 10, SwapFree: 8 << 10, SwapRAM: 4 << 10,
		Load: [3]float64{0.52, 1.04, 12}, Cores: 2, Started: time.Unix(1_700_000_000, 0),
		SwappedIn: 11, SwappedOut: 22, RefaultAnon: 3, RefaultFile: 4, MajorFaults: 5, OOMKills: 6,
		CPUBusy: 2600 * time.Millisecond, CPUTotal: 9 * time.Second,
		Pressure: 1500 * time.Millisecond, PressureFull: 7 * time.Microsecond, PressureCPU: 3 * time.Microsecond, PressureIO: -1,
	}, usage); difference != "" {
		t.Error(difference)
	}
}

func TestServerOfThisMachine(t *testing.T) {
	t.Parallel()
	usage, err := cgroup.Memory{Root: "/"}.Server()
	if err != nil || usage.MemoryTotal <= usage.MemoryAvailable || usage.CPUTotal <= usage.CPUBusy || usage.DiskTotal <= usage.DiskFree || usage.MajorFaults == 0 || usage.Cores < 1 || time.Since(usage.Started) <= 0 || time.Since(usage.Started) > 20*365*24*time.Hour {
		t.Errorf("%+v, %v", usage, err)
	}
}
