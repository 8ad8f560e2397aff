// Package probe counts the network traffic of every slice in the kernel: two small eBPF programs
// (count.c) are attached once to the cgroup above all slices and add up bytes, packets and the last
// time, per slice and class of port. Programs and totals are pinned in a bpffs and outlive the
// runner, so that a restart or an upgrade of it loses no byte.
//
// Counted is what the kernel hands to or takes from sockets of slices' processes: whole IP packets,
// headers included, before they are cut into frames. Not counted is what stays on the loopback
// device, and what has no socket: answers to neighbours, resets for ports that nobody listens on,
// the last acknowledgements of closed connections.
package probe

//go:generate go run ./compile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// Config says what is counted and where the kernel keeps it.
type Config struct {
	// Parent is the directory of the cgroup above all slices; Parent the function finds it. An
	// absent one is made, or waited for if its name ends in .slice: that one systemd makes.
	Parent string
	// Pins is a directory in a bpffs that is this fleet's alone. If it is below /sys/fs/bpf and
	// nothing is mounted there, a bpffs is.
	Pins string
	// Say is told what was changed on the machine or found wrong and put right; may be nil.
	Say func(string)
}

// Counters are the totals of one slice since its cgroup was made.
type Counters struct {
	User, Platform, Upstream Class
	Gone                     bool // the cgroup is no more; the totals stay until Forget
}

// Class is the traffic of one class, both directions together.
type Class struct {
	Bytes, Packets uint64
	// Last is when the last packet passed, zero if none did. It is reckoned back from now each time
	// it is read, so that a step of the wall clock moves it: whether there was traffic between two
	// readings is told by Bytes.
	Last time.Time
}

// Probe is the counting of one fleet. Its methods may be called at the same time.
type Probe struct {
	config Config
	root   string // where the hierarchy of Config.Parent is mounted

	mu       sync.Mutex
	programs countPrograms
	totals   totals
	hooks    []*hook
}

// Open attaches the programs, or takes over those that an earlier runner attached, and tracks the
// slices that are there. Programs of another version are exchanged between two packets. If the
// kernel refuses, the error says what to do about it.
func Open(ctx context.Context, config Config) (*Probe, error) {
	spec, err := loadCount()
	if err != nil {
		return nil, err
	}
	p, err := open(ctx, config, spec)
	return p, explain(err)
}

func open(ctx context.Context, config Config, spec *ebpf.CollectionSpec) (_ *Probe, err error) {
	if config.Say == nil {
		config.Say = func(string) {}
	}
	root, depth, err := hierarchy(config.Parent)
	if err != nil {
		return nil, err
	}
	if err := mountPins(ctx, config.Pins, config.Say); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, config.Pins)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("raise the limit of locked memory, which maps count against before Linux 5.11: %w", err)
	}

	if err := setLevel(spec, depth+1); err != nil {
		return nil, err
	}
	p := &Probe{config: config, root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.totals, err = openTotals(spec.Maps[countMapSliceTotals], config); err != nil {
		return nil, err
	}
	replaced := ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{countMapSliceTotals: p.totals.current.Map}}
	if err := spec.LoadAndAssign(&p.programs, &replaced); err != nil {
		return nil, fmt.Errorf("load the programs: %w", err)
	}
	p.hooks = []*hook{
		{name: "ingress", attach: ebpf.AttachCGroupInetIngress, program: p.programs.SliceIngress},
		{name: "egress", attach: ebpf.AttachCGroupInetEgress, program: p.programs.SliceEgress},
	}
	if err := makeParent(config); err != nil {
		return nil, err
	}
	// Slices are tracked before the programs count into these totals, and those that were made
	// meanwhile right after.
	if _, err := p.track(); err != nil {
		return nil, err
	}
	if err := p.attach(); err != nil {
		return nil, err
	}
	if _, err := p.track(); err != nil {
		return nil, err
	}
	return p, p.totals.retire()
}

// Close lets go of the programs and totals, which count on. Watch must have ended.
func (p *Probe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := []error{p.programs.Close(), p.totals.close()}
	for _, hook := range p.hooks {
		errs = append(errs, hook.close())
	}
	return errors.Join(errs...)
}

// Remove ends the counting of a fleet that is no more and deletes its totals. Without any it does
// nothing.
func Remove(pins string) error {
	err := os.RemoveAll(pins)
	if err != nil {
		return fmt.Errorf("remove the pins of the probe: %w", err)
	}
	return nil
}

// Track counts a slice from here on, by the id of its cgroup: the inode of its directory. One that
// is tracked stays as it is. Slices below the parent are found without it.
func (p *Probe) Track(id uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return explain(p.totals.add(id))
}

// Forget deletes the totals of a slice and returns the last of them, zero if there were none. If its
// cgroup is there still, counting begins anew when it is found the next time.
func (p *Probe) Forget(id uint64) (Counters, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sums, err := p.totals.take(id)
	if err != nil {
		return Counters{}, explain(err)
	}
	clock, err := readClock()
	if err != nil {
		return Counters{}, err
	}
	return clock.counters(sums), nil
}

// Read returns the totals of every slice that was not forgotten, by the id of its cgroup. What is
// found wrong is put right first: slices that nobody tracked, programs that are no longer attached.
// If that fails there is an error and no totals: they would say that all is quiet.
func (p *Probe) Read() (map[uint64]Counters, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	live, err := p.putRight()
	if err != nil {
		return nil, explain(err)
	}
	all, err := p.totals.read()
	if err != nil {
		return nil, explain(err)
	}
	clock, err := readClock()
	if err != nil {
		return nil, err
	}
	counters := make(map[uint64]Counters, len(all))
	for id, sums := range all {
		if id == untracked {
			continue
		}
		one := clock.counters(sums)
		one.Gone = !live[id]
		counters[id] = one
	}
	return counters, nil
}

// Untracked are the totals of packets below the parent that belong to no slice that was tracked when
// they passed: a slice that was found late, or forgotten early.
func (p *Probe) Untracked() (Counters, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, err := p.totals.read()
	if err != nil {
		return Counters{}, explain(err)
	}
	clock, err := readClock()
	if err != nil {
		return Counters{}, err
	}
	return clock.counters(all[untracked]), nil
}

// Check tells whether the traffic of these processes is counted: that each is in a group below the
// parent, and that the programs are attached to it. What can be put right is, and Say is told.
func (p *Probe) Check(pids ...int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.putRight(); err != nil {
		return explain(err)
	}
	inside, err := filepath.Rel(p.root, p.config.Parent)
	if err != nil {
		return err
	}
	var failures []error
	for _, pid := range pids {
		path, err := groupOf(pid)
		if err != nil {
			failures = append(failures, fmt.Errorf("the cgroup of process %d: %w", pid, err))
			continue
		}
		if below, err := filepath.Rel("/"+inside, path); err != nil || below == "." || !filepath.IsLocal(below) {
			failures = append(failures, fmt.Errorf("process %d is in the cgroup %s, not below /%s: its traffic is not counted. Slices must be made with the engine's cgroup driver as it is now: make the container anew", pid, path, inside))
		}
	}
	return errors.Join(failures...)
}

// putRight tracks what is below the parent and attaches what is not attached. It returns the ids of
// the groups that are there.
func (p *Probe) putRight() (live map[uint64]bool, err error) {
	if live, err = p.track(); err != nil {
		return nil, err
	}
	attached, err := p.attached()
	if err != nil || attached {
		return live, err
	}
	unlock, err := lock(context.Background(), p.config.Pins)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := p.attach(); err != nil {
		return nil, err
	}
	return p.track()
}

// track makes an entry for each group below the parent that has none.
func (p *Probe) track() (live map[uint64]bool, err error) {
	live, err = groups(p.config.Parent)
	if err != nil {
		return nil, err
	}
	for id := range live {
		if err := p.totals.add(id); err != nil {
			return nil, err
		}
	}
	return live, nil
}
