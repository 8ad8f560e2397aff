package figures

import "github.com/prometheus/client_golang/prometheus"

// Access is what the proxy function has open, and how it has answered nginx.
type Access struct {
	Streams   int    // event streams to browsers
	Upstreams int    // connections to slices' events that are made
	Dropped   uint64 // streams that were ended because nobody read them
	Hits      uint64 // questions that were answered from memory
	Misses    uint64 // questions that Postgres was asked for
}

// access reads them when they are asked for.
type access struct{ read func() Access }

var (
	streamsDesc   = prometheus.NewDesc("slicegate_event_streams", "Event streams that are open to browsers.", nil, nil)
	upstreamsDesc = prometheus.NewDesc("slicegate_event_upstreams", "Slices whose events are listened to.", nil, nil)
	droppedDesc   = prometheus.NewDesc("slicegate_event_streams_dropped_total", "Event streams that were ended because their browsers did not read.", nil, nil)
	lookupsDesc   = prometheus.NewDesc("slicegate_session_lookups_total", "Sessions that were looked up, from memory (hit) or in Postgres (miss).", []string{"result"}, nil)
)

// Watch enters what the proxy function has open in a registry.
func Watch(registry prometheus.Registerer, read func() Access) { registry.MustRegister(access{read}) }

func (access) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{streamsDesc, upstreamsDesc, droppedDesc, lookupsDesc} {
		descs <- desc
	}
}

func (a access) Collect(metrics chan<- prometheus.Metric) {
	now := a.read()
	metrics <- prometheus.MustNewConstMetric(streamsDesc, prometheus.GaugeValue, float64(now.Streams))
	metrics <- prometheus.MustNewConstMetric(upstreamsDesc, prometheus.GaugeValue, float64(now.Upstreams))
	metrics <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(now.Dropped))
	metrics <- prometheus.MustNewConstMetric(lookupsDesc, prometheus.CounterValue, float64(now.Hits), "hit")
	metrics <- prometheus.MustNewConstMetric(lookupsDesc, prometheus.CounterValue, float64(now.Misses), "miss")
}
