// Package node builds and tests the project's npm packages, as the user who asked, so
// that no file in the checkout comes to belong to root.
package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/process"
)

// Project is a folder with a package.json and its lock file.
type Project struct {
	Dir     string
	Invoker account.Account
	Line    func(string)
}

// Install installs what the lock file names, unless that is there.
func (p Project) Install(ctx context.Context) error {
	return p.alone(ctx, func() error { return p.install(ctx) })
}

// Build runs the build, with more environment, and copies dist into a new folder, which
// replaces into.
func (p Project) Build(ctx context.Context, into string, env ...string) error {
	return p.alone(ctx, func() error {
		if err := p.install(ctx); err != nil {
			return err
		}
		if err := p.npm(ctx, p.Dir, env, "run", "build"); err != nil {
			return err
		}
		fresh := into + ".new"
		if err := os.RemoveAll(fresh); err != nil {
			return err
		}
		if err := os.CopyFS(fresh, os.DirFS(filepath.Join(p.Dir, "dist"))); err != nil {
			return err
		}
		if err := os.RemoveAll(into); err != nil {
			return err
		}
		return os.Rename(fresh, into)
	})
}

// Script runs one of the package's scripts with more environment.
func (p Project) Script(ctx context.Context, script string, env ...string) error {
	return p.npm(ctx, p.Dir, env, "run", script)
}

// Production builds and puts together, in a new folder below parent, what runs: dist, the
// production dependencies and the further files and folders. The caller removes it.
func (p Project) Production(ctx context.Context, parent string, files ...string) (dir string, err error) {
	if err := p.Invoker.MakeDir(parent, 0o755); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp(parent, "production-"); err != nil {
		return "", err
	}
	made := dir // a return of "" must not make the clean-up forget it
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	if err := p.Build(ctx, filepath.Join(dir, "dist")); err != nil {
		return "", err
	}
	for _, name := range append(files, "package.json", "package-lock.json") {
		if err := copyAll(filepath.Join(p.Dir, name), filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	if err := p.Invoker.MakeDir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, p.npm(ctx, dir, nil, "ci", "--omit=dev", "--omit=optional", "--ignore-scripts")
}

// copyAll copies a file, or a folder with all that is in it.
func copyAll(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

func (p Project) install(ctx context.Context) error {
	lock, err := os.ReadFile(filepath.Join(p.Dir, "package-lock.json"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(lock)
	stamp, want := filepath.Join(p.Dir, "node_modules", ".installed"), hex.EncodeToString(sum[:])
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	if err := p.npm(ctx, p.Dir, nil, "ci"); err != nil {
		return err
	}
	if err := os.WriteFile(stamp, []byte(want), 0o644); err != nil {
		return err
	}
	return os.Chown(stamp, int(p.Invoker.UID), int(p.Invoker.GID))
}

func (p Project) npm(ctx context.Context, dir string, env []string, args ...string) error {
	return process.Run(ctx, process.Spec{
		Name: fmt.Sprintf("npm %s (%s)", args[len(args)-1], filepath.Base(p.Dir)), Path: "npm", Args: args, Dir: dir, Account: &p.Invoker,
		// A browser comes from Debian's packages, never from a download of npm's.
		Env: append([]string{
			"PUPPETEER_SKIP_DOWNLOAD=1", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1",
			"npm_config_fund=false", "npm_config_audit=false", "npm_config_update_notifier=false", "npm_config_progress=false",
		}, env...),
		Grace: 2 * time.Second, // npm goes on when it is asked to end, and begins anew next time
		Line:  p.Line,
	})
}

// alone keeps two systems of one checkout from installing and building into each other.
func (p Project) alone(ctx context.Context, work func() error) error {
	dir, err := os.Open(p.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return work()
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
