package swap

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Try has the kernel use one kind of swap for the time of a test, before all other that there is, and
// gives how to read what RAM it takes.
func Try(t testing.TB, kind string, bytes int64) (ram func() int64, err error) {
	kind, compressor, _ := strings.Cut(kind, "/")
	path := "/var/tmp/slicegate-test.swap"
	ram = func() int64 { return 0 }
	switch kind {
	case "zram":
		if path, err = newZram(bytes, []string{compressor}); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
		}
		device := path
		t.Cleanup(func() {
			if err := resetZram(device); err != nil {
				t.Error(err)
			}
		})
		ram = func() int64 { return mmStat(t, device) }
	case "zswap":
		if !hasZswap() {
			return nil, fmt.Errorf("%w: %w", ErrNoZswap, errors.ErrUnsupported)
		}
		for _, name := range []string{"compressor", "max_pool_percent", "enabled"} {
			before := zswap(name)
			t.Cleanup(func() {
				if err := put(zswapDir+"/"+name, before); err != nil {
					t.Error(err)
				}
			})
		}
		if err := compressWith([]string{compressor}); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
		}
		if err := errors.Join(put(zswapDir+"/max_pool_percent", "30"), put(zswapDir+"/enabled", "Y")); err != nil {
			return nil, err
		}
		ram = func() int64 {
			used, err := meminfo("Zswap:")
			if err != nil {
				t.Fatal(err)
			}
			return used
		}
		fallthrough
	case "file":
		if err := Off(path); err != nil { // what a killed predecessor left
			return nil, err
		}
		file, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = os.Remove(path) })
		if err := errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, bytes), file.Close()); err != nil {
			return nil, err
		}
	}
	t.Cleanup(func() {
		if err := Off(path); err != nil {
			t.Error(err)
		}
	})
	return ram, errors.Join(Format(path, bytes, "slicegate-test"), On(path, 32000))
}

func mmStat(t testing.TB, device string) int64 {
	content, err := os.ReadFile("/sys/block/" + device[len("/dev/"):] + "/mm_stat")
	if err != nil {
		t.Fatal(err)
	}
	used, err := strconv.ParseInt(strings.Fields(string(content))[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// Elsewhere has a test's swap be told from the server's own.
func Elsewhere(t testing.TB) {
	before := server
	server = place{label: "slicegate-test", run: t.TempDir()}
	t.Cleanup(func() { server = before })
}

// LabelOf is the label of a swap area.
var LabelOf = labelOf

// ParseAreas reads the text of /proc/swaps.
var ParseAreas = parseAreas

// SizeFor is the default size.
var SizeFor = size
