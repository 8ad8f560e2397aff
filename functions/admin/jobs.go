package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"riverqueue.com/riverui"

	"slicegate/functions/answer"
)

const jobsPath = "/admin/jobs"

// riverPolicy is River UI's alone: it makes <style> elements, and runs its own scripts.
const riverPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// jobs mounts River UI behind the same gate as everything. What it changes is in the audit like what a
// form does; it knows no admins.
func (rs *routes) jobs(ui *riverui.Handler) {
	rs.link(jobsPath+"/", "Jobs")
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		rs.handle(Route{Method: method, Pattern: jobsPath + "/*path"}, func(v *visit) error {
			v.w.Header().Set("Content-Security-Policy", riverPolicy)
			if v.Method == http.MethodGet {
				ui.ServeHTTP(v.w, v.Request)
				return nil
			}
			return rs.changeJobs(v, ui)
		})
	}
}

// idsLimit is room for the thousand jobs that River UI takes at once.
const idsLimit = 64 << 10

// changeJobs writes down what is asked of River UI before it is done, and how it ended after.
func (rs *routes) changeJobs(v *visit, ui *riverui.Handler) error {
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.Body, idsLimit))
	if err != nil {
		return answer.Errorf(answer.TooLarge, "That are too many jobs at once.")
	}
	v.Body = io.NopCloser(bytes.NewReader(body))
	name, subject, ids := jobAct(v.Method, strings.TrimPrefix(v.URL.Path, jobsPath+"/api/"), body)
	if name == "admin.job.delete" && !v.operator.may(NeedFresh, v.now) { // it cannot be undone
		refuseJobs(v, "Nothing was deleted. What cannot be undone asks for the second factor again: open "+rs.AppURL+secondFactorPath+", enter a code, come back within five minutes and delete again.")
		return nil
	}
	states, err := statesOf(v, ids)
	if err != nil {
		return err
	}
	if err := v.queries.RecordAct(v.Context(), v.operator.actor(), name, subject, v.detail(states, nil)); err != nil {
		return err
	}
	seen := &statusWriter{ResponseWriter: v.w, status: http.StatusOK}
	ui.ServeHTTP(seen, v.Request)
	after, err := statesOf(v, ids)
	return errors.Join(err, v.queries.RecordAct(v.Context(), v.operator.actor(), name+".done", subject, v.detail(nil, map[string]any{"status": seen.status, "jobs": after})))
}

// refuseJobs says why in the form in which River UI's page shows it: behind “Show Error” it prints the message of a JSON answer.
func refuseJobs(v *visit, message string) {
	answer.JSON(v.w, http.StatusForbidden, map[string]string{"message": message})
}

// jobAct names what a request of River UI's does: "POST jobs/cancel" of {"ids": [...]}, "PUT queues/NAME/pause".
func jobAct(method, path string, body []byte) (name, subject string, ids []int64) {
	parts := strings.Split(path, "/")
	switch {
	case parts[0] == "jobs" && len(parts) == 2:
		var asked struct {
			IDs []json.Number `json:"ids"`
		}
		_ = json.Unmarshal(body, &asked) // River UI refuses what it cannot read
		for _, id := range asked.IDs {
			if number, err := id.Int64(); err == nil {
				ids = append(ids, number)
			}
		}
		subject = "jobs"
		if len(ids) == 1 {
			subject = fmt.Sprintf("job:%d", ids[0])
		}
		return "admin.job." + parts[1], subject, ids
	case parts[0] == "queues" && len(parts) == 3:
		return "admin.queue." + parts[2], "queue:" + parts[1], nil
	default:
		return "admin.jobs." + strings.ToLower(method), "jobs", nil
	}
}

// statesOf is what jobs are, by number; nil of none.
func statesOf(v *visit, ids []int64) (any, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := v.queries.JobsByID(v.Context(), ids)
	states := map[string]string{}
	for _, job := range found {
		states[fmt.Sprint(job.ID)] = job.Kind + " " + job.State
	}
	return states, err
}

// statusWriter notes how it was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
