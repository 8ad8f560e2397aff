package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"slicegate/jobs"
)

var _ jobs.Quotas = (*Engine)(nil)

// SetQuota implements jobs.Quotas.
func (e *Engine) SetQuota(ctx context.Context, running jobs.Running, quota int64) error {
	body, err := json.Marshal(map[string]int64{"bytes": quota})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+running.Address+":"+platformPort+"/quota", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		return nil
	case http.StatusNotFound, http.StatusBadRequest, http.StatusUnprocessableEntity:
		return &jobs.FatalError{Err: fmt.Errorf("the image cannot be told its quota while it runs: it answered %s", response.Status)}
	default:
		return fmt.Errorf("quota answered %s", response.Status)
	}
}
