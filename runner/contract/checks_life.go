package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"slicegate/jobs"
	"slicegate/runner/docker"
)

var restartChecks = []check{
	{part: "figures", promise: "memory at rest", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		answer, err := b.api.ContainerStatsOneShot(ctx, b.container())
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		var stats container.StatsResponse
		if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
			return "", err
		}
		used, limit := resting(stats.MemoryStats), uint64(b.options.Docker.Limits.Memory)
		seen := fmt.Sprintf("%d of %d MB", used>>20, limit>>20)
		if limit > 0 && used > limit/10*9 {
			return "", errors.New(seen + ": it will be killed under load")
		}
		return seen, nil
	}},
	{part: "stop", promise: "stops within 20 s of SIGTERM, with exit code 0", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		b.answers = false
		return b.stop(ctx)
	}},
	{part: "data", promise: "node dist/export.js gives the ZIP of a slice that rests", ask: func(ctx context.Context, b *bench) (string, error) {
		if !b.answered {
			return "", unasked("it never answered")
		}
		reader, err := b.engine.OfResting(ctx, b.spec)
		if err != nil {
			return "", err
		}
		content, err := io.ReadAll(io.LimitReader(reader, 64<<20))
		err = errors.Join(err, reader.Close())
		switch {
		case errors.Is(err, jobs.ErrNoArchive):
			return "", errLacks{"there is none, so no copy can be had of a slice that is suspended"}
		case err != nil:
			return "", err
		}
		// An image may keep its messages elsewhere than in the tables that it is given.
		return b.archive(answer{status: http.StatusOK, body: content}, false)
	}},
	{part: "stop", promise: "starts again with its data and its link", ask: func(ctx context.Context, b *bench) (string, error) {
		if !b.answered {
			return "", unasked("it never answered")
		}
		before := b.state
		running, err := b.engine.Run(ctx, b.spec)
		if err != nil {
			return "", err
		}
		b.running = running
		if err := b.awaitAnswer(ctx); err != nil {
			return "", err
		}
		if b.told == "" {
			return "nothing was there to lose", nil
		}
		if there, err := b.has(ctx); err != nil || !there {
			b.told = "" // nothing later can ask for it
			return "", fmt.Errorf("the message that was sent is gone (%v)", err)
		}
		return "", until(ctx, b.options.LinkWithin, func(ctx context.Context) (bool, string) {
			state, err := b.refresh(ctx)
			return state == before, fmt.Sprint("the state is ", state, " ", err, ", it was ", before)
		})
	}},
}

var stopChecks = []check{
	{part: "stop", promise: "stops in order with nothing linked", needsSlice: true, ask: func(ctx context.Context, b *bench) (string, error) {
		return b.stop(ctx)
	}},
}

// stop sends SIGTERM, and SIGKILL after the time that a slice has.
func (b *bench) stop(ctx context.Context) (string, error) {
	seconds := int(docker.StopWithin.Seconds())
	if err := b.api.ContainerStop(ctx, b.container(), container.StopOptions{Timeout: &seconds}); err != nil {
		return "", err
	}
	found, err := b.api.ContainerInspect(ctx, b.container())
	if err != nil {
		return "", err
	}
	switch found.State.ExitCode {
	case 0:
		return "", nil
	case 137:
		return "", fmt.Errorf("it did not stop in %d s and was killed: handle SIGTERM", seconds)
	default:
		return "", fmt.Errorf("exit code %d; its last words: %s", found.State.ExitCode, b.engine.LastWords(ctx, b.id))
	}
}

func (b *bench) log(ctx context.Context) ([]byte, error) {
	reader, err := b.api.ContainerLogs(ctx, b.container(), container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var lines bytes.Buffer
	_, err = stdcopy.StdCopy(&lines, &lines, io.LimitReader(reader, 16<<20))
	return lines.Bytes(), err
}

func (b *bench) role() string { return fmt.Sprintf("slice_%d", b.id) }

// connections are those of the slice's role to Postgres now.
func (b *bench) connections(ctx context.Context) (count int, err error) {
	err = b.options.Slices.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", b.role()).Scan(&count)
	return count, err
}

// resting is what a container has of memory less the files that the kernel keeps for it: those fill
// whatever is left below the limit, and go when room is needed. The names are those of control
// groups version 2, and of version 1 with all below the container.
func resting(memory container.MemoryStats) uint64 {
	files := uint64(0)
	for _, name := range []string{"active_file", "inactive_file"} {
		if bytes, ok := memory.Stats["total_"+name]; ok {
			files += bytes
		} else {
			files += memory.Stats[name]
		}
	}
	return memory.Usage - min(files, memory.Usage)
}
