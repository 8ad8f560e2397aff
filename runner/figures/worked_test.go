package figures_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"slicegate/runner/figures"
	"slicegate/runner/reclaim"
	"slicegate/store"
)

func TestEachEndOfAJobIsCountedAsWhatItIs(t *testing.T) {
	t.Parallel()
	now := time.Now()
	worked := figures.NewWorked(func() time.Time { return now })
	stopped, stop := context.WithCancel(context.Background())
	stop()
	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(rivertype.ErrJobCancelledRemotely)
	for _, run := range []struct {
		ctx     context.Context
		kind    string
		attempt int
		ends    func() error
	}{
		{context.Background(), "check", 1, func() error { return nil }},
		{context.Background(), "check", 3, func() error { return nil }},
		{context.Background(), "check", 1, func() error { return errors.New("broken") }},
		{context.Background(), "check", 3, func() error { return errors.New("broken for the last time") }},
		{context.Background(), "check", 1, func() error { panic("broken") }},
		{context.Background(), "move", 1, func() error { return river.JobSnooze(time.Second) }},
		{context.Background(), "move", 1, func() error { return river.JobCancel(errors.New("it cannot be mended")) }},
		{cancelled, "move", 1, func() error { return context.Canceled }},
		{stopped, "move", 3, func() error { return context.Canceled }},
		{context.Background(), "move", 1, func() error { return context.DeadlineExceeded }},
	} {
		func() {
			defer func() { _ = recover() }()
			var ended error
			err := worked.Work(run.ctx, &rivertype.JobRow{Kind: run.kind, Attempt: run.attempt, MaxAttempts: 3}, func(context.Context) error {
				ended = run.ends()
				return ended
			})
			if !errors.Is(err, ended) {
				t.Errorf("%s ended with %v, and River hears %v", run.kind, ended, err)
			}
		}()
	}
	if err := testutil.CollectAndCompare(worked, strings.NewReader(`
# HELP slicegate_jobs_worked_total Runs of jobs, by how they ended: completed, snoozed (it goes on later), failed (it is tried again), discarded (that was the last try), cancelled (it cannot be mended), interrupted (the runner stops).
# TYPE slicegate_jobs_worked_total counter
slicegate_jobs_worked_total{kind="check",outcome="completed"} 2
slicegate_jobs_worked_total{kind="check",outcome="discarded"} 1
slicegate_jobs_worked_total{kind="check",outcome="failed"} 2
slicegate_jobs_worked_total{kind="move",outcome="cancelled"} 2
slicegate_jobs_worked_total{kind="move",outcome="failed"} 1
slicegate_jobs_worked_total{kind="move",outcome="interrupted"} 1
slicegate_jobs_worked_total{kind="move",outcome="snoozed"} 1
`), "slicegate_jobs_worked_total"); err != nil {
		t.Error(err)
	}
	if series := testutil.CollectAndCount(worked, "slicegate_job_duration_seconds"); series != 2 {
		t.Errorf("%d series of durations, want one for each kind", series)
	}
	if !worked.LastWell("check").Equal(now) || !worked.LastWell("move").IsZero() {
		t.Errorf("check last ended well at %s, move at %s", worked.LastWell("check"), worked.LastWell("move"))
	}
}

// kept is what a controller writes down.
type kept struct {
	reclaim.Rows
	steps int
}

func (k *kept) AddReclaims(_ context.Context, steps []store.AddReclaimsParams) (int64, error) {
	k.steps += len(steps)
	return int64(len(steps)), nil
}

func TestWhatIsTakenIsCountedAndWrittenDown(t *testing.T) {
	t.Parallel()
	registry, rows := prometheus.NewRegistry(), &kept{}
	counted := figures.CountReclaims(registry, rows)
	for _, given := range []int64{4096, 8192, -1} {
		if _, err := counted.AddReclaims(context.Background(), []store.AddReclaimsParams{{Kind: "step", GivenBytes: given}}); err != nil {
			t.Fatal(err)
		}
	}
	if rows.steps != 3 {
		t.Errorf("%d of 3 steps were written down", rows.steps)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP slicegate_reclaim_bytes_total Memory that was taken from idle slices.
# TYPE slicegate_reclaim_bytes_total counter
slicegate_reclaim_bytes_total{kind="step"} 12288
# HELP slicegate_reclaim_steps_total Steps in which memory was taken from idle slices.
# TYPE slicegate_reclaim_steps_total counter
slicegate_reclaim_steps_total{kind="step"} 3
`)); err != nil {
		t.Error(err)
	}
}
