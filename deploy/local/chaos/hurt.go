package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	containertypes "github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"slicegate/deploy/local/system"
)

// Times of the frozen runner, which the product's defaults decide.
const (
	frozenFor     = 35 * time.Second // beyond RESCUE_AFTER, 28 s
	refusedWithin = 30 * time.Second // a second runner of the same server
)

// A container that has ended so often by itself is started again after a pause that comes close to
// what is allowed for everything: another one is hit.
const crashesEnough = 4

// hurter does to the system what was drawn.
type hurter struct {
	system   *system.System
	observer *observer
	path     *enginePath
	disk     disk
}

// do does one fault to its end, and says what it hit.
func (h *hurter) do(ctx context.Context, fault Fault) (hit string, err error) {
	switch fault.Kind {
	case KillRunner, KillFunctions, KillNginx, KillPostgres:
		return h.killService(ctx, string(fault.Kind))
	case KillBackend:
		return h.killBackend(ctx, fault)
	case KillDockerd:
		return fmt.Sprintf("down for %s", fault.Lasts.Round(time.Millisecond)), h.system.Engine.Crash(ctx, fault.Lasts)
	case KillSlice, RemoveSlice, StopSlice:
		return h.hitContainer(ctx, fault)
	case FillDisk:
		err := h.disk.fill()
		wait(ctx, fault.Lasts)
		return fmt.Sprintf("for %s", fault.Lasts.Round(time.Millisecond)), errors.Join(err, h.disk.free())
	case SlowDocker:
		h.path.slow(fault.Delay)
		wait(ctx, fault.Lasts*2)
		h.path.slow(0)
		return fmt.Sprintf("%s each for %s", fault.Delay.Round(time.Millisecond), (fault.Lasts * 2).Round(time.Millisecond)), nil
	case CutDocker:
		h.path.cut(true)
		wait(ctx, fault.Lasts)
		h.path.cut(false)
		return fmt.Sprintf("for %s", fault.Lasts.Round(time.Millisecond)), nil
	case FreezeRunner:
		return h.freeze(ctx)
	}
	return "", fmt.Errorf("nobody knows how to do %s", fault.Kind)
}

// killService kills what runs under a name; one that is just being started again is waited for.
func (h *hurter) killService(ctx context.Context, name string) (string, error) {
	pid, err := h.pid(ctx, name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("pid %d", pid), syscall.Kill(pid, syscall.SIGKILL)
}

func (h *hurter) pid(ctx context.Context, name string) (pid int, err error) {
	err = until(ctx, 30*time.Second, func() bool { pid = h.system.PID(name); return pid != 0 })
	if err != nil {
		return 0, fmt.Errorf("%s is not up: %w", name, err)
	}
	return pid, nil
}

func (h *hurter) killBackend(ctx context.Context, fault Fault) (hit string, err error) {
	var pid, all int
	if err := h.observer.gateway.QueryRow(ctx, `WITH backends AS (
			SELECT pid, row_number() OVER (ORDER BY backend_start) - 1 AS place, count(*) OVER () AS all FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
		SELECT pid, "all" FROM backends WHERE place = $1 % "all"`, int64(fault.Pick>>1)).Scan(&pid, &all); err != nil {
		return "", fmt.Errorf("find a backend: %w", err)
	}
	return fmt.Sprintf("pid %d of %d", pid, all), syscall.Kill(pid, syscall.SIGKILL)
}

// hitContainer ends, removes or stops one of the running containers.
func (h *hurter) hitContainer(ctx context.Context, fault Fault) (hit string, err error) {
	var target container
	err = until(ctx, 30*time.Second, func() bool {
		w, err := h.observer.look(ctx)
		if err != nil {
			return false
		}
		targets := targets(w)
		if len(targets) > 0 {
			target = targets[fault.Pick%uint64(len(targets))]
		}
		return len(targets) > 0
	})
	if err != nil {
		return "", fmt.Errorf("no container runs that could be hit: %w", err)
	}
	hit = fmt.Sprintf("slice %d", target.slice)
	engine := h.system.Engine.Client
	switch fault.Kind {
	case RemoveSlice:
		err = engine.ContainerRemove(ctx, target.id, containertypes.RemoveOptions{Force: true})
	case StopSlice:
		grace := 20
		err = engine.ContainerStop(ctx, target.id, containertypes.StopOptions{Timeout: &grace})
	default:
		found, inspectErr := engine.ContainerInspect(ctx, target.id)
		if err = inspectErr; err == nil && found.State.Pid > 0 {
			err = syscall.Kill(found.State.Pid, syscall.SIGKILL)
		}
	}
	return hit, gone(err)
}

func targets(w world) (found []container) {
	for _, one := range w.containers {
		if row, known := w.row(one.slice); known && one.running && row.crashes < crashesEnough {
			found = append(found, one)
		}
	}
	return found
}

// gone lets pass that a container, or its process, was ended by somebody else meanwhile.
func gone(err error) error {
	if err == nil || errors.Is(err, syscall.ESRCH) || errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // a conflict is: being removed already
		return nil
	}
	return err
}

// freeze stops the runner for so long that its jobs count as lost. A second one of the same server
// must refuse to start meanwhile; what the first one does when it goes on must do no harm.
func (h *hurter) freeze(ctx context.Context) (hit string, err error) {
	pid, err := h.pid(ctx, "runner")
	if err != nil {
		return "", err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return "", err
	}
	thaw := func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	defer thaw()
	var both errgroup.Group
	both.Go(func() error { wait(ctx, frozenFor); return nil })
	both.Go(func() error { return h.secondIsRefused(ctx) })
	return fmt.Sprintf("pid %d for %s", pid, frozenFor), both.Wait()
}

func (h *hurter) secondIsRefused(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refusedWithin)
	defer cancel()
	err := h.system.RunSecondRunner(ctx)
	if err == nil || !strings.Contains(err.Error(), "another runner works for server") {
		return fmt.Errorf("a second runner of the same server was not refused: %v", err)
	}
	return nil
}

// wait is how long a fault lasts.
func wait(ctx context.Context, lasts time.Duration) {
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// until asks until the answer is yes, for so long at most.
func until(ctx context.Context, patience time.Duration, ask func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}
