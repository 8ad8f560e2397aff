package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/docker"
	"slicegate/store"
)

const rolloutUsage = `runner rollout IMAGE: takes every slice to an image; -slice N IMAGE that one alone.

It asks the image what check-image asks. Then one slice is updated, then ROLLOUT_BATCH at a time;
those in use come last. Two failures in a row, or of more than a tenth, halt it; a slice that fails
is taken back at once. It is shown until it ends; who stops looking (Ctrl-C) does not stop it.

  runner rollout status         how far the last one is
  runner rollout pause, resume  begin nothing more, and go on
  runner rollout abort          end it where it is; what is on the new image stays there
  runner rollout --rollback     take every slice of the last one back to the image it came from`

// rollout starts the fleet's update, shows it, or changes its course. The runners carry it out.
func rollout(ctx context.Context, settings config.Runner, args []string) error {
	act, wanted, err := parseRollout(args)
	if err != nil {
		return err
	}
	pool, err := store.Open(ctx, settings.DatabaseURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		return err
	}
	wanted.Batch = settings.RolloutBatch
	switch act {
	case "status":
		last, err := store.New(pool).LastRollout(ctx)
		if store.IsNone(err) {
			fmt.Println("there has been no rollout")
			return nil
		}
		if err != nil {
			return err
		}
		return showRollout(ctx, pool, last.ID, os.Stdout)
	case "start":
		// Before the check, which takes a minute; StartRollout looks again.
		if other, err := store.New(pool).UnfinishedRollout(ctx); err == nil {
			return fmt.Errorf("rollout %d to %s is not finished: `runner rollout status` shows it, `runner rollout abort` ends it", other.ID, other.AskedImage)
		} else if !store.IsNone(err) {
			return err
		}
		if wanted.ImageID, wanted.Image, err = pinImage(ctx, settings, wanted.Asked); err != nil {
			return err
		}
		fmt.Printf("%s is checked first:\n\n", wanted.Asked)
		if wanted.Checked, err = showCheck(ctx, settings, wanted.Image, os.Stdout); err != nil {
			return fmt.Errorf("nothing was started: %w", err)
		}
	}
	told, err := order(ctx, pool, client, act, wanted)
	if err != nil {
		return err
	}
	if act == "start" || act == "rollback" || act == "resume" {
		return follow(ctx, pool, told.ID, os.Stdout, time.Second)
	}
	return showRollout(ctx, pool, told.ID, os.Stdout)
}

// parseRollout reads the words after `runner rollout`.
func parseRollout(args []string) (act string, wanted jobs.NewRollout, err error) {
	if len(args) == 3 && (args[0] == "-slice" || args[0] == "--slice") {
		slice, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || slice < 1 {
			return "", wanted, fmt.Errorf("%q is not the number of a slice\n%s", args[1], rolloutUsage)
		}
		wanted.Slice, args = &slice, args[2:]
	}
	if len(args) != 1 {
		return "", wanted, errors.New(rolloutUsage)
	}
	word := args[0]
	if wanted.Slice == nil {
		switch word {
		case "status", "pause", "resume", "abort":
			return word, wanted, nil
		case "--rollback", "-rollback":
			return "rollback", wanted, nil
		}
	}
	if !jobs.IsImage(word) {
		return "", wanted, fmt.Errorf("%q is neither an image nor anything that a rollout can be told\n%s", word, rolloutUsage)
	}
	wanted.Asked = word
	return "start", wanted, nil
}

// pinImage finds what a name stands for now and gives that a name which stays.
func pinImage(ctx context.Context, settings config.Runner, image string) (id, name string, err error) {
	engine, err := docker.Open(ctx, engineConfig(settings, nil))
	if err != nil {
		return "", "", err
	}
	defer engine.Close()
	if id, err = engine.Identify(ctx, image); err != nil {
		return "", "", err
	}
	name = jobs.PinnedName(image, id)
	return id, name, engine.Name(ctx, id, name)
}

// order writes what the operator wants, and enqueues the job that sees to it.
func order(ctx context.Context, pool *pgxpool.Pool, client *river.Client[pgx.Tx], act string, wanted jobs.NewRollout) (told store.Rollout, err error) {
	const actor = "operator"
	now := time.Now()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		switch act {
		case "start":
			told, err = jobs.StartRollout(ctx, tx, client, wanted, actor, now)
		case "pause", "resume":
			told, err = jobs.PauseRollout(ctx, tx, client, jobs.AnyRollout, act == "pause", actor, now)
		case "abort":
			told, err = jobs.AbortRollout(ctx, tx, client, jobs.AnyRollout, actor, now)
		case "rollback":
			told, err = jobs.RollBack(ctx, tx, client, jobs.AnyRollout, actor, now)
		}
		return err
	})
	return told, err
}

// follow shows a rollout whenever it has changed, until it ends. It fails if that is not the end
// that was wanted.
func follow(ctx context.Context, pool *pgxpool.Pool, id int64, to io.Writer, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for shown := ""; ; {
		seen, err := readRollout(ctx, pool, id)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if line := seen.Line(); err == nil && line != shown {
			fmt.Fprintln(to, line)
			shown = line
		}
		if err == nil && seen.Rollout.FinishedAt != nil {
			fmt.Fprintln(to)
			writeRollout(to, seen)
			return seen.Outcome()
		}
		select {
		case <-ctx.Done():
			fmt.Fprintf(to, "\nrollout %d goes on; `runner rollout status` shows it, `runner rollout pause` holds it\n", id)
			return nil
		case <-ticker.C:
		}
	}
}

func showRollout(ctx context.Context, pool *pgxpool.Pool, id int64, to io.Writer) error {
	seen, err := readRollout(ctx, pool, id)
	if err != nil {
		return err
	}
	writeRollout(to, seen)
	return nil
}
