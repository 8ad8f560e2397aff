package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	containertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/runner/docker"
)

// observer sees the system from outside: no word of its own processes is taken.
type observer struct {
	gateway, slices     *pgxpool.Pool
	engine              *client.Client
	fleet, dataRoot     string
	maxSlices, poolSize int
	ordered             func() map[int64]order
	http                http.Client
}

// look gives what there is now. It fails while Postgres or the engine do not answer.
func (o *observer) look(ctx context.Context) (world, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	w := world{maxSlices: o.maxSlices, poolSize: o.poolSize, ordered: o.ordered()}
	for _, step := range []struct {
		name string
		look func(context.Context, *world) error
	}{
		// Each is there before the one that is looked at ahead of it.
		{"control groups", o.lookAtGroups}, {"containers", o.lookAtContainers}, {"rows", o.lookAtRows}, {"jobs", o.lookAtJobs}, {"schemas", o.lookAtSchemas}, {"directories", o.lookAtDirectories},
	} {
		if err := step.look(ctx, &w); err != nil {
			return w, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	o.ask(ctx, &w)
	return w, nil
}

func (o *observer) lookAtRows(ctx context.Context, w *world) error {
	// The database's own clock: it is what its times are compared with.
	if err := o.gateway.QueryRow(ctx, "SELECT now(), (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL)").Scan(&w.at, &w.waiting); err != nil {
		return err
	}
	rows, err := o.gateway.Query(ctx, `SELECT id, status, coalesce(port, 0), coalesce(user_id, 0), crashes, recycle_at IS NOT NULL,
			EXISTS (SELECT FROM gateway.alerts WHERE kind = 'slice.failed' AND subject = 'slice:' || slices.id AND closed_at IS NULL)
		FROM gateway.slices ORDER BY id`)
	if err != nil {
		return err
	}
	w.slices, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one sliceRow, err error) {
		return one, row.Scan(&one.id, &one.status, &one.port, &one.user, &one.crashes, &one.recycling, &one.told)
	})
	if err != nil {
		return err
	}
	rows, err = o.gateway.Query(ctx, "SELECT substr(subject, 7)::bigint, count(*) FROM gateway.audit WHERE action = 'slice.assign' GROUP BY 1")
	if err != nil {
		return err
	}
	w.assigned = map[int64]int{}
	var slice int64
	var times int
	_, err = pgx.ForEachRow(rows, []any{&slice, &times}, func() error { w.assigned[slice] = times; return nil })
	return err
}

func (o *observer) lookAtJobs(ctx context.Context, w *world) error {
	rows, err := o.gateway.Query(ctx, `SELECT id, kind, state::text, coalesce((args->>'slice')::bigint, 0), attempt, coalesce(attempted_at, now()),
			coalesce(errors[array_upper(errors, 1)]->>'error', '')
		FROM river.river_job WHERE state IN ('available', 'pending', 'running', 'scheduled', 'retryable', 'discarded') ORDER BY id`)
	if err != nil {
		return err
	}
	w.jobs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one job, err error) {
		return one, row.Scan(&one.id, &one.kind, &one.state, &one.slice, &one.attempt, &one.runningAt, &one.lastError)
	})
	return err
}

func (o *observer) lookAtSchemas(ctx context.Context, w *world) error {
	for _, one := range []struct {
		to  *[]int64
		sql string
	}{
		{&w.schemas, "SELECT substr(nspname, 7)::bigint FROM pg_namespace WHERE nspname ~ '^slice_[0-9]+$' ORDER BY 1"},
		{&w.roles, "SELECT substr(rolname, 7)::bigint FROM pg_roles WHERE rolname ~ '^slice_[0-9]+$' ORDER BY 1"},
	} {
		rows, err := o.slices.Query(ctx, one.sql)
		if err != nil {
			return err
		}
		if *one.to, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
			return err
		}
	}
	return nil
}

func (o *observer) lookAtDirectories(_ context.Context, w *world) error {
	entries, err := os.ReadDir(filepath.Join(o.dataRoot, "slices"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		slice, err := strconv.ParseInt(entry.Name(), 10, 64)
		if err != nil {
			return err
		}
		w.directories = append(w.directories, slice)
	}
	return nil
}

func (o *observer) lookAtContainers(ctx context.Context, w *world) error {
	listed, err := o.engine.ContainerList(ctx, containertypes.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", docker.LabelFleet+"="+o.fleet)),
	})
	if err != nil {
		return err
	}
	for _, one := range listed {
		found, err := o.engine.ContainerInspect(ctx, one.ID)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		seen := container{id: one.ID, running: found.State.Running}
		if seen.slice, err = strconv.ParseInt(one.Labels[docker.LabelSlice], 10, 64); err != nil {
			return fmt.Errorf("label of %s: %w", found.Name, err)
		}
		if seen.startedAt, err = time.Parse(time.RFC3339Nano, found.State.StartedAt); err != nil {
			return fmt.Errorf("start of %s: %w", found.Name, err)
		}
		for _, port := range one.Ports {
			if port.PublicPort != 0 {
				seen.ports = append(seen.ports, int(port.PublicPort))
			}
		}
		w.containers = append(w.containers, seen)
	}
	return nil
}

// lookAtGroups lists the containers that have processes, whatever the engine says.
func (o *observer) lookAtGroups(_ context.Context, w *world) error {
	var files []string
	for _, above := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		found, err := filepath.Glob(filepath.Join(above, o.fleet+"s", "*", "cgroup.procs"))
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if id := filepath.Base(filepath.Dir(file)); err == nil && len(content) > 0 && !slices.Contains(w.populated, id) {
			w.populated = append(w.populated, id)
		}
	}
	return nil
}

// ask asks every slice that should run on its port.
func (o *observer) ask(ctx context.Context, w *world) {
	w.silent = map[int64]string{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, row := range w.slices {
		if row.status != "available" && row.status != "assigned" {
			continue
		}
		asking.Go(func() {
			if err := o.askOne(ctx, row.port); err != nil {
				mu.Lock()
				defer mu.Unlock()
				w.silent[row.id] = err.Error()
			}
		})
	}
	asking.Wait()
}

func (o *observer) askOne(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/status", port), nil)
	if err != nil {
		return err
	}
	request.Close = true
	answer, err := o.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return err
}
