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

// browser runs the tests in a real browser against a whole system of their own: one of trials, and one
// where customers pay first, at a stand-in of Stripe.
func (e *Environment) browser(ctx context.Context, line func(string)) error {
	mails := e.State.Path("scratch", "mails")
	if err := views.WriteSamples(ctx, mails); err != nil {
		return err
	}
	return errors.Join(
		e.inBrowser(ctx, line, system.Options{}, "system", "MAIL_SAMPLES="+mails),
		e.inBrowser(ctx, line, system.Options{Stripe: true, ExtraEnv: []string{"TRIAL_DAYS=0"}}, "paying-system", "E2E=billing"),
	)
}

// inBrowser runs the tests that are about one kind of system.
func (e *Environment) inBrowser(ctx context.Context, line func(string), options system.Options, name string, variables ...string) (err error) {
	port, err := system.FreePort()
	if err != nil {
		return err
	}
	options.Root, options.StateName, options.Port = e.root, filepath.Join(e.name, name), port
	options.Fleet, options.SlicePorts = fmt.Sprint(fleetPrefix, os.Getpid()), "6001-6399"
	options.Throwaway, options.Report = true, e.report
	options.ExtraEnv = append(options.ExtraEnv, "SLICE_IMAGE="+e.Image)
	tested, err := system.Up(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tested.Down(context.WithoutCancel(ctx))) }()
	defer func() {
		if err != nil {
			err = errors.Join(err, tested.KeepLogs(e.State.Path("log", name)))
		}
	}()

	// As root: the tests look into containers and the database. What they leave is the invoker's.
	root, err := account.Current()
	if err != nil {
		return err
	}
	project := e.npm("web", line)
	project.Invoker = root
	variables = append(append(tested.Variables(), "CHROMIUM="+packages.Browser.Path()), variables...)
	if options.Stripe {
		variables = append(variables, "BILLING_APP_URL="+tested.AppURL, "BILLING_SITE_URL="+tested.SiteURL)
	}
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
