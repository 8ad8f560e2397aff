package swap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// zswapDir has the switches of zswap: a pool in RAM before a swap file, in which pages are compressed.
const zswapDir = "/sys/module/zswap/parameters"

// ErrNoZswap says that the kernel has none.
var ErrNoZswap = errors.New("this kernel has no zswap (CONFIG_ZSWAP; Debian's kernels for virtual machines, linux-image-cloud-*, are built without)")

func hasZswap() bool {
	_, err := os.Stat(filepath.Join(zswapDir, "enabled"))
	return err == nil
}

// zswap gives the value of one switch, "" where the kernel does not have it.
func zswap(name string) string {
	content, err := os.ReadFile(filepath.Join(zswapDir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// compressWith has zswap use the first of the compressors that the kernel has: it says so by taking it.
func compressWith(compressors []string) error {
	var failures []error
	for _, name := range compressors {
		err := put(filepath.Join(zswapDir, "compressor"), name)
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
