package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// shields is held while the sum of a parent's groups is counted and written.
var shields sync.Mutex

// Shield tells the kernel to leave this many bytes of a group in RAM when the server runs short; zero
// lifts it. It may be called again at any time, and writes only what differs.
//
// On version 2 that is memory.low. A group is never protected by more than its parent is, and a new
// parent is by nothing: so each parent gets the sum of what its groups have. On a hybrid host it is
// the soft limit, to which the kernel's own reclaim brings groups down first.
func (m Memory) Shield(g Group, low int64) error {
	if g.hybrid {
		return gone(g.put(g.memory, "memory.soft_limit_in_bytes", low))
	}
	shields.Lock()
	defer shields.Unlock()
	if err := g.put(g.memory, "memory.low", low); err != nil {
		return gone(err)
	}
	top := filepath.Join(m.Root, "sys/fs/cgroup")
	for dir := filepath.Dir(g.memory); len(dir) > len(top); dir = filepath.Dir(dir) {
		sum, err := shielded(dir)
		if err != nil {
			return err
		}
		if err := g.put(dir, "memory.low", sum); err != nil {
			return err
		}
	}
	return nil
}

// shielded is the sum of what the groups right below a directory have.
func shielded(dir string) (sum int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	file := borrow()
	defer file.giveBack()
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		low, err := file.number(filepath.Join(dir, entry.Name(), "memory.low"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(gone(err), ErrGone) { // it ended meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		if sum += low; low == unlimited || sum < 0 {
			return unlimited, nil
		}
	}
	return sum, nil
}

// put writes one number of bytes unless it is there already.
func (Group) put(dir, name string, bytes int64) error {
	path := filepath.Join(dir, name)
	file := borrow()
	defer file.giveBack()
	page := int64(os.Getpagesize())
	if current, err := file.number(path); err != nil || current == bytes || current == bytes/page*page {
		return err
	}
	word := strconv.FormatInt(bytes, 10)
	if bytes == unlimited {
		word = "max"
	}
	return os.WriteFile(path, []byte(word), 0)
}
