package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// totals are the maps that hold a fleet's counts. A program of another layout needs another map: the
// totals of a slice are then the sum over both, and the older one goes when its last slice does.
// Nothing is ever carried from one to the other, so that no crash can lose or double it.
type totals struct {
	current counted
	retired []counted // no program of ours counts into them
}

// counted is one map and how it is read.
type counted struct {
	*ebpf.Map
	layout layout
	pin    string
}

const (
	untracked = 0 // the key of what belongs to no slice that is tracked
	mapPrefix = "totals-"
	valueType = "totals" // in count.c
)

// openTotals opens the pinned maps, and makes the current one if it is not there.
func openTotals(spec *ebpf.MapSpec, config Config) (t totals, err error) {
	defer func() {
		if err != nil {
			err, t = errors.Join(err, t.close()), totals{}
		}
	}()
	print, err := fingerprint(spec)
	if err != nil {
		return t, err
	}
	entries, err := os.ReadDir(config.Pins)
	if err != nil {
		return t, err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), mapPrefix) || entry.Name() == mapPrefix+print {
			continue
		}
		old, err := openRetired(filepath.Join(config.Pins, entry.Name()))
		if err != nil {
			config.Say(fmt.Sprintf("earlier totals cannot be read, and are left out: %v", err))
			continue
		}
		t.retired = append(t.retired, old)
	}

	t.current.pin = filepath.Join(config.Pins, mapPrefix+print)
	if t.current.layout, err = layoutOf(spec.Value); err != nil {
		return t, err
	}
	t.current.Map, err = ebpf.LoadPinnedMap(t.current.pin, nil)
	if errors.Is(err, os.ErrNotExist) {
		if t.current.Map, err = ebpf.NewMap(spec); err != nil {
			return t, fmt.Errorf("make the map of totals: %w", err)
		}
		err = t.current.Pin(t.current.pin)
	}
	if err != nil {
		return t, fmt.Errorf("the map of totals: %w", err)
	}
	if err := spec.Compatible(t.current.Map); err != nil {
		return t, fmt.Errorf("%s is not the map that its name says: %w", t.current.pin, err)
	}
	return t, t.current.insert(untracked)
}

// openRetired opens a map that a program of another version counted into.
func openRetired(pin string) (counted, error) {
	m, err := ebpf.LoadPinnedMap(pin, nil)
	if err != nil {
		return counted{}, err
	}
	layout, err := func() (layout, error) {
		types, err := m.Handle()
		if err != nil {
			return layout{}, err
		}
		defer types.Close()
		spec, err := types.Spec(nil)
		if err != nil {
			return layout{}, err
		}
		var value *btf.Struct
		if err := spec.TypeByName(valueType, &value); err != nil {
			return layout{}, err
		}
		return layoutOf(value)
	}()
	if err != nil {
		return counted{}, errors.Join(fmt.Errorf("%s: %w", pin, err), m.Close())
	}
	return counted{m, layout, pin}, nil
}

func (t *totals) maps() []counted { return append([]counted{t.current}, t.retired...) }

// add makes an empty entry unless there is one.
func (t *totals) add(id uint64) error {
	if id == untracked {
		return errors.New("0 is no cgroup's id")
	}
	return t.current.insert(id)
}

func (c counted) insert(id uint64) error {
	err := c.Update(id, [][]byte{}, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("track cgroup %d: %w", id, err)
	}
	return nil
}

// take deletes an entry and returns what it held.
func (t *totals) take(id uint64) (sums, error) {
	var all sums
	for _, m := range t.maps() {
		var cpus []raw
		err := m.LookupAndDelete(id, &cpus)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err != nil {
			return sums{}, fmt.Errorf("forget cgroup %d: %w", id, err)
		}
		all.add(m.layout.sum(cpus))
	}
	return all, t.retire()
}

// read returns all entries.
func (t *totals) read() (map[uint64]sums, error) {
	all := map[uint64]sums{}
	for _, m := range t.maps() {
		var id uint64
		var cpus []raw
		entries := m.Iterate()
		for entries.Next(&id, &cpus) {
			sum := all[id]
			sum.add(m.layout.sum(cpus))
			all[id] = sum
		}
		if err := entries.Err(); err != nil {
			return nil, fmt.Errorf("read the totals: %w", err)
		}
	}
	return all, nil
}

// retire lets go of the older maps that hold no slice any more.
func (t *totals) retire() error {
	var kept []counted
	var failures []error
	for _, m := range t.retired {
		empty, err := m.empty()
		switch {
		case err != nil:
			failures = append(failures, err)
			fallthrough
		case !empty:
			kept = append(kept, m)
		default:
			failures = append(failures, m.Unpin(), m.Close())
		}
	}
	t.retired = kept
	return errors.Join(failures...)
}

// empty tells whether the map holds no slice.
func (c counted) empty() (bool, error) {
	var id uint64
	var cpus []raw
	entries := c.Iterate()
	for entries.Next(&id, &cpus) {
		if id != untracked {
			return false, nil
		}
	}
	return true, entries.Err()
}

func (t *totals) close() error {
	var errs []error
	for _, m := range t.maps() {
		if m.Map != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}
