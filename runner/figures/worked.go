// Package figures is what the runner shows to Prometheus: what its jobs do, as they do it, and what the
// rows in Postgres say when they are asked for. No slice is asked for a figure: that would wake it.
// Nothing of a customer's is a label.
package figures

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Worked counts the jobs that a runner has worked. It is River's middleware and Prometheus's collector.
type Worked struct {
	river.MiddlewareDefaults
	clock func() time.Time

	ended *prometheus.CounterVec
	took  *prometheus.HistogramVec

	mu   sync.Mutex
	well map[string]time.Time // by kind: when one last ended well
}

var (
	_ rivertype.WorkerMiddleware = (*Worked)(nil)
	_ prometheus.Collector       = (*Worked)(nil)
)

// NewWorked has counted nothing yet.
func NewWorked(clock func() time.Time) *Worked {
	return &Worked{
		clock: clock, well: map[string]time.Time{},
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slicegate_jobs_worked_total",
			Help: "Runs of jobs, by how they ended: completed, snoozed (it goes on later), failed (it is tried again), discarded (that was the last try), cancelled (it cannot be mended), interrupted (the runner stops).",
		}, []string{"kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "slicegate_job_duration_seconds",
			Help:    "How long a run of a job took, however it ended.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 15, 25},
		}, []string{"kind"}),
	}
}

// Work counts a job.
func (w *Worked) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) (err error) {
	began, panicked := time.Now(), true
	defer func() {
		outcome := outcomeOf(ctx, job, err, panicked)
		w.ended.WithLabelValues(job.Kind, outcome).Inc()
		w.took.WithLabelValues(job.Kind).Observe(time.Since(began).Seconds())
		if outcome == "completed" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.well[job.Kind] = w.clock()
		}
	}()
	err = work(ctx)
	panicked = false
	return err
}

// outcomeOf is what River makes of a job's end.
func outcomeOf(ctx context.Context, job *rivertype.JobRow, err error, panicked bool) string {
	var snoozed *river.JobSnoozeError
	var cancelled *river.JobCancelError
	switch {
	case !panicked && err == nil:
		return "completed"
	case errors.As(err, &snoozed):
		return "snoozed"
	case errors.As(err, &cancelled), errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely):
		return "cancelled"
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return "interrupted"
	case job.Attempt >= job.MaxAttempts:
		return "discarded"
	}
	return "failed"
}

// LastWell is when a job of a kind last ended well in this process; zero: none has.
func (w *Worked) LastWell(kind string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.well[kind]
}

// Describe implements prometheus.Collector.
func (w *Worked) Describe(descs chan<- *prometheus.Desc) {
	w.ended.Describe(descs)
	w.took.Describe(descs)
}

// Collect implements prometheus.Collector.
func (w *Worked) Collect(metrics chan<- prometheus.Metric) {
	w.ended.Collect(metrics)
	w.took.Collect(metrics)
}
