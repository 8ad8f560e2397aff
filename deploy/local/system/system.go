// Package system starts the whole system on this machine and stops it: Postgres, the
// engine, the slice image, the app and the site, functions, runner and nginx.
package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/engine"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/postgres"
	"slicegate/deploy/local/process"
	"slicegate/deploy/local/progress"
	"slicegate/deploy/local/state"
)

// Options say which system to start.
type Options struct {
	Root      string // the checkout, with bin/ built
	StateName string // the folder below var/
	Port      int    // of nginx on 127.0.0.1

	Fleet      string // empty: FLEET, or "slice"
	SlicePorts string // empty: SLICE_PORTS, or "5001-5399"
	ExtraEnv   []string

	Throwaway bool // for tests: everything is new and nothing is kept, logs go to files alone
	Report    *progress.Reporter

	Stripe    bool                              // a stand-in of Stripe beside it, at which customers pay
	Restart   time.Duration                     // a service that ends is started again after this long; 0: its end is the system's
	NoPages   bool                              // neither app nor site
	EngineFor func(host string) (string, error) // where the runner reaches the engine that is at host; nil: there
}

// System is a running one, or what there is of it.
type System struct {
	SiteURL, AppURL string
	Engine          *engine.Engine

	options  Options
	settings settings
	state    *state.State
	fleet    *os.File
	database postgres.Config
	image    string

	runnerEngine string // see engineForRunner

	addresses map[string]string
	stripe    *standIn // nil: none

	data, front *process.Group
}

// Up starts the system and returns when it answers. After an error everything that was
// started is stopped again.
func Up(ctx context.Context, options Options) (*System, error) {
	s := &System{
		SiteURL: fmt.Sprintf("http://localhost:%d", options.Port), AppURL: fmt.Sprintf("http://app.localhost:%d", options.Port),
		options: options, settings: settingsFrom(os.LookupEnv, options), data: process.NewGroup(), front: process.NewGroup(),
	}
	if options.Restart > 0 {
		s.data, s.front = process.NewSupervised(options.Restart), process.NewSupervised(options.Restart)
	}
	if err := s.up(ctx); err != nil {
		return nil, errors.Join(err, s.Down(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *System) up(ctx context.Context) error {
	if err := s.claim(); err != nil {
		return err
	}
	if err := s.step(ctx, "packages", s.packages); err != nil {
		return err
	}
	// Postgres, the image and the app do not need each other, and each takes its time.
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.step(within, "postgres", s.startPostgres); err != nil {
			return err
		}
		return s.step(within, "migrations", s.migrate)
	})
	group.Go(func() error {
		if err := s.step(within, "engine", s.startEngine); err != nil {
			return err
		}
		return s.step(within, "slice image", s.buildImage)
	})
	if !s.options.NoPages {
		group.Go(func() error { return s.step(within, "app and site", s.buildPages) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if s.options.Stripe {
		if err := s.step(ctx, "Stripe's stand-in", s.startStripe); err != nil {
			return err
		}
	}
	for _, start := range []struct {
		name string
		work func(context.Context, func(string)) error
	}{{"functions", s.startFunctions}, {"runner", s.startRunner}, {"nginx", s.startNginx}} {
		if err := s.step(ctx, start.name, start.work); err != nil {
			return err
		}
	}
	return s.publish()
}

// Wait waits until ctx ends, which is no error, or a part of the system ends by itself.
func (s *System) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.data.Failed():
		return err
	case err := <-s.front.Failed():
		return err
	}
}

// Down stops what was started, in the reverse order, and then the slices, before the
// database that they write to.
func (s *System) Down(ctx context.Context) error {
	var failures []error
	s.front.Stop()
	if s.stripe != nil {
		failures = append(failures, s.stripe.end())
	}
	if s.Engine != nil && s.fleet != nil {
		label := "slicegate.fleet=" + s.fleetName()
		if s.options.Throwaway {
			failures = append(failures, s.Engine.RemoveSettled(ctx, label))
		} else {
			failures = append(failures, s.Engine.Stop(ctx, label))
		}
	}
	s.data.Stop()
	if s.Engine != nil {
		failures = append(failures, s.Engine.Leave(ctx))
	}
	if s.fleet != nil {
		if s.options.Throwaway { // no other system has this name, so that nobody waits for the file
			failures = append(failures, os.Remove(s.fleet.Name()))
		}
		failures = append(failures, s.fleet.Close())
	}
	if s.state != nil {
		failures = append(failures, s.state.Release())
		if s.options.Throwaway {
			failures = append(failures, s.state.Discard())
		}
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("stop the system: %w", err)
	}
	return nil
}

// PID is the process id of a service (postgres, functions, runner, nginx), 0 if it is not up.
func (s *System) PID(name string) int {
	for _, group := range []*process.Group{s.data, s.front} {
		if child := group.Find(name); child != nil {
			select {
			case <-child.Done():
			default:
				return child.PID()
			}
		}
	}
	return 0
}

// RunSecondRunner runs another runner of the same server to its end, which is an error.
func (s *System) RunSecondRunner(ctx context.Context) error {
	environment, err := s.runnerEnvironment()
	if err != nil {
		return err
	}
	// It is to be refused for the server that the first one has, and not for its port.
	environment = append(environment, runnerMetrics+"=off")
	return process.Run(ctx, process.Spec{Name: "second runner", Path: s.binary("runner"), Args: []string{"work"}, Env: environment, Dir: "/"})
}

// Variables are how to reach the system, as KEY=value.
func (s *System) Variables() []string {
	var lines []string
	for name, value := range s.addresses {
		lines = append(lines, name+"="+value)
	}
	return lines
}

// KeepLogs copies the logs elsewhere, before Down removes a throwaway system's.
func (s *System) KeepLogs(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(s.state.Path("log")))
}

// claim takes the state folder, the fleet's name and the port, each of which only one
// system may have.
func (s *System) claim() error {
	claimed, err := state.Claim(filepath.Join(s.options.Root, "var", s.options.StateName))
	if err != nil {
		return err
	}
	s.state = claimed
	if err := s.freeMetrics(); err != nil {
		return err
	}
	fleet, err := lockFleet(s.fleetName())
	if err != nil {
		return err
	}
	s.fleet = fleet
	listener, err := net.Listen("tcp", s.address())
	if err != nil {
		return fmt.Errorf("port %d is taken by another program (%w): stop it, or set PORT to another", s.options.Port, err)
	}
	return listener.Close()
}

func (s *System) packages(ctx context.Context, line func(string)) error {
	found, err := engine.Answering(ctx)
	if err != nil {
		return err
	}
	s.Engine = found
	needs := []packages.Need{packages.Postgres, packages.Nginx}
	if s.settings["SLICE_IMAGE"] == "" {
		needs = append(needs, packages.Bases, packages.Keyring)
	}
	if found == nil {
		needs = append(needs, packages.Engine()...)
	}
	return packages.Installer{Root: "/", Say: s.options.Report.Println, Note: line}.Ensure(ctx, needs...)
}

// step runs one step of the set-up, its words going to a log of its name.
func (s *System) step(ctx context.Context, name string, work func(context.Context, func(string)) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return s.options.Report.Do(name, func(note func(string)) error {
		log, err := s.state.Log(name)
		if err != nil {
			return err
		}
		err = work(ctx, func(line string) {
			log(line)
			note(line)
		})
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx) // how it took the end is no news
		}
		return err
	})
}

// lines gives where a service's log lines go.
func (s *System) lines(name string) (func(string), error) {
	log, err := s.state.Log(name)
	// The database's log is for who looks for something; its end is shown by the group.
	if err != nil || s.options.Throwaway || name == "postgres" {
		return log, err
	}
	show := s.options.Report.Lines(name)
	return func(line string) {
		log(line)
		show(line)
	}, nil
}

func (s *System) fleetName() string { return s.settings.or("FLEET", "slice") }
func (s *System) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.options.Port))
}

// until asks again and again until the answer is nil, the child ends or 30 s are over.
func until(ctx context.Context, child *process.Child, name string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-child.Done():
			return fmt.Errorf("%s did not start:%s", name, child.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %w%s", name, context.Cause(ctx), err, child.Tail())
		case <-ticker.C:
		}
	}
}

// service is the account for what talks to strangers.
func service() (account.Account, error) { return account.Service("www-data", "nobody") }
