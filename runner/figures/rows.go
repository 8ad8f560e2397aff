package figures

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"slicegate/store"
)

// scrapeWithin is how long all questions of a scrape may take together.
const scrapeWithin = 2 * time.Second

// Rows shows what Postgres says when it is asked: of its own server the slices and the machine, of the whole
// system the rest. What cannot be read is left out, and counted.
type Rows struct {
	Pool        *pgxpool.Pool
	Server      string
	SampleEvery time.Duration // SAMPLE_EVERY: a slice without a sample for three times as long is not up
	Clock       func() time.Time

	failed  atomic.Uint64
	failing atomic.Bool // as of the last scrape: told once, not at every one
}

var _ prometheus.Collector = (*Rows)(nil)

// figure is one that is read from rows.
type figure struct{ *prometheus.Desc }

func of(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc("slicegate_"+name, help, labels, nil)}
}

func (f figure) gauge(metrics chan<- prometheus.Metric, value float64, labels ...string) {
	metrics <- prometheus.MustNewConstMetric(f.Desc, prometheus.GaugeValue, value, labels...)
}

var (
	scrapeErrors = of("scrape_errors_total", "Questions to Postgres that were not answered while figures were read; those figures were left out.")

	sliceUp        = of("slice_up", "1: the slice should run, and was sampled of late; 0: it should run, and was not.", "slice", "server")
	sliceResident  = of("slice_resident_bytes", "Memory of a slice in RAM, as last sampled.", "slice", "server")
	sliceSwap      = of("slice_swap_bytes", "Memory of a slice in swap, as last sampled.", "slice", "server")
	sliceIdle      = of("slice_idle_seconds", "Time since the slice's user was last there, as last sampled.", "slice", "server")
	sliceCPU       = of("slice_cpu_ratio", "CPU that a slice uses, as part of one core, as last sampled.", "slice", "server")
	sliceConnected = of("slice_wa_connected", "1: the WhatsApp of a slice that has a phone linked is connected; 0: it is not.", "slice", "server")

	serverMemory      = of("server_memory_used_bytes", "RAM that new processes could not have.", "server")
	serverMemoryTotal = of("server_memory_total_bytes", "RAM of the server.", "server")
	serverSwap        = of("server_swap_used_bytes", "Swap that is used.", "server")
	serverSwapTotal   = of("server_swap_total_bytes", "Swap of the server.", "server")
	serverSwapRAM     = of("server_swap_ram_bytes", "RAM that compressed swap takes.", "server")
	serverSwapIn      = of("server_swap_in_pages_per_second", "Pages that were read back from swap.", "server")
	serverSwapOut     = of("server_swap_out_pages_per_second", "Pages that were written to swap.", "server")
	serverCPU         = of("server_cpu_ratio", "Part of all cores together that is busy.", "server")
	serverDisk        = of("server_disk_used_bytes", "Used of the file system that holds the slices' data.", "server")
	serverDiskTotal   = of("server_disk_total_bytes", "Size of the file system that holds the slices' data.", "server")
	serverPressure    = of("server_pressure_ratio", "Part of the time in which some task stood still for want of a resource (PSI some): memory, io or cpu.", "server", "resource")
	serverActive      = of("server_slices_active", "Slices that were used within five minutes.", "server")
	serverRunning     = of("server_slices_running", "Slices that run.", "server")
	sampleAge         = of("server_sample_age_seconds", "Time since a server was last sampled by its runner; counted up to a day.", "server")

	slices       = of("slices", "Slices by status.", "server", "status")
	users        = of("users", "Accounts by the status of their subscription.", "subscription_status")
	alerts       = of("alerts_open", "Alerts that are open.", "kind", "severity")
	mailsOwed    = of("mails_owed", "Mails that are to be sent.")
	mailsOldest  = of("mails_oldest_owed_seconds", "Time since the oldest of the mails that are to be sent came up; 0: there is none.")
	mailsFailed  = of("mails_failed", "Mails that could not be sent, or came back, within the last hour.")
	jobsInState  = of("jobs", "Jobs by queue and state: those that are not done, and those that failed for good (discarded) and that River still keeps.", "queue", "state")
	jobsOldest   = of("jobs_oldest_waiting_seconds", "Time for which the oldest job of a queue could have been worked and was not; 0: none waits.", "queue")
	everyRowDesc = []figure{
		scrapeErrors, sliceUp, sliceResident, sliceSwap, sliceIdle, sliceCPU, sliceConnected, serverMemory, serverMemoryTotal,
		serverSwap, serverSwapTotal, serverSwapRAM, serverSwapIn, serverSwapOut, serverCPU, serverDisk, serverDiskTotal, serverPressure,
		serverActive, serverRunning, sampleAge, slices, users, alerts, mailsOwed, mailsOldest, mailsFailed, jobsInState, jobsOldest,
	}
)

// Describe implements prometheus.Collector.
func (r *Rows) Describe(descs chan<- *prometheus.Desc) {
	for _, figure := range everyRowDesc {
		descs <- figure.Desc
	}
}

// Collect implements prometheus.Collector.
func (r *Rows) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	queries := store.New(r.Pool)
	var failures []error
	for _, part := range []struct {
		name string
		read func(context.Context, *store.Queries, chan<- prometheus.Metric) error
	}{
		{"slices", r.readSlices}, {"server", r.readServer}, {"samples", r.readSamples}, {"statuses", r.readStatuses},
		{"users", r.readUsers}, {"alerts", r.readAlerts}, {"mails", r.readMails}, {"jobs", r.readJobs},
	} {
		if err := part.read(ctx, queries, metrics); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	failed := r.failed.Add(uint64(len(failures)))
	metrics <- prometheus.MustNewConstMetric(scrapeErrors.Desc, prometheus.CounterValue, float64(failed))
	if failing := len(failures) > 0; r.failing.Swap(failing) != failing && failing {
		slog.WarnContext(ctx, "some figures cannot be shown", "questions", len(failures), "error", failures[0].Error())
	}
}

// since is the time before which a sample says nothing of now.
func (r *Rows) since() time.Time { return r.Clock().Add(-3 * r.SampleEvery) }

func (r *Rows) readSlices(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	rows, err := queries.SliceFigures(ctx, store.SliceFiguresParams{Server: r.Server, Since: r.since()})
	if err != nil {
		return err
	}
	for _, row := range rows {
		labels := []string{strconv.FormatInt(row.ID, 10), r.Server}
		sliceUp.gauge(metrics, one(row.Sampled), labels...)
		if row.Linked {
			sliceConnected.gauge(metrics, one(row.WaConnected), labels...)
		}
		if !row.Sampled {
			continue
		}
		sliceResident.gauge(metrics, float64(row.RssBytes), labels...)
		sliceSwap.gauge(metrics, float64(row.SwapBytes), labels...)
		if row.IdleSeconds >= 0 {
			sliceIdle.gauge(metrics, float64(row.IdleSeconds), labels...)
		}
		if row.CpuPercent >= 0 {
			sliceCPU.gauge(metrics, float64(row.CpuPercent)/100, labels...)
		}
	}
	return nil
}

func (r *Rows) readServer(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	row, err := queries.NewestServerSample(ctx, store.NewestServerSampleParams{Server: r.Server, Since: r.since()})
	if store.IsNone(err) {
		return nil // its age says so
	}
	if err != nil {
		return err
	}
	for figure, value := range map[figure]int64{
		serverMemory: row.RamUsedBytes, serverMemoryTotal: row.RamTotalBytes, serverSwap: row.SwapUsedBytes, serverSwapTotal: row.SwapTotalBytes,
		serverSwapRAM: row.SwapRamBytes, serverDisk: row.DiskUsedBytes, serverDiskTotal: row.DiskTotalBytes, serverRunning: int64(row.TotalSlices),
	} {
		figure.gauge(metrics, float64(value), r.Server)
	}
	// What could not be read, or is the first of its kind, is not known.
	known(metrics, serverSwapIn, row.SwapInRate, 1, r.Server)
	known(metrics, serverSwapOut, row.SwapOutRate, 1, r.Server)
	known(metrics, serverCPU, row.CpuPercent, 100, r.Server)
	known(metrics, serverActive, row.ActiveSlices, 1, r.Server)
	if row.Seconds != nil && *row.Seconds > 0 {
		microseconds := float64(*row.Seconds) * 1e6
		known(metrics, serverPressure, row.MemoryPressureUs, microseconds, r.Server, "memory")
		known(metrics, serverPressure, row.IoPressureUs, microseconds, r.Server, "io")
		known(metrics, serverPressure, row.CpuPressureUs, microseconds, r.Server, "cpu")
	}
	return nil
}

func known[N int32 | int64 | float32](metrics chan<- prometheus.Metric, figure figure, value *N, per float64, labels ...string) {
	if value != nil {
		figure.gauge(metrics, float64(*value)/per, labels...)
	}
}

func (r *Rows) readSamples(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	now := r.Clock()
	rows, err := queries.SampleTimes(ctx, now.Add(-24*time.Hour))
	for _, row := range rows {
		sampleAge.gauge(metrics, now.Sub(row.SampledAt).Seconds(), row.Name)
	}
	return err
}

func (r *Rows) readStatuses(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	rows, err := queries.CountSlices(ctx)
	for _, row := range rows {
		slices.gauge(metrics, float64(row.Slices), row.Server, row.Status)
	}
	return err
}

func (r *Rows) readUsers(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	rows, err := queries.CountUsers(ctx)
	for _, row := range rows {
		users.gauge(metrics, float64(row.Users), row.SubscriptionStatus)
	}
	return err
}

func (r *Rows) readAlerts(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	rows, err := queries.CountAlerts(ctx)
	for _, row := range rows {
		alerts.gauge(metrics, float64(row.Alerts), row.Kind, row.Severity)
	}
	return err
}

func (r *Rows) readMails(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	now := r.Clock().Truncate(time.Microsecond) // as Postgres gives it back
	row, err := queries.CountEmails(ctx, store.CountEmailsParams{Now: now, Since: now.Add(-time.Hour)})
	if err != nil {
		return err
	}
	mailsOwed.gauge(metrics, float64(row.Owed))
	mailsOldest.gauge(metrics, now.Sub(row.Oldest).Seconds())
	mailsFailed.gauge(metrics, float64(row.Failed))
	return nil
}

func (r *Rows) readJobs(ctx context.Context, queries *store.Queries, metrics chan<- prometheus.Metric) error {
	now := r.Clock().Truncate(time.Microsecond) // as Postgres gives it back
	rows, err := queries.CountJobs(ctx, now)
	oldest := map[string]float64{}
	for _, row := range rows {
		jobsInState.gauge(metrics, float64(row.Jobs), row.Queue, row.State)
		oldest[row.Queue] = max(oldest[row.Queue], now.Sub(row.Oldest).Seconds())
	}
	for queue, seconds := range oldest {
		jobsOldest.gauge(metrics, seconds, queue)
	}
	return err
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
