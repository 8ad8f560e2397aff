package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"slicegate/deploy/local/engine"
	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/state"
)

// clean removes the state of every system of this checkout that does not run, with the
// containers that keep its slices. Images stay: other checkouts use them.
func clean(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(root, "var"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failures []error
	for _, entry := range entries {
		failures = append(failures, cleanOne(ctx, filepath.Join(root, "var", entry.Name()), out))
	}
	return errors.Join(failures...)
}

func cleanOne(ctx context.Context, dir string, out *os.File) error {
	claimed, err := state.Claim(dir)
	if errors.Is(err, state.ErrBusy) {
		fmt.Fprintf(out, "Kept %s: a system runs from it\n", dir)
		return nil
	}
	if err != nil {
		return err
	}
	if err := removeContainers(ctx, claimed); err != nil {
		return errors.Join(err, claimed.Release())
	}
	if err := errors.Join(claimed.Release(), claimed.Discard()); err != nil {
		return err
	}
	fmt.Fprintf(out, "Removed %s\n", dir)
	return nil
}

// removeContainers removes what holds the state's folders mounted.
func removeContainers(ctx context.Context, of *state.State) error {
	if _, err := os.Stat(of.Path("data")); err != nil {
		return nil // it never had a slice
	}
	found, err := engine.Answering(ctx)
	if err == nil && found == nil && len(packages.Missing(packages.Engine()...)) == 0 {
		found, err = engine.Join(ctx, engine.Options{})
	}
	if err != nil || found == nil {
		return err
	}
	return errors.Join(found.RemoveMounting(ctx, of.Dir, of.RunDir), found.Leave(context.WithoutCancel(ctx)))
}
