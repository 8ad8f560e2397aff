package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Hands are what workers need from the server that they run on. Each method may be called
// again after it succeeded, or after it was cut off half way: it then finishes the work.
type Hands struct {
	Containers  Containers
	Schemas     Schemas
	Directories Directories
	Ports       Ports
	Walls       Walls
	Memory      Memory
	Gauges      Gauges
	Traffic     Traffic
	Archives    Archives
	Exports     ExportFiles
	Quotas      Quotas
	Images      Images
	Software    Software
}

// takeAway deletes all that a server has of a slice; what is gone already is no error.
func (h Hands) takeAway(ctx context.Context, slice int64) error {
	for _, step := range []struct {
		name   string
		remove func(context.Context, int64) error
	}{
		{"container", h.Containers.Remove},
		{"schema", h.Schemas.Drop},
		{"directories", h.Directories.Remove},
	} {
		if err := step.remove(ctx, slice); err != nil {
			return fmt.Errorf("remove %s: %w", step.name, err)
		}
	}
	return nil
}

// Containers are the slices' containers in this server's engine.
type Containers interface {
	// Find tells whether the slice's container runs; a stopped or absent one is not an error.
	Find(ctx context.Context, slice int64) (Running, bool, error)
	// Look is Find for one that may have ended; there is false where there is none.
	Look(ctx context.Context, slice int64) (container Container, there bool, err error)
	// Each lists the containers of this fleet, running or not.
	Each(ctx context.Context) ([]Container, error)
	// Run makes the container if there is none, and starts it. A running one is left alone; a
	// stopped one that differs from spec is made anew (its data is on volumes). One that stops at
	// once is a SliceError, an image that is not there a FatalError.
	Run(ctx context.Context, spec Spec) (Running, error)
	// Status asks the slice's backend once.
	Status(ctx context.Context, running Running) (Status, error)
	// Probe has the slice ask its page whether it lives, and begin a dead one anew; then it is Status.
	// It wakes what sleeps.
	Probe(ctx context.Context, running Running) (Status, error)
	// LastWords are the last lines that the container wrote, to say why it stopped.
	LastWords(ctx context.Context, slice int64) string
	// Tell sends a text to the slice's user, from their own number to their own number. The same key
	// sends it once. ErrNotConnected: their WhatsApp is not ready.
	Tell(ctx context.Context, running Running, text, key string) error
	// Remove stops the container in order and deletes it.
	Remove(ctx context.Context, slice int64) error
	// Identify gives the id of the image that a name, or an id, stands for now; a FatalError if the
	// engine has none.
	Identify(ctx context.Context, image string) (id string, err error)
	// Name gives an image another name, which keeps it from being pruned; a FatalError if the
	// engine does not have it.
	Name(ctx context.Context, id, name string) error
}

// Images asks images of this server's engine whether they can be slices.
type Images interface {
	// Ask asks one for all that the slice contract wants, which takes a minute or more, and reports each line
	// as it is known. kept is false if it breaks something that it must keep; an error means that it could not be asked.
	Ask(ctx context.Context, image string, report func(line string)) (kept bool, err error)
}

// Software is what this server runs with.
type Software interface {
	Versions(ctx context.Context) (Versions, error)
}

// Versions are those of the parts that can be replaced under a server's slices.
type Versions struct{ Kernel, Engine, Runner string }

// ErrNotConnected is a message that cannot be sent as long as the slice's WhatsApp is not ready.
var ErrNotConnected = errors.New("WhatsApp is not connected")

// Spec is what differs from one slice's container to the next; limits and hardening are the engine's.
type Spec struct {
	Slice       int64
	Image       string
	Port        int // on 127.0.0.1, for the slice's 4001
	DatabaseURL string
	Directory   string // holds media and session
	Owner       int    // user and group id of the processes and the directory
	MediaQuota  int64  // bytes; 0: as the engine gives it to every slice
}

// Running is a container that runs.
type Running struct {
	Address   string // inside the slices' network
	StartedAt time.Time
	Image     string // of the Spec that it was made of
}

// Said is what a slice's backend says of its WhatsApp.
type Said struct {
	State       string     `json:"state"`       // of the slice contract: "starting", "qr", "ready", ...
	Reason      *string    `json:"reason"`      // why, where there is more to say: "qr_timeout"
	PhoneNumber *string    `json:"phoneNumber"` // of the linked phone; nil while none is
	Since       *time.Time `json:"since"`       // it is ready, or is not any more; nil: since before it started, or it does not tell
}

// Status is what a slice's backend says of itself when it is asked.
type Status struct {
	Said
	LastEventAt *time.Time `json:"lastEventAt"` // the last that WhatsApp said; nil before the first
	Storage     *Storage   `json:"storage"`     // nil: it does not tell
	// Whether the page behind it answered just now; nil: it was not asked, or there is none that could be.
	Alive *bool `json:"-"`
}

// Storage is what a slice's backend knows of its media.
type Storage struct {
	QuotaBytes int64 `json:"quotaBytes"` // that they may take up
}

// Container is what the engine has of a slice.
type Container struct {
	Slice     int64
	Running   bool
	Image     string // of the Spec that it was made of
	ImageID   string // the engine's, of what that named then
	PID       int    // of its first process, while it runs
	Port      int    // on 127.0.0.1, as it was made
	Address   string // inside the slices' network, while it runs; empty: it has none there
	StartedAt time.Time
	EndedAt   time.Time // of one that does not run; zero if it never did
	ExitCode  int
}

// Schemas are the slices' roles and schemas in the database `slices`.
type Schemas interface {
	// Ensure makes the slice's role and schema, brings it to the newest version, and returns the
	// URL by which the slice's container reaches it.
	Ensure(ctx context.Context, slice int64) (databaseURL string, err error)
	// Has tells whether the slice's schema is there.
	Has(ctx context.Context, slice int64) (bool, error)
	// Each lists the slices, of whatever server, that have a schema or a role.
	Each(ctx context.Context) ([]int64, error)
	// Move makes the schema of one slice that of another, whose own it drops. If `from` has none, it
	// was done before.
	Move(ctx context.Context, from, to int64) error
	// Drop deletes both, with all data.
	Drop(ctx context.Context, slice int64) error
}

// Directories are the slices' directories under DATA_ROOT.
type Directories interface {
	// Ensure makes the slice's directories, for its own user id alone.
	Ensure(ctx context.Context, slice int64) (path string, owner int, err error)
	// Has tells whether they are there.
	Has(ctx context.Context, slice int64) (bool, error)
	// Each lists the slices that have some.
	Each(ctx context.Context) ([]int64, error)
	// Move makes the directories of one slice those of another, whose own it deletes. If `from` has
	// none, it was done before.
	Move(ctx context.Context, from, to int64) error
	// Size is how many bytes of disk they take.
	Size(ctx context.Context, slice int64) (int64, error)
	// MediaSize is how many bytes its media are.
	MediaSize(ctx context.Context, slice int64) (int64, error)
	// Said is what the slice's backend wrote down of its state, and when: false where it writes nothing.
	Said(slice int64) (said Said, at time.Time, there bool, err error)
	// Remove deletes them, with all data.
	Remove(ctx context.Context, slice int64) error
}

// Walls are this server's firewall around the slices' network.
type Walls interface {
	// Ensure puts up what is missing or different, and tells what that was.
	Ensure(ctx context.Context) (repaired []string, err error)
}

// Memory is this server's.
type Memory interface {
	// Available is how many bytes the server could give to new processes without swapping.
	Available() (int64, error)
}

// Ports are the TCP ports of this server's loopback address.
type Ports interface {
	// Free tells whether nobody listens there now.
	Free(port int) bool
}
