package swap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The compressors that are tried, in this order: lzo-rle took a twentieth less RAM than lz4
// (docs/decisions/swap.md). zstd is used where Config asks for it.
var compressors = []string{"lzo-rle", "lzo", "lz4", "zstd"}

func (c Config) compressors() []string {
	if c.Compressor != "" {
		return []string{c.Compressor}
	}
	return compressors
}

// filled is the config with what it leaves open decided for this server. A file with this label that is
// there keeps its size: what suits depends on how full the disk is, and that changes.
func (c Config) filled(label string) (Config, error) {
	if err := c.Kind.Check(); err != nil {
		return c, err
	}
	if c.Kind == "" || c.Kind == Auto {
		c.Kind = choose()
	}
	if c.Kind == Zswap && !hasZswap() {
		return c, ErrNoZswap
	}
	if c.Pool == 0 {
		c.Pool = DefaultPool
	}
	if err := CheckPool(c.Pool); err != nil {
		return c, err
	}
	if c.File == "" {
		c.File = DefaultFile
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(c.File)); err == nil {
		c.File = filepath.Join(real, filepath.Base(c.File)) // as the kernel names it
	}
	if c.Size > 0 {
		return c, nil
	}
	ram, err := meminfo("MemTotal:")
	if err != nil {
		return c, err
	}
	var free int64
	if c.Kind != Zram {
		if found, ours, err := labelOf(c.File); err != nil {
			return c, err
		} else if ours && found == label {
			info, err := os.Stat(c.File)
			if err == nil {
				c.Size = info.Size()
			}
			return c, err
		}
		if free, err = room(c.File); err != nil {
			return c, err
		}
	}
	c.Size = size(c.Kind, ram, free)
	return c, nil
}

func choose() Kind {
	if hasZswap() {
		return Zswap
	}
	if hasZram(true) == nil {
		return Zram
	}
	return File
}

// size is what suits a server with this much RAM and free disk, in bytes. A file holds slices whole,
// many of them: half as much again as there is RAM, and at least the 32 GiB that were planned for, but
// not more than half of what is free. zram takes of the same RAM: as much as there is, of which a third
// is taken when it is full.
func size(kind Kind, ram, free int64) int64 {
	if kind == Zram {
		return whole(ram)
	}
	return whole(min(max(ram/2*3, 32<<30), free/2))
}

// whole is bytes in whole MiB.
func whole(bytes int64) int64 { return bytes >> 20 << 20 }

// room is how much disk there is for a file.
func room(path string) (int64, error) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		var disk unix.Statfs_t
		err := unix.Statfs(dir, &disk)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue // it is made later
		}
		return int64(disk.Bavail) * disk.Bsize, err
	}
}

// lacks are what the kernel could have and has not, and settings that slices do not start with.
func lacks() (words []string) {
	if !hasZswap() {
		words = append(words, ErrNoZswap.Error())
	}
	if err := hasZram(false); err != nil {
		words = append(words, err.Error())
	}
	if value, err := setting("overcommit_memory"); err == nil && value == 2 {
		words = append(words, "vm.overcommit_memory is 2: Chromium reserves far more address space than it uses, and does not start; set it to 0")
	}
	return words
}

// compressed is how many bytes of RAM zswap and zram take.
func compressed() (int64, error) {
	total, err := meminfo("Zswap:")
	if err != nil && !errors.Is(err, errAbsent) {
		return 0, err
	}
	devices, err := filepath.Glob("/sys/block/zram*/mm_stat")
	if err != nil {
		return 0, err
	}
	for _, device := range devices {
		content, err := os.ReadFile(device)
		if err != nil {
			return 0, err
		}
		if fields := bytes.Fields(content); len(fields) > 2 {
			used, err := strconv.ParseInt(string(fields[2]), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", device, err)
			}
			total += used
		}
	}
	return total, nil
}

var errAbsent = errors.New("the kernel does not say")

// meminfo is one line of /proc/meminfo, in bytes.
func meminfo(name string) (int64, error) {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(content) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == name {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s %w", name, errAbsent)
}
