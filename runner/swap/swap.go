// Package swap gives a server the swap that its idle slices are pushed to: it compares what there is
// with what is wanted, and makes the one the other. What else a server swaps to is left alone.
package swap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Kind is what pages are pushed to.
type Kind string

const (
	// Auto is the first of the following that the kernel has.
	Auto Kind = "auto"
	// Zswap is a file on disk, and a pool of compressed pages in RAM before it: what is wanted back soon
	// comes from RAM, and what is not goes on to the disk.
	Zswap Kind = "zswap"
	// Zram is a device in RAM that compresses, with no disk behind.
	Zram Kind = "zram"
	// File is a file on disk alone.
	File Kind = "file"
)

// Check is an error for what is no kind.
func (k Kind) Check() error {
	switch k {
	case "", Auto, Zswap, Zram, File:
		return nil
	}
	return fmt.Errorf("%q is no kind of swap: zswap, zram, file or auto", string(k))
}

// DefaultFile is where the swap file is, unless Config has another place.
const DefaultFile = "/var/lib/slicegate/swap"

// DefaultPool is how much of the RAM, in percent, zswap may take unless Config says something else. Nothing is set
// aside for it. A full pool turns away what was pushed out last, which goes to the disk while what is older stays in
// RAM: so the limit is above what it needs (docs/decisions/swap.md).
const DefaultPool = 70

// CheckPool is an error for what is no limit of zswap's.
func CheckPool(percent int) error {
	if percent < 1 || percent > 100 {
		return fmt.Errorf("zswap may take from 1 to 100 percent of the RAM, not %d", percent)
	}
	return nil
}

// Config is what is wanted. Its zero value is what suits most servers.
type Config struct {
	Kind       Kind   // empty is Auto
	Size       int64  // bytes, before compression; zero is what suits the server
	File       string // empty is DefaultFile
	Compressor string // of zram or zswap; empty is the best that the kernel has
	Pool       int    // percent of the RAM that zswap's pages may take; zero is DefaultPool
}

// State is what there is.
type State struct {
	Kind       Kind   // empty: Setup was not called, or what it made was taken away
	Path       string // of the file or device
	Size, Used int64  // bytes, before compression
	Compressor string
	RAM        int64 // bytes that compressed pages take, whoever's they are
	Pool       int   // percent of the server's RAM that they may take with zswap

	Others                  []Area // that the server swaps to besides
	Swappiness, PageCluster int    // of the kernel (vm.swappiness, vm.page-cluster)
	Lacks                   []string
}

// place is where things are; another one in tests.
type place struct {
	label string // that swap areas of ours have
	run   string // directory of what must not outlive a reboot
}

var server = place{label: "slicegate", run: "/run/slicegate"}

// Status tells what there is.
func Status(context.Context) (State, error) {
	state, err := server.state()
	if err != nil {
		return State{}, fmt.Errorf("swap: %w", err)
	}
	return state, nil
}

// Setup makes what is wanted. What is there already is kept; what differs is made anew, for which
// there must be RAM for all that it holds. It may be called again after it was cut off, and is to be
// called at each start of the server: see Unit.
func Setup(ctx context.Context, config Config) (State, error) {
	state, err := server.setup(ctx, config)
	if err != nil {
		return State{}, fmt.Errorf("set up swap: %w", err)
	}
	return state, nil
}

// Remove takes away what Setup made and puts the kernel's settings back. Without it nothing is done.
func Remove(ctx context.Context) error {
	release, err := server.lock()
	if err == nil {
		defer release()
		err = server.remove(ctx)
	}
	if err != nil {
		return fmt.Errorf("remove swap: %w", err)
	}
	return nil
}

func (p place) setup(ctx context.Context, config Config) (State, error) {
	release, err := p.lock()
	if err != nil {
		return State{}, err
	}
	defer release()
	if config, err = config.filled(p.label); err != nil {
		return State{}, err
	}
	state, err := p.state()
	if err != nil {
		return State{}, err
	}
	if state.Kind != "" && !state.is(config) {
		if err := p.takeDown(ctx, state); err != nil {
			return State{}, err
		}
		state = State{}
	}
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	if err := p.tune(config); err != nil {
		return State{}, err
	}
	if state.Kind == "" {
		if err := p.make(config); err != nil {
			return State{}, err
		}
	}
	return p.state()
}

// is tells whether the state is what is wanted.
func (s State) is(config Config) bool {
	page := int64(os.Getpagesize()) // the header's, which the kernel does not count
	return s.Kind == config.Kind && s.Size == config.Size/page*page-page &&
		(config.Kind == Zram || s.Path == config.File) &&
		(config.Kind != Zram || config.Compressor == "" || s.Compressor == config.Compressor)
}

func (p place) make(config Config) error {
	if config.Kind == Zram {
		if err := sweepZram(p.label); err != nil {
			return err
		}
		device, err := newZram(config.Size, config.compressors())
		if err == nil {
			err = errors.Join(Format(device, config.Size, p.label), On(device, zramPriority))
		}
		return err
	}
	if err := p.file(config.File, config.Size); err != nil {
		return err
	}
	if err := On(config.File, filePriority); err != nil {
		if errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("the file system of %s holds no swap (ext4 and xfs do): %w", config.File, err)
		}
		return err
	}
	return nil
}

// Priorities are above those that others give themselves (zram-generator 100), so that slices go to ours
// first.
const (
	filePriority = 1000
	zramPriority = 2000
)

func (p place) state() (State, error) {
	areas, err := Areas()
	if err != nil {
		return State{}, err
	}
	var state State
	for _, area := range areas {
		label, _, err := labelOf(area.Path)
		if err != nil {
			return State{}, err
		}
		if label != p.label || state.Kind != "" {
			state.Others = append(state.Others, area)
			continue
		}
		state.Path, state.Size, state.Used = area.Path, area.Size, area.Used
		switch {
		case isZram(area.Path):
			state.Kind, state.Compressor = Zram, compressorOf(area.Path)
		case zswap("enabled") == "Y":
			state.Kind, state.Compressor = Zswap, zswap("compressor")
			if state.Pool, err = strconv.Atoi(zswap("max_pool_percent")); err != nil {
				return State{}, err
			}
		default:
			state.Kind = File
		}
	}
	if state.RAM, err = compressed(); err != nil {
		return State{}, err
	}
	var err1, err2 error
	state.Swappiness, err1 = setting("swappiness")
	state.PageCluster, err2 = setting("page-cluster")
	state.Lacks = lacks()
	return state, errors.Join(err1, err2)
}

// remove takes down what is in use, and what is left of it where nothing is.
func (p place) remove(ctx context.Context) error {
	state, err := p.state()
	if err != nil {
		return err
	}
	if state.Kind != "" {
		if err := p.takeDown(ctx, state); err != nil {
			return err
		}
	}
	kept, err := p.kept()
	if err != nil {
		return err
	}
	for _, path := range []string{kept.File, DefaultFile} {
		label, ours, err := labelOf(path)
		if err != nil {
			return err
		}
		if !ours || label != p.label {
			continue
		}
		if err := os.Remove(path); err != nil { // after a restart of the server nothing uses it
			return err
		}
	}
	return p.putBack()
}

// takeDown has the kernel give up what is in use.
func (p place) takeDown(ctx context.Context, state State) error {
	free, err := meminfo("MemAvailable:")
	if err != nil {
		return err
	}
	if state.Used > free/10*9 {
		return fmt.Errorf("%d MB are in %s, and %d MB of RAM are available to take them back: suspend slices first, or move them", state.Used>>20, state.Path, free>>20)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := Off(state.Path); err != nil {
		return err
	}
	if state.Kind == Zram {
		return resetZram(state.Path)
	}
	return os.Remove(state.Path)
}

// lock keeps two of them from working at the same time.
func (p place) lock() (release func(), err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("this needs root")
	}
	if err := os.MkdirAll(p.run, 0o711); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(p.run, "swap.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errors.New("another command is at it")
		}
		return nil, err
	}
	return func() { lock.Close() }, nil
}
