package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"slicegate/config"
	"slicegate/store"
	questions "slicegate/store/answers"
)

// answer tells what the telemetry says to the questions that it is kept for.
func answer(ctx context.Context, settings config.Runner, args []string) error {
	flags := flag.NewFlagSet("answers", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	asJSON := flags.Bool("json", false, "")
	days := flags.Int("days", questions.DefaultDays, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errors.New(usage)
	}
	if *days < 1 || *days > 365 {
		return fmt.Errorf("-days must be from 1 to 365, not %d", *days)
	}
	pool, err := store.Open(ctx, settings.DatabaseURL, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	found, err := questions.Read(ctx, pool, questions.Options{
		Now: time.Now(), Days: *days, MinFree: int64(settings.MinFreeMemory), SwapUse: settings.ReclaimSwapUse,
	})
	if err != nil {
		return err
	}
	if !*asJSON {
		return found.Text(os.Stdout)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(found)
}
