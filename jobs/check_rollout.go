package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/store/rollouts"
)

// CheckRolloutArgs asks a server whether the image of a rollout can be a slice.
type CheckRolloutArgs struct {
	Server  string `json:"server"`
	Rollout int64  `json:"rollout"`
}

// Kind names the job.
func (CheckRolloutArgs) Kind() string { return "check_rollout" }

// InsertOpts sends the job to its server, once for each rollout. `rollout` asks again for one that was discarded.
func (a CheckRolloutArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: checkAttempts, UniqueOpts: onceEach}
}

const (
	checkAttempts = 4
	checkWithin   = 10 * time.Minute // one run: the checks wait for a minute here and there
)

// CheckRollout finds the image that a rollout was asked for, names it for good and has it checked. An image
// that is not there, or breaks the slice contract, ends the rollout before anything is begun; another lets
// it begin. A run that is cut off leaves a name, which the next gives again, and what the next check takes away.
type CheckRollout struct {
	river.WorkerDefaults[CheckRolloutArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Clock Clock
}

// Timeout lets a slow image take its time. One whose runner is killed is taken over by the server's next.
func (w *CheckRollout) Timeout(*river.Job[CheckRolloutArgs]) time.Duration { return checkWithin }

// NextRetry tries again soon: somebody is watching.
func (w *CheckRollout) NextRetry(job *river.Job[CheckRolloutArgs]) time.Time {
	return soon(job.Attempt)
}

// Work asks, and writes what that comes to.
func (w *CheckRollout) Work(ctx context.Context, job *river.Job[CheckRolloutArgs]) error {
	id := job.Args.Rollout
	rollout, err := store.New(w.Pool).RolloutByID(ctx, id)
	if err != nil && !store.IsNone(err) {
		return fmt.Errorf("check rollout %d: %w", id, err)
	}
	if err != nil || rollout.State != "checking" {
		return nil // it was aborted, or another run has ended it
	}
	err = w.check(ctx, rollout, job.Args.Server)
	switch {
	case err == nil, errors.Is(err, errUnwanted):
		return nil
	case ctx.Err() != nil:
		return err
	case isFatal(err):
		return w.refuse(ctx, id, err.Error())
	case job.Attempt >= job.MaxAttempts:
		return w.refuse(ctx, id, "the image could not be asked: "+err.Error())
	}
	return fmt.Errorf("check rollout %d: %w", id, err)
}

// check gives a FatalError for what is wrong with the image itself.
func (w *CheckRollout) check(ctx context.Context, rollout store.Rollout, server string) error {
	imageID, err := w.Hands.Containers.Identify(ctx, rollout.AskedImage)
	if err != nil {
		return err
	}
	name := PinnedName(rollout.AskedImage, imageID)
	if err := w.Hands.Containers.Name(ctx, imageID, name); err != nil {
		return err
	}
	kept, lines, err := w.ask(ctx, rollout.ID, name)
	if err != nil {
		return err
	}
	if !kept {
		return &FatalError{fmt.Errorf("%s breaks the slice contract (docs/slice-contract.md)%s", rollout.AskedImage, firstBroken(lines))}
	}
	return w.pass(ctx, rollout.ID, name, imageID, server)
}

// ask writes each line down as it is known, and ends when nobody waits for it any more.
func (w *CheckRollout) ask(ctx context.Context, rollout int64, image string) (kept bool, lines []string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	note := func(line string) {
		lines = append(lines, line)
		changed, err := store.New(w.Pool).NoteRolloutCheck(ctx, store.NoteRolloutCheckParams{ID: rollout, Checked: strings.Join(lines, "\n")})
		switch {
		case err != nil:
			stop(fmt.Errorf("note what the check says: %w", err))
		case changed == 0:
			stop(errUnwanted)
		}
	}
	kept, err = w.Hands.Images.Ask(ctx, image, note)
	if cause := context.Cause(ctx); cause != nil {
		return false, nil, cause
	}
	return kept, lines, err
}

// promise is a line of the check without its mark.
func promise(line string) string {
	_, promise, _ := strings.Cut(line, ": ")
	return promise
}

// firstBroken is what most likely explains the rest.
func firstBroken(lines []string) string {
	broken := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !rollouts.Broken(line) })
	switch len(broken) {
	case 0:
		return ""
	case 1:
		return ": " + promise(broken[0])
	}
	return fmt.Sprintf(": %s; and %d more", promise(broken[0]), len(broken)-1)
}

// pass lets the rollout begin.
func (w *CheckRollout) pass(ctx context.Context, rollout int64, name, imageID, server string) error {
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), w.Clock()
		changed, err := queries.PassRolloutCheck(ctx, store.PassRolloutCheckParams{ID: rollout, Image: name, ImageID: imageID})
		if err != nil || changed == 0 {
			return err
		}
		if err := forgetHalt(ctx, queries, now); err != nil {
			return err
		}
		if err := queries.RecordRollout(ctx, rolloutActor, "checked", rollout, map[string]any{"id": imageID, "server": server}); err != nil {
			return err
		}
		return enqueue(ctx, tx, RolloutArgs{Rollout: rollout, Asked: now})
	})
}

func (w *CheckRollout) refuse(ctx context.Context, rollout int64, reason string) error {
	slog.WarnContext(ctx, "the image of a rollout is refused", "rollout", rollout, "why", reason)
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		return refuse(ctx, store.New(tx), rollout, reason, w.Clock())
	})
}
