package swap_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/swap"
)

const mb = 1 << 20

// begin takes the machine's swap for a test, which leaves it as it was.
func begin(t *testing.T) (file string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test sets up swap: run the tests by `make test`")
	}
	cgrouptest.Lock(t)
	swap.Elsewhere(t)
	before := settings(t)
	t.Cleanup(func() {
		if err := swap.Remove(context.Background()); err != nil { // the test's own context has ended
			t.Error(err)
		}
		if after := settings(t); !maps.Equal(before, after) {
			t.Errorf("settings were %v, and are %v", before, after)
		}
	})
	return filepath.Join("/var/tmp", "slicegate-test-setup.swap")
}

// settings are all that Setup may change.
func settings(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	paths, err := filepath.Glob("/sys/module/zswap/parameters/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, "/proc/sys/vm/swappiness", "/proc/sys/vm/page-cluster") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		values[path] = strings.TrimSpace(string(content))
	}
	return values
}

// kinds are those that this kernel has: a file always.
func kinds(t *testing.T) []swap.Kind {
	t.Helper()
	kinds := []swap.Kind{swap.File}
	if _, err := os.Stat("/sys/module/zswap/parameters/enabled"); err == nil {
		kinds = append(kinds, swap.Zswap)
	}
	if _, err := os.Stat("/sys/class/zram-control"); err == nil {
		kinds = append(kinds, swap.Zram)
	}
	return kinds
}

func TestSetupIsSetUpOnceAndTakenAwayWhole(t *testing.T) {
	file := begin(t)
	others, err := swap.Areas()
	if err != nil {
		t.Fatal(err)
	}
	untouched, inUse := settings(t), zrams(t)
	for _, kind := range kinds(t) {
		config := swap.Config{Kind: kind, Size: 64 * mb, File: file}
		for range 2 {
			state, err := swap.Setup(t.Context(), config)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if state.Kind != kind || state.Size != 64*mb-int64(os.Getpagesize()) || state.Swappiness != 100 || state.PageCluster != 0 || len(state.Others) != len(others) {
				t.Errorf("%s: %+v", kind, state)
			}
			if pool := map[swap.Kind]int{swap.Zswap: swap.DefaultPool}[kind]; state.Pool != pool {
				t.Errorf("%s may take %d %% of the RAM, not %d", kind, state.Pool, pool)
			}
			if areas, err := swap.Areas(); err != nil || len(areas) != len(others)+1 {
				t.Errorf("%s: %v, %v, before: %v", kind, areas, err, others)
			}
		}
		if kind == swap.Zswap {
			if state, err := swap.Setup(t.Context(), swap.Config{Kind: kind, Size: 64 * mb, File: file, Pool: 40}); err != nil || state.Pool != 40 {
				t.Errorf("of a pool of 40 %%: %+v, %v", state, err)
			}
		}
		if kind != swap.Zram { // a disk that fills up meanwhile is no reason to make it anew
			if state, err := swap.Setup(t.Context(), swap.Config{Kind: kind, File: file}); err != nil || state.Size != 64*mb-int64(os.Getpagesize()) {
				t.Errorf("%s: set up again with any size: %+v, %v", kind, state, err)
			}
		}
		for range 2 {
			if err := swap.Remove(t.Context()); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if state, err := swap.Status(t.Context()); err != nil || state.Kind != "" || len(state.Others) != len(others) {
				t.Errorf("%s: after it was removed: %+v, %v", kind, state, err)
			}
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("%s: the file: %v", kind, err)
			}
			if devices := zrams(t); devices != inUse {
				t.Errorf("%s: %d zram devices hold memory, before: %d", kind, devices, inUse)
			}
			if now := settings(t); !maps.Equal(untouched, now) {
				t.Errorf("%s: settings were %v, and are %v", kind, untouched, now)
			}
		}
	}
}

// zrams is how many devices of zram are set up, in use or not.
func zrams(t *testing.T) (count int) {
	t.Helper()
	states, err := filepath.Glob("/sys/block/zram*/initstate")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range states {
		state, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(state)) == "1" {
			count++
		}
	}
	return count
}

func TestPagesGoOutAndComeBack(t *testing.T) {
	file := begin(t)
	for _, kind := range kinds(t) {
		// A hybrid host reclaims only where some swap stays free.
		if _, err := swap.Setup(t.Context(), swap.Config{Kind: kind, Size: 96 * mb, File: file}); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		t.Run(string(kind), func(t *testing.T) {
			tenant := cgrouptest.Start(t, cgrouptest.Make(t))
			tenant.Hold(40 * mb)
			given, err := (cgroup.Memory{Root: "/"}).Reclaim(t.Context(), tenant.Group, 32*mb)
			if err != nil || given < 30*mb {
				t.Fatalf("of 32 MB went %d bytes, %v", given, err)
			}
			state, err := swap.Status(t.Context())
			if err != nil || state.Used < 30*mb {
				t.Errorf("%+v, %v", state, err)
			}
			if compresses := kind != swap.File; compresses && (state.RAM < 8*mb || state.RAM > 24*mb || state.Compressor == "") {
				t.Errorf("32 MB, of which half compress well, take %d bytes of RAM: %+v", state.RAM, state)
			}
			tenant.Touch(40 * mb)
		})
		if err := swap.Remove(t.Context()); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
}

func TestSetupMakesAnewWhatDiffers(t *testing.T) {
	file := begin(t)
	kinds := kinds(t)
	previous := ""
	for _, config := range []swap.Config{
		{Kind: swap.File, Size: 32 * mb, File: file},
		{Kind: swap.File, Size: 48 * mb, File: file},
		{Kind: swap.File, Size: 48 * mb, File: file + "-other"},
		{Kind: kinds[len(kinds)-1], Size: 48 * mb, File: file},
		{Kind: swap.File, Size: 32 * mb, File: file},
	} {
		state, err := swap.Setup(t.Context(), config)
		if err != nil || state.Kind != config.Kind || state.Size != config.Size-int64(os.Getpagesize()) {
			t.Fatalf("%+v: %+v, %v", config, state, err)
		}
		if _, err := os.Stat(previous); previous != "" && previous != state.Path && strings.HasPrefix(previous, file) && !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", previous, err)
		}
		previous = state.Path
	}
}

func TestSetupGoesOnWhereItWasCutOff(t *testing.T) {
	file := begin(t)
	config := swap.Config{Kind: swap.File, Size: 32 * mb, File: file}
	// It was killed while the file was written.
	if err := os.WriteFile(file+".unfinished", make([]byte, mb), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := swap.Setup(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + ".unfinished"); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	// The server was restarted: the file is there, and nothing uses it.
	if err := swap.Off(file); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	state, err := swap.Setup(t.Context(), config)
	if err != nil || state.Path != file {
		t.Fatalf("%+v, %v", state, err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was made again: %v, %v", after, err)
	}
	if err := swap.Off(file); err != nil {
		t.Fatal(err)
	}
	if err := swap.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a file that nothing used is left: %v", err)
	}
}

func TestSetupRefusesInWords(t *testing.T) {
	file := begin(t)
	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("not swap"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(foreign, make([]byte, mb), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := swap.Format(foreign, mb, "somebody's"); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]swap.Config{
		"does not fit on the disk":  {Kind: swap.File, Size: 1 << 50, File: file},
		"is no kind of swap":        {Kind: "tape", Size: mb},
		"is no swap file of Slice":  {Kind: swap.File, Size: mb, File: precious},
		"from 1 to 100 percent":     {Kind: swap.File, Size: mb, File: file, Pool: 101},
		"too few for swap":          {Kind: swap.File, Size: 4096, File: file},
		foreign + " is there, and ": {Kind: swap.File, Size: mb, File: foreign},
	} {
		if state, err := swap.Setup(t.Context(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %+v, %v", config, state, err)
		}
	}
	if content, err := os.ReadFile(precious); string(content) != "not swap" {
		t.Errorf("somebody's file became %q, %v", content, err)
	}
	if _, ours, err := swap.LabelOf(foreign); !ours || err != nil {
		t.Errorf("somebody's swap file: %v, %v", ours, err)
	}
}

func TestAreasAreThoseOfTheKernel(t *testing.T) {
	t.Parallel()
	areas, err := swap.ParseAreas("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" +
		"/a\\040b/swap                            file    \t65532\t\t4\t\t-2\n/dev/zram0                              partition\t1024\t\t0\t\t100\n")
	if want := []swap.Area{{"/a b/swap", 65532 << 10, 4 << 10, -2}, {"/dev/zram0", 1 << 20, 0, 100}}; err != nil || !slices.Equal(areas, want) {
		t.Errorf("%v, %v", areas, err)
	}
	if areas, err := swap.ParseAreas("/swap file many few -2\n"); err == nil {
		t.Errorf("%v", areas)
	}
}

func TestSizeSuitsTheServer(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	for _, test := range []struct {
		kind            swap.Kind
		ram, free, want int64
	}{
		{swap.Zswap, 64 * gb, 900 * gb, 96 * gb},
		{swap.File, 64 * gb, 900 * gb, 96 * gb},
		{swap.File, 8 * gb, 900 * gb, 32 * gb},
		{swap.File, 64 * gb, 100 * gb, 50 * gb},
		{swap.Zram, 64 * gb, 0, 64 * gb},
	} {
		if got := swap.SizeFor(test.kind, test.ram, test.free); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestUnitCallsSetupWithTheSameConfig(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]swap.Config{
		"\nExecStart=/opt/runner swap setup\n":                                             {},
		"\nExecStart=/opt/runner swap setup -kind zram -size 1048576 -compressor lz4\n":    {Kind: swap.Zram, Size: mb, Compressor: "lz4"},
		"\nExecStart=/opt/runner swap setup -kind zswap -pool 40\n":                        {Kind: swap.Zswap, Pool: 40},
		"\nExecStart=/opt/runner swap setup -kind zswap -file \"/data/100%% full/swap\"\n": {Kind: swap.Zswap, File: "/data/100% full/swap"},
	} {
		if unit := swap.Unit("/opt/runner", config); !strings.Contains(unit, want) {
			t.Errorf("%s\nhas no line %s", unit, want)
		}
	}
}
