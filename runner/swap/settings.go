package swap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kept is what Remove has to know. It is forgotten when the server restarts, as the settings are.
type kept struct {
	File   string            // that was set up
	Before map[string]string // what settings were, by their paths
}

const sysctlDir = "/proc/sys/vm/"

func setting(name string) (int, error) {
	content, err := os.ReadFile(sysctlDir + name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}

// The kernel's settings, as measured (docs/decisions/swap.md).
const (
	// swappiness of 100 takes no more of a slice's page cache than its share; 60, Debian's, takes nearly
	// twice that, which comes back from the disk.
	swappiness = "100"
	// pageCluster of 0 brings back the page that is wanted and none beside it: more was no faster, and is
	// RAM that nobody asked for. What is wanted at waking is read ahead by the runner.
	pageCluster = "0"
)

// tune sets the kernel's switches, and keeps what they were.
func (p place) tune(config Config) error {
	wanted := [][2]string{{sysctlDir + "swappiness", swappiness}, {sysctlDir + "page-cluster", pageCluster}}
	zswapIs := func(name, value string) { wanted = append(wanted, [2]string{filepath.Join(zswapDir, name), value}) }
	if config.Kind == Zswap {
		zswapIs("max_pool_percent", strconv.Itoa(config.Pool))
		zswapIs("shrinker_enabled", "Y") // what is cold goes on to the disk before the pool is full
		zswapIs("zpool", "zsmalloc")     // which packs closest; the only one since Linux 6.18
		zswapIs("enabled", "Y")
	} else {
		zswapIs("enabled", "N") // it would compress a second time, in more RAM
	}
	paths := []string{filepath.Join(zswapDir, "compressor")}
	for _, one := range wanted {
		paths = append(paths, one[0])
	}
	if err := p.keep(config, paths); err != nil {
		return err
	}
	if config.Kind == Zswap {
		if err := compressWith(config.compressors()); err != nil {
			return err
		}
	}
	for _, one := range wanted {
		if err := put(one[0], one[1]); err != nil {
			return err
		}
	}
	return nil
}

// put writes a setting unless it is so already. One that this kernel does not have is passed over.
func put(path, value string) error {
	current, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || strings.TrimSpace(string(current)) == value {
		return nil
	}
	if err == nil {
		err = os.WriteFile(path, []byte(value), 0)
	}
	if err != nil {
		return fmt.Errorf("set %s to %s: %w", path, value, err)
	}
	return nil
}

func (p place) keptPath() string { return filepath.Join(p.run, "swap.json") }

func (p place) kept() (kept, error) {
	content, err := os.ReadFile(p.keptPath())
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, nil
	}
	var all kept
	if err == nil {
		err = json.Unmarshal(content, &all)
	}
	return all, err
}

// keep writes down what settings are before they are changed for the first time.
func (p place) keep(config Config, paths []string) error {
	all, err := p.kept()
	if err != nil {
		return err
	}
	if config.Kind != Zram {
		all.File = config.File
	}
	if all.Before == nil {
		all.Before = map[string]string{}
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if _, ok := all.Before[path]; ok || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		all.Before[path] = strings.TrimSpace(string(content))
	}
	content, err := json.Marshal(all)
	if err != nil {
		return err
	}
	unfinished := p.keptPath() + ".unfinished"
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, p.keptPath())
}

// putBack gives settings the values that they had.
func (p place) putBack() error {
	all, err := p.kept()
	if err != nil {
		return err
	}
	for path, value := range all.Before {
		if err := put(path, value); err != nil {
			return err
		}
	}
	if err := os.Remove(p.keptPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
