package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"slicegate/deploy/local/packages"
)

// daemon is the shared engine's process. It outlives whoever started it.
type daemon struct{ Options }

func (d daemon) socket() string   { return d.path("docker.sock") }
func (d daemon) host() string     { return "unix://" + d.socket() }
func (d daemon) settings() string { return d.path("engine.json") }
func (d daemon) pidFile() string  { return d.path("engine.pid") }
func (d daemon) log() string      { return filepath.Join(filepath.Dir(d.DataDir), "engine.log") }

// start starts the engine unless it answers, and returns when it does.
func (d daemon) start(ctx context.Context) error {
	if found, err := connect(ctx, d.host()); err == nil {
		return found.Client.Close()
	}
	if pid := d.running(); pid != 0 {
		return d.ready(ctx, pid) // it is just starting
	}
	for _, name := range []string{d.pidFile(), d.socket()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.MkdirAll(d.DataDir, 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(d.settings(), []byte("{}\n"), 0o600); err != nil {
		return err
	}
	if err := d.rememberPins(); err != nil {
		return err
	}
	if err := d.rememberFirewall(ctx); err != nil {
		return err
	}
	log, err := os.OpenFile(d.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(packages.Dockerd.Path(), d.arguments()...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "PATH=") || strings.HasPrefix(entry, "DOCKER_")
	}), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	// Nobody waits for it: it may outlive us, and stop watches it without being its parent.
	if err := cmd.Process.Release(); err != nil {
		return err
	}
	return d.ready(ctx, pid)
}

func (d daemon) arguments() []string {
	arguments := []string{
		"--data-root", d.DataDir, "--exec-root", d.path("engine"), "--pidfile", d.pidFile(),
		"--config-file", d.settings(), // the machine's own settings are for its own engine
		"-H", d.host(), "--userland-proxy=false", "--live-restore", "--log-level", "warn",
		// Docker's own choice is enough for 31 networks only, and every fleet, of a test too, has one.
		"--default-address-pool", "base=172.16.0.0/12,size=23",
		"--log-opt", "max-size=10m", "--log-opt", "max-file=2",
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		arguments = append(arguments, "--exec-opt", "native.cgroupdriver=cgroupfs")
	}
	return arguments
}

func (d daemon) ready(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, err := connect(ctx, d.host())
		if err == nil {
			return found.Client.Close()
		}
		if ended(pid) {
			return fmt.Errorf("dockerd ended; its last lines, from %s:%s", d.log(), lastLines(d.log(), 12))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer: %w; its last lines, from %s:%s", context.Cause(ctx), d.log(), lastLines(d.log(), 12))
		case <-ticker.C:
		}
	}
}

// running is the pid of the shared engine's dockerd, or 0.
func (d daemon) running() int {
	text, err := os.ReadFile(d.pidFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	// The number may be another's by now: its arguments name our pid file.
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(arguments), d.pidFile()) {
		return 0
	}
	return pid
}

// stop ends every container and the engine, and removes their traces.
func (d daemon) stop(ctx context.Context) error {
	var bridges, groups []string
	var failures []error
	if found, err := connect(ctx, d.host()); err == nil {
		failures = append(failures, found.stopContainers(ctx, ""))
		bridges, err = found.bridges(ctx)
		failures = append(failures, err)
		groups, err = found.groups(ctx)
		failures = append(failures, err, found.Client.Close())
	}
	if pid := d.running(); pid != 0 {
		failures = append(failures, end(pid, syscall.SIGTERM, 30*time.Second))
	}
	failures = append(failures, d.sweep(ctx, bridges, groups))
	return errors.Join(failures...)
}

// stopContainers stops the containers with a label, or all; live-restore would let them
// run on without an engine.
func (e *Engine) stopContainers(ctx context.Context, label string) error {
	var options container.ListOptions
	if label != "" {
		options.Filters = filters.NewArgs(filters.Arg("label", label))
	}
	running, err := e.Client.ContainerList(ctx, options)
	if err != nil {
		return err
	}
	var work errgroup.Group
	work.SetLimit(20)
	for _, one := range running {
		work.Go(func() error {
			grace := 20
			return ignoreGone(e.Client.ContainerStop(ctx, one.ID, container.StopOptions{Timeout: &grace}))
		})
	}
	return work.Wait()
}

// bridges are the interfaces of the engine's networks.
func (e *Engine) bridges(ctx context.Context) ([]string, error) {
	networks, err := e.Client.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, one := range networks {
		if one.Driver != "bridge" {
			continue
		}
		name := one.Options["com.docker.network.bridge.name"]
		if name == "" {
			name = "br-" + one.ID[:12]
		}
		names = append(names, name)
	}
	return names, nil
}

// groups are the parents of the containers' control groups.
func (e *Engine) groups(ctx context.Context) ([]string, error) {
	all, err := e.Client.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, err
	}
	var parents []string
	for _, one := range all {
		details, err := e.Client.ContainerInspect(ctx, one.ID)
		if err == nil && details.HostConfig != nil {
			parents = append(parents, details.HostConfig.CgroupParent)
		}
	}
	return parents, nil
}

// end signals a process and waits for its end, even if it is nobody's child of ours;
// after the time it is killed.
func end(pid int, signal syscall.Signal, patience time.Duration) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(handle)
	for _, try := range []syscall.Signal{signal, syscall.SIGKILL} {
		if err := unix.PidfdSendSignal(handle, try, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		if waitEnd(handle, patience) {
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", pid)
}

// waitEnd says whether a process ended within the patience; zero asks once.
func waitEnd(handle int, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); ; {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if n > 0 && err == nil {
			return true
		}
		if left == 0 {
			return false
		}
	}
}

func ended(pid int) bool {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return true
	}
	defer unix.Close(handle)
	return waitEnd(handle, 0)
}

func lastLines(path string, count int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return " " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n    " + strings.Join(lines[max(0, len(lines)-count):], "\n    ")
}
