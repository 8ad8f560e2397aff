// Package chaos is the fault test: a whole system under customers who come, use their slices and
// go, while its parts are killed, stopped, slowed and starved at random. After each fault everything
// must be as it should within 90 s.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/state"
	"slicegate/deploy/local/system"
	"slicegate/migrations"
	"slicegate/store"
)

// Options say which test to run.
type Options struct {
	Root   string // the checkout, with bin/ built
	Name   string // the folder below var/ that has the log and the summary
	Seed   uint64
	Faults int
	Kinds  []Kind
	Image  string // of the slices; "" builds it
	Report *progress.Reporter
	Line   func(string) // gets every line that is said, too; may be nil
}

// The fleet is small: two cores must start it again and again.
const (
	customers = 6
	maxSlices = 8
	poolSize  = 1

	// FleetPrefix and the number of the process name the fleet.
	FleetPrefix = "chaos"

	restart = time.Second // of a service that was killed
)

// test is one that runs.
type test struct {
	options  Options
	state    *state.State
	log      func(string)
	system   *system.System
	observer *observer
	hurter   *hurter
	crowd    *crowd
	ledger   *ledger
	outcomes []outcome
	lines    []string
	lastSeen string // what did not hold yet when somebody looked last
}

// Run runs the test and takes everything away that it made, but for var/NAME/SEED.log and SEED.md.
func Run(ctx context.Context, options Options) (err error) {
	claimed, err := state.Claim(filepath.Join(options.Root, "var", options.Name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claimed.Release()) }()
	t := &test{options: options, state: claimed}
	if t.log, err = claimed.Log(fmt.Sprint(options.Seed)); err != nil {
		return err
	}
	started := time.Now()
	defer func() { err = errors.Join(err, t.write(started)) }()
	return t.withSystem(ctx, t.run)
}

// withSystem starts what the test needs around the work, and stops it in the reverse order.
func (t *test) withSystem(ctx context.Context, work func(context.Context) error) (err error) {
	if err := removeAbandonedDisks(); err != nil {
		return err
	}
	fleet := fmt.Sprint(FleetPrefix, os.Getpid())
	disk, err := newDisk(diskPath(fmt.Sprint(os.Getpid())))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.remove()) }()
	port, err := system.FreePort()
	if err != nil {
		return err
	}
	var path *enginePath
	defer func() {
		if path != nil {
			path.close()
		}
	}()
	running, err := system.Up(ctx, system.Options{
		Root: t.options.Root, StateName: filepath.Join(t.options.Name, "system"), Port: port,
		Fleet: fleet, SlicePorts: "6401-6499", Throwaway: true, NoPages: true, Restart: restart, Report: t.options.Report,
		EngineFor: func(host string) (string, error) {
			path, err = newEnginePath(t.state.RunDir, host)
			if err != nil {
				return "", err
			}
			return path.host(), nil
		},
		ExtraEnv: t.settings(disk),
	})
	if err != nil {
		return err
	}
	t.system = running
	defer func() {
		if err != nil {
			err = errors.Join(err, running.KeepLogs(t.state.Path("log", "system")))
		}
		err = errors.Join(err, running.Down(context.WithoutCancel(ctx)))
	}()
	if err := system.RemoveAbandoned(ctx, running.Engine, FleetPrefix); err != nil {
		return err
	}
	if !running.Engine.Shared() {
		t.options.Kinds = slices.DeleteFunc(t.options.Kinds, func(kind Kind) bool { return kind == KillDockerd })
	}
	return t.withCrowd(ctx, fleet, disk, path, work)
}

// settings make what the product does by the clock frequent, and let slices write as fast as they like.
func (t *test) settings(disk disk) []string {
	settings := []string{
		"DATA_ROOT=" + disk.path, fmt.Sprint("MAX_SLICES=", maxSlices), fmt.Sprint("POOL_SIZE=", poolSize),
		"RESTART_PAUSE=1s", "FILL_EVERY=3s", "RECONCILE_EVERY=2s", "WA_ENGINE=simulated", "SLICE_CPUS=1", "LOG_LEVEL=info",
		"SLICE_ENV=" + strings.Join([]string{
			"SEND_BURST=1000", "SEND_PER_MINUTE=6000", "SEND_NEW_CHATS_PER_HOUR=36000", "DISK_RESERVE_BYTES=0",
			"SIMULATED_MESSAGES_PER_MINUTE=0", "SIMULATED_CONTACTS=5", "SIMULATED_SYNC_SECONDS=0", "SIMULATED_QR_SECONDS=3600",
		}, " "),
	}
	if t.options.Image != "" {
		settings = append(settings, "SLICE_IMAGE="+t.options.Image)
	}
	return settings
}

func (t *test) withCrowd(ctx context.Context, fleet string, disk disk, path *enginePath, work func(context.Context) error) error {
	addresses := map[string]string{}
	for _, line := range t.system.Variables() {
		name, value, _ := strings.Cut(line, "=")
		addresses[name] = value
	}
	gateway, err := store.Open(ctx, addresses["DATABASE_URL"], 6)
	if err != nil {
		return err
	}
	defer gateway.Close()
	slices, err := store.Open(ctx, addresses["SLICES_DATABASE_URL"], 2)
	if err != nil {
		return err
	}
	defer slices.Close()
	client, err := river.NewClient[pgx.Tx](riverpgxv5.New(gateway), &river.Config{
		Schema: migrations.RiverSchema, Logger: slog.New(slog.DiscardHandler), // what fails is expected to, and is kept by the ledger
	})
	if err != nil {
		return err
	}
	t.ledger = &ledger{pool: gateway, client: client, last: map[int64]order{}}
	t.observer = &observer{
		gateway: gateway, slices: slices, engine: t.system.Engine.Client, fleet: fleet, dataRoot: disk.path,
		maxSlices: maxSlices, poolSize: poolSize, ordered: t.ledger.orders,
	}
	t.hurter = &hurter{t.system, t.observer, path, disk}
	t.crowd = newCrowd(customers, t.options.Seed, t.system.AppURL, address(t.system.AppURL), t.ledger)
	acting, stop := context.WithCancel(ctx)
	t.crowd.start(acting)
	defer t.crowd.wait()
	defer stop()
	return work(ctx)
}

func (t *test) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	t.lines = append(t.lines, line)
	t.log(line)
	t.options.Report.Println(line)
	if t.options.Line != nil {
		t.options.Line(line)
	}
}

// write leaves the summary, if there was a fault at all.
func (t *test) write(started time.Time) error {
	if len(t.outcomes) == 0 {
		return nil
	}
	path := t.state.Path(fmt.Sprintf("%d.md", t.options.Seed))
	t.options.Report.Println("The summary is in " + path)
	return os.WriteFile(path, []byte(summary(t.options, started, t.outcomes, t.lines)), 0o644)
}
