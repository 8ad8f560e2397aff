package figures

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"slicegate/runner/reclaim"
	"slicegate/store"
)

// Reclaims counts what the controller takes from idle slices, as it writes it down.
type Reclaims struct {
	reclaim.Rows
	steps *prometheus.CounterVec
	bytes *prometheus.CounterVec
}

// CountReclaims stands between the controller and its rows, and enters its counters in a registry.
func CountReclaims(registry prometheus.Registerer, rows reclaim.Rows) *Reclaims {
	r := &Reclaims{
		Rows: rows,
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slicegate_reclaim_steps_total", Help: "Steps in which memory was taken from idle slices.",
		}, []string{"kind"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slicegate_reclaim_bytes_total", Help: "Memory that was taken from idle slices.",
		}, []string{"kind"}),
	}
	registry.MustRegister(r.steps, r.bytes)
	return r
}

// AddReclaims implements reclaim.Rows. What was taken counts, written down or not.
func (r *Reclaims) AddReclaims(ctx context.Context, steps []store.AddReclaimsParams) (int64, error) {
	for _, step := range steps {
		r.steps.WithLabelValues(step.Kind).Inc()
		r.bytes.WithLabelValues(step.Kind).Add(float64(max(0, step.GivenBytes)))
	}
	return r.Rows.AddReclaims(ctx, steps)
}
