package jobs

import (
	"strings"
	"testing"
	"time"
)

func TestWhoIsAtAnAlertIsNotToldOfItAgain(t *testing.T) {
	w := newGuard(t, 0)
	w.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('rollout.halted', 'rollout:1', 'warning', 'It stands.', $1)", w.now.Add(-time.Hour))
	w.notify()
	w.exec("UPDATE gateway.alerts SET acknowledged_at = $1, acknowledged_by = 'admin:1'", w.now)
	w.now = w.now.Add(99 * time.Hour)
	w.notify()
	if got := strings.Join(w.mails(), ", "); got != "admin rollout.halted opened" {
		t.Errorf("acknowledged: %s", got)
	}
	w.exec("UPDATE gateway.alerts SET acknowledged_at = NULL, acknowledged_by = NULL")
	w.notify()
	if got := strings.Join(w.mails(), ", "); got != "admin rollout.halted opened, admin rollout.halted repeated" {
		t.Errorf("taken back: %s", got)
	}
	w.exec("UPDATE gateway.alerts SET acknowledged_at = $1, acknowledged_by = 'admin:1', closed_at = $1", w.now)
	w.now = w.now.Add(time.Hour)
	w.notify()
	if got := strings.Join(w.mails(), ", "); !strings.HasSuffix(got, "repeated, admin rollout.halted ended") {
		t.Errorf("over: %s", got)
	}
}
