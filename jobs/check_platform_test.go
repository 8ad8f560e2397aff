package jobs

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

func TestWhatNoServerCanJudgeByItself(t *testing.T) {
	w := newGuard(t, 1)
	check := func() {
		t.Helper()
		worker := &CheckPlatform{Pool: w.db.Pool, Thresholds: thresholds, Silence: 4 * time.Minute, Clock: func() time.Time { return w.now }}
		if err := worker.Work(context.Background(), &river.Job[CheckPlatformArgs]{}); err != nil {
			t.Fatal(err)
		}
	}
	open := func(kind string) int64 { return w.alerts("kind = $1 AND closed_at IS NULL", kind) }
	w.sample()
	if check(); w.alerts("true") != 0 {
		t.Fatal("there are alerts where all is well")
	}
	// Nothing is heard of the server for longer than its samples take.
	w.now = w.now.Add(5 * time.Minute)
	check()
	if open("server.silent") != 0 {
		t.Error("it is told of before it could come back")
	}
	w.now = w.now.Add(2 * time.Minute)
	if check(); open("server.silent") != 1 {
		t.Error("a server that is gone is no alert")
	}
	w.sample()
	if check(); open("server.silent") != 0 {
		t.Error("it is heard of again")
	}
	// A mail does not leave.
	w.exec("INSERT INTO gateway.emails (kind, created_at) VALUES ('alert', $1)", w.now.Add(-16*time.Minute))
	if check(); open("mail.failing") != 1 {
		t.Error("a mail that has not left for a quarter of an hour is no alert")
	}
	w.exec("UPDATE gateway.emails SET created_at = $1", w.now.Add(-20*time.Hour))
	if check(); open("mail.failing") != 1 {
		t.Error("a mail that has not left for most of a day is no alert any more")
	}
	w.exec("UPDATE gateway.emails SET sent_at = $1", w.now)
	if check(); open("mail.failing") != 0 {
		t.Error("it has left")
	}
	// A job waits that could be worked.
	w.exec("INSERT INTO river.river_job (state, kind, queue, max_attempts, args, scheduled_at) VALUES ('available', 'x', 'mail', 1, '{}', $1)", w.now.Add(-6*time.Minute))
	if check(); open("jobs.behind") != 1 {
		t.Error("a job that waits for six minutes is no alert")
	}
	w.exec("UPDATE river.river_job SET state = 'completed', finalized_at = now()")
	if check(); open("jobs.behind") != 0 {
		t.Error("it has been worked")
	}
	// Maintenance is forgotten: an hour after its time, or after four where nobody knows.
	w.exec("INSERT INTO gateway.maintenance (since, until, actor) VALUES ($1, $1, 'admin:1')", w.now.Add(-59*time.Minute))
	if check(); open("maintenance.overdue") != 0 {
		t.Error("maintenance that has just passed its time is an alert")
	}
	w.exec("UPDATE gateway.maintenance SET until = $1", w.now.Add(-61*time.Minute))
	if check(); open("maintenance.overdue") != 1 {
		t.Error("maintenance an hour after its time is no alert")
	}
	w.exec("UPDATE gateway.maintenance SET since = $1, until = $2", w.now.Add(-5*time.Hour), w.now.Add(time.Hour))
	if check(); open("maintenance.overdue") != 0 {
		t.Error("its time was moved")
	}
	w.exec("UPDATE gateway.maintenance SET until = NULL")
	if check(); open("maintenance.overdue") != 1 {
		t.Error("maintenance of five hours that nobody knows the end of is no alert")
	}
	w.exec("DELETE FROM gateway.maintenance")
	if check(); open("maintenance.overdue") != 0 {
		t.Error("it has ended")
	}
}

// A slice's user counts as having a phone from when it is linked until they take it off themselves.
func TestWhoHasAPhoneLinked(t *testing.T) {
	w := newGuard(t, 1)
	var slice int64
	for slice = range w.users {
	}
	linked := w.row(slice).LinkedAt
	if linked == nil {
		t.Fatal("it is ready, and counts as never linked")
	}
	w.now = w.now.Add(time.Minute)
	w.becomes(slice, "logged_out")
	w.check()
	if row := w.row(slice); row.LinkedAt == nil || !row.LinkedAt.Equal(*linked) || row.WaConnected || !row.WaChangedAt.Equal(w.now) {
		t.Errorf("unlinked on the phone: %+v", row)
	}
	w.said[slice] = Said{State: "logged_out", Reason: pointer("data_deleted")}
	w.check()
	if row := w.row(slice); row.LinkedAt != nil || row.WaReason == nil || *row.WaReason != "data_deleted" {
		t.Errorf("unlinked by its user: %+v", row)
	}
	// A phone that was linked and lost between two checks was linked.
	w.said[slice] = Said{State: "disconnected", PhoneNumber: pointer("+15550100000")}
	w.check()
	if row := w.row(slice); row.LinkedAt == nil || !row.LinkedAt.Equal(w.now) {
		t.Errorf("linked and lost: %+v", row)
	}
	// What was written before its container started says nothing.
	w.becomes(slice, "ready")
	container := w.containers[slice]
	container.StartedAt = w.now.Add(time.Second)
	w.containers[slice] = container
	w.check()
	if row := w.row(slice); row.WaState != "disconnected" {
		t.Errorf("an older word counts: %s", row.WaState)
	}
}
