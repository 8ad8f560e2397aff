package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"slicegate/deploy/local/process"
)

// Installer installs packages. Root is "/" but in tests.
type Installer struct {
	Root string
	Say  func(string) // tells what is installed and why
	Note func(string) // gets the last line of what apt says
}

// Ensure installs what the needs lack. With nothing missing it does nothing.
func (i Installer) Ensure(ctx context.Context, needs ...Need) error {
	missing := Missing(needs...)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s is missing (for %s), and without apt-get it cannot be installed: only Debian is supported", missing[0].Programs[0], missing[0].Why)
	}
	var names []string
	for _, need := range missing {
		i.Say(fmt.Sprintf("Installing %s for %s", strings.Join(need.Packages, " and "), need.Why))
		for _, name := range need.Packages {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if err := i.install(ctx, names); err != nil {
		return fmt.Errorf("install %s: %w", strings.Join(names, ", "), err)
	}
	if still := Missing(missing...); len(still) > 0 {
		return fmt.Errorf("%v were installed, but %s is still missing", still[0].Packages, still[0].Programs[0])
	}
	return nil
}

func (i Installer) install(ctx context.Context, names []string) (err error) {
	restore, err := i.holdServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()
	if slices.Contains(names, "postgresql") {
		if err := i.noCluster(); err != nil {
			return err
		}
	}
	before := i.units()
	if err := i.apt(ctx, "update"); err != nil {
		return err
	}
	if err := i.apt(ctx, append([]string{"install", "-y", "--no-install-recommends"}, names...)...); err != nil {
		return err
	}
	return i.disable(ctx, i.units(), before)
}

// apt runs apt-get. It is interrupted, never killed: apt lets dpkg finish what it is at.
func (i Installer) apt(ctx context.Context, args ...string) error {
	return process.Run(ctx, process.Spec{
		Name: "apt-get " + args[0], Path: "apt-get",
		Args: append([]string{"-q", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Options::=--force-confold"}, args...),
		Env:  []string{"DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"},
		// Its mirrors' proxies come with the environment or apt's own configuration.
		StopSignal: syscall.SIGINT, Finish: true, Line: i.Note,
	})
}

const (
	held   = "#!/bin/sh\n# Put here while packages are installed: their services must not start.\nexit 101\n"
	backup = ".before-slicegate"
)

// holdServices forbids packages' scripts to start services until restore is called. What
// a killed predecessor left is undone first.
func (i Installer) holdServices() (restore func() error, err error) {
	path := filepath.Join(i.Root, "usr/sbin/policy-rc.d")
	restore = func() error {
		if current, err := os.ReadFile(path); err == nil && string(current) == held {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		err := os.Rename(path+backup, path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := restore(); err != nil {
		return nil, fmt.Errorf("hold services: %w", err)
	}
	if err := os.Rename(path, path+backup); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("hold services: %w", err)
	}
	if err := os.WriteFile(path, []byte(held), 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("hold services: %w", err), restore())
	}
	return restore, nil
}

// noCluster keeps Debian's postgresql from making and enabling a cluster of its own.
func (i Installer) noCluster() error {
	path := filepath.Join(i.Root, "etc/postgresql-common/createcluster.conf")
	if _, err := os.Stat(path); err == nil {
		return nil // the machine's owner has decided
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("# No cluster was asked for on this machine.\ncreate_main_cluster = false\n"), 0o644)
}

// units are the systemd units that packages have brought.
func (i Installer) units() []string {
	var units []string
	for _, dir := range []string{"lib/systemd/system", "usr/lib/systemd/system"} {
		for _, kind := range []string{"*.service", "*.socket", "*.timer"} {
			matches, _ := filepath.Glob(filepath.Join(i.Root, dir, kind))
			for _, match := range matches {
				if unit := filepath.Base(match); !slices.Contains(units, unit) {
					units = append(units, unit)
				}
			}
		}
	}
	return units
}

// disable stops and disables the units that were not there before, where systemd runs.
func (i Installer) disable(ctx context.Context, now, before []string) error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	fresh := slices.DeleteFunc(slices.Clone(now), func(unit string) bool {
		return slices.Contains(before, unit) || strings.Contains(unit, "@.") || unit == "apparmor.service"
	})
	if len(fresh) == 0 {
		return nil
	}
	// What is installed must not stay enabled because a Ctrl-C came just now.
	return process.Run(context.WithoutCancel(ctx), process.Spec{
		Name: "systemctl", Path: "systemctl", Args: append([]string{"disable", "--now"}, fresh...), Line: i.Note,
	})
}
