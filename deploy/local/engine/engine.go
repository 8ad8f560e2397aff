// Package engine gives a Docker engine: the machine's own where one answers, else one
// that the systems of this machine share. Whoever leaves last stops the shared one.
package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/docker/docker/client"
)

const (
	machineSocket = "/var/run/docker.sock"
	oldestAPI     = "1.41" // Docker 20.10, Debian 12's
)

// Options say where an engine of our own lives. Every system of a machine must give the
// same.
type Options struct {
	RunDir  string // sockets, locks, pid files; default /run/slicegate
	DataDir string // images and containers; default /var/lib/slicegate/engine
}

// Engine is one that answers.
type Engine struct {
	Host   string // for DOCKER_HOST
	Client *client.Client

	options Options
	seat    *seat // nil: not ours, never stopped
}

// Answering finds an engine that runs already and is not ours: at DOCKER_HOST, which must
// answer when it is set, or at the machine's usual socket. None is nil without an error.
func Answering(ctx context.Context) (*Engine, error) {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		found, err := connect(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("DOCKER_HOST is %s, where no Docker engine answers: %w", host, err)
		}
		return found, nil
	}
	if _, err := os.Stat(machineSocket); err == nil {
		if found, err := connect(ctx, "unix://"+machineSocket); err == nil {
			return found, nil
		}
	}
	return nil, nil
}

// Join gives the shared engine, started if it does not run.
func Join(ctx context.Context, options Options) (*Engine, error) {
	if options.RunDir == "" {
		options.RunDir = "/run/slicegate"
	}
	if options.DataDir == "" {
		options.DataDir = "/var/lib/slicegate/engine"
	}
	if err := os.MkdirAll(options.RunDir, 0o711); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	d := daemon{options}
	place, err := roster{options.RunDir}.enter(ctx, d.start, d.stop)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	found, err := connect(ctx, d.host())
	if err != nil {
		place.leave(context.WithoutCancel(ctx), d.stop)
		return nil, fmt.Errorf("engine: %w", err)
	}
	found.options, found.seat = options, place
	return found, nil
}

// Shared says whether the engine is the project's own.
func (e *Engine) Shared() bool { return e.seat != nil }

// Leave gives the engine up. The last to leave a shared engine stops it, with every
// container in it, and removes what it made of the machine's network and control groups.
func (e *Engine) Leave(ctx context.Context) error {
	e.Client.Close()
	if e.seat == nil {
		return nil
	}
	if err := e.seat.leave(ctx, daemon{e.options}.stop); err != nil {
		return fmt.Errorf("stop the engine: %w", err)
	}
	return nil
}

func connect(ctx context.Context, host string) (*Engine, error) {
	docker, err := client.NewClientWithOpts(client.WithHost(host), client.WithTLSClientConfigFromEnv(), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := docker.Ping(ctx); err != nil {
		docker.Close()
		return nil, err
	}
	docker.NegotiateAPIVersion(ctx)
	if version := docker.ClientVersion(); olderThan(version, oldestAPI) {
		docker.Close()
		return nil, fmt.Errorf("the Docker engine at %s speaks API %s, at least %s is needed", host, version, oldestAPI)
	}
	return &Engine{Host: host, Client: docker}, nil
}

func olderThan(version, than string) bool {
	var major, minor, wantMajor, wantMinor int
	fmt.Sscanf(version, "%d.%d", &major, &minor)
	fmt.Sscanf(than, "%d.%d", &wantMajor, &wantMinor)
	return major < wantMajor || major == wantMajor && minor < wantMinor
}

func (o Options) path(name string) string { return filepath.Join(o.RunDir, name) }
