package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"slicegate/deploy/local/chaos"
	"slicegate/deploy/local/progress"
)

// runChaos runs the fault test of the seed and the length that the environment names.
func runChaos(ctx context.Context, root string, out *os.File) error {
	if err := needRoot(); err != nil {
		return err
	}
	seed, err := number("SEED", uint64(time.Now().Unix()))
	if err != nil {
		return err
	}
	faults, err := number("N", 200)
	if err != nil {
		return err
	}
	kinds, err := chaos.Kinds(os.Getenv("FAULTS"))
	if err != nil {
		return err
	}
	report := progress.New(out)
	defer report.Close()
	report.Println(fmt.Sprintf("The fault test: seed %d, %d faults", seed, faults))
	return chaos.Run(ctx, chaos.Options{Root: root, Name: "chaos", Seed: seed, Faults: int(faults), Kinds: kinds, Report: report})
}

// number reads a variable; without it, or with it empty, it is the fallback.
func number(name string, fallback uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s must be a number, not %q", name, text)
	}
	return value, nil
}
