package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	"slicegate/jobs"
)

// A status is a few lines; more than this is not one.
const statusLimit = 64 << 10

// Status implements jobs.Containers. It asks the platform's port, so that it never counts as a
// user; an image that has none is asked at the user's.
func (e *Engine) Status(ctx context.Context, running jobs.Running) (jobs.Status, error) {
	status, err := e.status(ctx, "http://"+running.Address+":"+platformPort+"/status")
	if errors.Is(err, syscall.ECONNREFUSED) {
		return e.status(ctx, "http://"+running.Address+":"+userPort+"/api/status")
	}
	return status, err
}

func (e *Engine) status(ctx context.Context, url string) (status jobs.Status, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return status, err
	}
	response, err := e.http.Do(request)
	if err != nil {
		return status, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return status, fmt.Errorf("status answered %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, statusLimit)).Decode(&status); err != nil {
		return status, fmt.Errorf("status is not the JSON of the slice contract: %w", err)
	}
	if status.State == "" {
		return status, errors.New("status names no state")
	}
	return status, nil
}
