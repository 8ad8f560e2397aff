package suite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/system"
	"slicegate/views"
)

// fleetPrefix, and the number of the process, is the fleet of a system that is tested.
const fleetPrefix = "test"

// browser runs the tests in a real browser against a whole system of their own.
func (e *Environment) browser(ctx context.Context, line func(string)) (err error) {
	port, err := system.FreePort()
	if err != nil {
		return err
	}
	tested, err := system.Up(ctx, system.Options{
		Root: e.root, StateName: filepath.Join(e.name, "system"), Port: port,
		Fleet: fmt.Sprint(fleetPrefix, os.Getpid()), SlicePorts: "6001-6399", Throwaway: true, Report: e.report,
		ExtraEnv: []string{"SLICE_IMAGE=" + e.Image},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tested.Down(context.WithoutCancel(ctx))) }()
	defer func() {
		if err != nil {
			err = errors.Join(err, tested.KeepLogs(e.State.Path("log", "system")))
		}
	}()

	// As root: the tests look into containers and the database. What they leave is the invoker's.
	root, err := account.Current()
	if err != nil {
		return err
	}
	project := e.npm("web", line)
	project.Invoker = root
	mails := e.State.Path("scratch", "mails")
	if err := views.WriteSamples(ctx, mails); err != nil {
		return err
	}
	variables := append(tested.Variables(), "CHROMIUM="+packages.Browser.Path(), "MAIL_SAMPLES="+mails)
	return errors.Join(project.Script(ctx, "e2e", variables...), e.giveBack(filepath.Join(project.Dir, "e2e", "artifacts")))
}

// giveBack makes everything below a folder the invoker's.
func (e *Environment) giveBack(dir string) error {
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(e.invoker.UID), int(e.invoker.GID))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
