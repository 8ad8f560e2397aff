// Package docker is the runner's hand on the slices' containers: it makes them with the
// limits and walls that every slice has, starts, finds and removes them. It keeps nothing:
// the engine is asked each time.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"slicegate/jobs"
	"slicegate/runner/firewall"
)

// Labels by which a fleet's containers and network are known.
const (
	LabelFleet = "slicegate.fleet" // FLEET
	LabelSlice = "slicegate.slice" // the slice's id
	LabelSpec  = "slicegate.spec"  // hash of what the container was made of
)

// StopWithin is how long a slice gets to stop in order; the slice contract says the same.
const StopWithin = 20 * time.Second

// Ports of the slice contract, inside the container.
const (
	UserPort     = userPort + "/tcp"
	userPort     = "4001"
	platformPort = "4002"
)

// Limits are what one slice may use.
type Limits struct {
	Memory         int64   // bytes of RAM
	Reservation    int64   // bytes of RAM shielded from reclaim
	Swap           int64   // bytes of swap, beside the RAM
	CPUs           float64 // cores at most
	CPUReservation float64 // cores of a busy server, as shares
	Pids           int64
	MediaQuota     int64 // bytes, told to the slice
}

// Config is what all slices of a server share.
type Config struct {
	Host      string // of the engine
	Fleet     string
	Limits    Limits
	SocketDir string // of Postgres, mounted into slices
	WAEngine  string
	StandIn   bool // the image's page plays the part of WhatsApp Web

	ChromiumProfile string       // Sandboxed or Lean
	ChromiumFlags   string       // in place of the profile's, separated by spaces; "" for the profile's
	Env             []string     // KEY=value, more of it for every slice
	Resolvers       []netip.Addr // that slices ask; none leaves it to the engine
}

// Engine implements jobs.Containers.
type Engine struct {
	client       *client.Client
	config       Config
	cgroupParent string
	security     []string
	Advice       []string // what should be set differently in the engine, in words
	http         *http.Client
	making       sync.Mutex // of the network: the engine would make two of the same name
	seen         seen
}

var _ jobs.Containers = (*Engine)(nil)

// Open connects to the engine.
func Open(ctx context.Context, config Config) (*Engine, error) {
	security, err := securityOptions(config.WAEngine, config.ChromiumProfile)
	if err != nil {
		return nil, err
	}
	api, err := client.NewClientWithOpts(client.WithHost(config.Host), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("docker engine %s: %w", config.Host, err)
	}
	info, err := api.Info(ctx)
	if err != nil {
		_ = api.Close()
		return nil, fmt.Errorf("docker engine %s does not answer (is it running, may this user reach it?): %w", config.Host, err)
	}
	e := &Engine{
		client: api, config: config, security: security, cgroupParent: cgroupParent(info.CgroupDriver, config.Fleet),
		Advice: advice(info, proxies()),
		http:   &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialPrivileged}},
	}
	return e, nil
}

// Close lets go of the engine's connections; containers run on.
func (e *Engine) Close() error { return e.client.Close() }

// Answers tells whether the engine does.
func (e *Engine) Answers(ctx context.Context) error {
	_, err := e.client.Ping(ctx)
	return err
}

// Version is the engine's own.
func (e *Engine) Version(ctx context.Context) (string, error) {
	version, err := e.client.ServerVersion(ctx)
	if err != nil {
		return "", fmt.Errorf("version of the docker engine: %w", err)
	}
	return version.Version, nil
}

// CgroupParent is the cgroup above all slices of the fleet, as the engine calls it.
func (e *Engine) CgroupParent() string { return e.cgroupParent }

// cgroupParent is the cgroup above all slices of a fleet, in the words of the engine's driver.
func cgroupParent(driver, fleet string) string {
	if driver == "systemd" {
		return fleet + "s.slice"
	}
	return "/" + fleet + "s"
}

func (e *Engine) name(slice int64) string { return fmt.Sprintf("%s-%d", e.config.Fleet, slice) }
func (e *Engine) network() string         { return e.config.Fleet + "-net" }

// ensureNetwork makes the bridge that all slices are on, where none of them reaches another.
func (e *Engine) ensureNetwork(ctx context.Context) error {
	e.making.Lock()
	defer e.making.Unlock()
	_, err := e.client.NetworkInspect(ctx, e.network(), network.InspectOptions{})
	if err == nil || !errdefs.IsNotFound(err) {
		return err
	}
	_, err = e.client.NetworkCreate(ctx, e.network(), network.CreateOptions{
		Driver: "bridge",
		Labels: map[string]string{LabelFleet: e.config.Fleet},
		Options: map[string]string{
			"com.docker.network.bridge.enable_icc": "false",
			"com.docker.network.bridge.name":       firewall.Bridge(e.config.Fleet),
		},
	})
	return err
}

// Find implements jobs.Containers.
func (e *Engine) Find(ctx context.Context, slice int64) (jobs.Running, bool, error) {
	found, err := e.client.ContainerInspect(ctx, e.name(slice))
	if errdefs.IsNotFound(err) {
		return jobs.Running{}, false, nil
	}
	if err != nil {
		return jobs.Running{}, false, err
	}
	if !found.State.Running {
		return jobs.Running{}, false, nil
	}
	running, err := e.running(found)
	return running, err == nil, err
}

// Look implements jobs.Containers.
func (e *Engine) Look(ctx context.Context, slice int64) (jobs.Container, bool, error) {
	found, err := e.client.ContainerInspect(ctx, e.name(slice))
	if errdefs.IsNotFound(err) {
		return jobs.Container{}, false, nil
	}
	if err != nil {
		return jobs.Container{}, false, err
	}
	state, err := e.stateOf(slice, found)
	return state, err == nil, err
}

func (e *Engine) stateOf(slice int64, found container.InspectResponse) (state jobs.Container, err error) {
	state = jobs.Container{
		Slice: slice, Running: found.State.Running, ExitCode: found.State.ExitCode, PID: found.State.Pid, Port: publishedPort(found),
		Image: found.Config.Image, ImageID: found.Image, Address: e.addressOf(found),
	}
	// The engine writes the year 1 for what has not happened.
	if state.StartedAt, err = time.Parse(time.RFC3339Nano, found.State.StartedAt); err != nil {
		return state, fmt.Errorf("start time of %s: %w", found.Name, err)
	}
	if state.EndedAt, err = time.Parse(time.RFC3339Nano, found.State.FinishedAt); err != nil {
		return state, fmt.Errorf("end time of %s: %w", found.Name, err)
	}
	return state, nil
}

// publishedPort is where a container was asked to be published; 0 if nowhere.
func publishedPort(found container.InspectResponse) int {
	for _, binding := range found.HostConfig.PortBindings[UserPort] {
		if port, err := strconv.Atoi(binding.HostPort); err == nil {
			return port
		}
	}
	return 0
}

func (e *Engine) running(found container.InspectResponse) (jobs.Running, error) {
	started, err := time.Parse(time.RFC3339Nano, found.State.StartedAt)
	if err != nil {
		return jobs.Running{}, fmt.Errorf("start time of %s: %w", found.Name, err)
	}
	address := e.addressOf(found)
	if address == "" {
		return jobs.Running{}, fmt.Errorf("%s has no address in network %s", found.Name, e.network())
	}
	return jobs.Running{Address: address, StartedAt: started, Image: found.Config.Image}, nil
}

// addressOf is a running container's inside the slices' network; empty if it has none.
func (e *Engine) addressOf(found container.InspectResponse) string {
	if found.NetworkSettings == nil || found.NetworkSettings.Networks[e.network()] == nil {
		return ""
	}
	return found.NetworkSettings.Networks[e.network()].IPAddress
}

// Run implements jobs.Containers.
func (e *Engine) Run(ctx context.Context, spec jobs.Spec) (jobs.Running, error) {
	name, made := e.name(spec.Slice), e.make(spec)
	found, err := e.client.ContainerInspect(ctx, name)
	switch {
	case err == nil && found.State.Running:
		return e.running(found)
	case err == nil || errdefs.IsNotFound(err):
		if err := e.removeExport(ctx, spec.Slice); err != nil {
			return jobs.Running{}, fmt.Errorf("end an export: %w", err)
		}
	}
	switch {
	case err == nil && found.Config.Labels[LabelSpec] != made.config.Labels[LabelSpec]:
		if err := e.Remove(ctx, spec.Slice); err != nil {
			return jobs.Running{}, err
		}
		fallthrough
	case errdefs.IsNotFound(err):
		// "Already exists" is success: an earlier run was cut off between its request and the answer.
		_, err = e.client.ContainerCreate(ctx, made.config, made.host, made.network, nil, name)
		if err != nil && !errdefs.IsConflict(err) {
			return jobs.Running{}, fatalIfImageMissing(spec.Image, err)
		}
	case err != nil:
		return jobs.Running{}, err
	}
	if err := e.ensureNetwork(ctx); err != nil {
		return jobs.Running{}, fmt.Errorf("network %s: %w", e.network(), err)
	}
	if found, err = e.client.ContainerInspect(ctx, name); err != nil {
		return jobs.Running{}, err
	}
	if !found.State.Running { // else an earlier run has started it by now
		if err := e.endStrays(ctx, found.ID); err != nil {
			return jobs.Running{}, err
		}
	}
	if err := e.client.ContainerStart(ctx, name, container.StartOptions{}); err != nil {
		return jobs.Running{}, errors.Join(err, e.discard(ctx, found.ID, err))
	}
	found, err = e.client.ContainerInspect(ctx, name)
	if err != nil {
		return jobs.Running{}, err
	}
	if !found.State.Running {
		return jobs.Running{}, &jobs.SliceError{Err: fmt.Errorf("%s stopped at once with code %d: %s", name, found.State.ExitCode, e.LastWords(ctx, spec.Slice))}
	}
	return e.running(found)
}

// discard removes a container that the engine cannot start, so that the next attempt makes another:
// a containerd that was killed may hold on to one for good. Nothing of the slice is in it.
func (e *Engine) discard(ctx context.Context, id string, cause error) error {
	if !errdefs.IsConflict(cause) && !errdefs.IsAlreadyExists(cause) && !errdefs.IsInternal(cause) {
		return nil // there was no answer, or it says what is to be done first
	}
	if err := endGroup(ctx, id, e.groups()[id]); err != nil {
		return err
	}
	return e.remove(ctx, id)
}

func fatalIfImageMissing(image string, err error) error {
	if errdefs.IsNotFound(err) {
		return &jobs.FatalError{Err: fmt.Errorf("the engine has no image %s: build, load or pull it on that server", image)}
	}
	return err
}

// Identify implements jobs.Containers.
func (e *Engine) Identify(ctx context.Context, image string) (string, error) {
	found, err := e.client.ImageInspect(ctx, image)
	if err != nil {
		return "", fatalIfImageMissing(image, err)
	}
	return found.ID, nil
}

// Name implements jobs.Containers.
func (e *Engine) Name(ctx context.Context, id, name string) error {
	return fatalIfImageMissing(id, e.client.ImageTag(ctx, id, name))
}

// Remove implements jobs.Containers.
func (e *Engine) Remove(ctx context.Context, slice int64) error {
	if err := e.removeExport(ctx, slice); err != nil {
		return fmt.Errorf("end an export: %w", err)
	}
	name, seconds := e.name(slice), int(StopWithin.Seconds())
	err := e.client.ContainerStop(ctx, name, container.StopOptions{Timeout: &seconds})
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := e.client.ContainerInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := e.endStrays(ctx, found.ID); err != nil {
		return err
	}
	return e.remove(ctx, found.ID)
}

func (e *Engine) remove(ctx context.Context, id string) error {
	err := e.client.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // gone, or being removed by an earlier request
		return nil
	}
	return err
}

// RemoveCgroup removes the empty parent of the fleet's control groups, which the engine leaves.
func (e *Engine) RemoveCgroup() error {
	var failures []error
	for _, parent := range e.parents() {
		if err := os.Remove(parent); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
