package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"

	"golang.org/x/sys/unix"

	"slicegate/jobs"
)

// A status is a few lines; more than this is not one.
const statusLimit = 64 << 10

// Status implements jobs.Containers. It asks the platform's port; an image that has none is asked at the
// user's. Neither counts as a user.
func (e *Engine) Status(ctx context.Context, running jobs.Running) (jobs.Status, error) {
	status, err := e.status(ctx, "http://"+running.Address+":"+platformPort+"/status")
	if errors.Is(err, syscall.ECONNREFUSED) {
		return e.status(ctx, "http://"+running.Address+":"+userPort+"/api/status")
	}
	return status, err
}

// Probe implements jobs.Containers. An image that has no probe says how it is as far as it knows.
func (e *Engine) Probe(ctx context.Context, running jobs.Running) (jobs.Status, error) {
	var answer struct {
		Alive  bool        `json:"alive"`
		Status jobs.Status `json:"status"`
	}
	err := e.ask(ctx, http.MethodPost, "http://"+running.Address+":"+platformPort+"/probe", &answer)
	if errors.Is(err, errNoSuch) || errors.Is(err, syscall.ECONNREFUSED) {
		return e.Status(ctx, running)
	}
	answer.Status.Alive = &answer.Alive
	return checked(answer.Status, err)
}

// Tell implements jobs.Containers.
func (e *Engine) Tell(ctx context.Context, running jobs.Running, text, key string) error {
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+running.Address+":"+platformPort+"/messages", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	response, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusAccepted:
		return nil
	case http.StatusConflict:
		return jobs.ErrNotConnected
	case http.StatusNotFound:
		return &jobs.FatalError{Err: errors.New("the image sends no messages for the platform")}
	default:
		return fmt.Errorf("message answered %s", response.Status)
	}
}

func (e *Engine) status(ctx context.Context, url string) (status jobs.Status, err error) {
	err = e.ask(ctx, http.MethodGet, url, &status)
	return checked(status, err)
}

func checked(status jobs.Status, err error) (jobs.Status, error) {
	if err == nil && status.State == "" {
		err = errors.New("status names no state")
	}
	return status, err
}

// Ports from which only root may ask. On the user's port, the probe takes who comes from one of them for
// the platform.
const (
	firstPrivileged = 512 // below are names that services have long had
	afterPrivileged = 1024
)

// dialPrivileged connects from such a port, and tries others where one is taken.
func dialPrivileged(ctx context.Context, network, address string) (conn net.Conn, err error) {
	const ports = afterPrivileged - firstPrivileged
	start := rand.IntN(ports)
	for i := range ports {
		dialer := net.Dialer{
			LocalAddr: &net.TCPAddr{Port: firstPrivileged + (start+i)%ports},
			Control: func(_, _ string, raw syscall.RawConn) error {
				var set error
				// A port is free for other slices for the minute that a closed connection is remembered.
				err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
				return errors.Join(err, set)
			},
		}
		conn, err = dialer.DialContext(ctx, network, address)
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return conn, err
		}
	}
	return nil, err
}

// errNoSuch is a question that an image does not know.
var errNoSuch = errors.New("status answered 404 Not Found")

func (e *Engine) ask(ctx context.Context, method, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return errNoSuch
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("status answered %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, statusLimit)).Decode(into); err != nil {
		return fmt.Errorf("status is not the JSON of the slice contract: %w", err)
	}
	return nil
}
