package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertest"

	"slicegate/migrations"
	"slicegate/store"
)

// guard is a ward that is checked, and whose people are told.
type guard struct {
	*ward
	client *river.Client[pgx.Tx]
	said   map[int64]Said
	users  map[int64]int64 // of a slice
}

func newGuard(t testing.TB, slices int) *guard {
	w := &guard{ward: newWard(t), said: map[int64]Said{}, users: map[int64]int64{}}
	client, err := river.NewClient(riverpgxv5.New(w.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
	for i := range slices {
		slice := w.slice(uint64(100 + i))
		w.users[slice] = w.value("SELECT user_id FROM gateway.slices WHERE id = $1", slice)
		w.becomes(slice, "ready")
	}
	w.exec("UPDATE gateway.users SET email_verified_at = now()")
	w.exec("UPDATE gateway.slices SET status_at = $1", w.now.Add(-24*time.Hour))
	w.check()
	return w
}

// writings are what slices have written down.
type writings struct {
	Directories
	guard *guard
}

func (w writings) Said(slice int64) (Said, time.Time, bool, error) {
	said, there := w.guard.said[slice]
	return said, w.guard.now, there, nil
}

func (w *guard) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(context.Background(), statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// becomes is what a slice writes down now.
func (w *guard) becomes(slice int64, state string) {
	since := w.said[slice].Since
	if (w.said[slice].State == "ready") != (state == "ready") {
		now := w.now
		since = &now
	}
	w.said[slice] = Said{State: state, PhoneNumber: pointer("+15550100000"), Since: since}
}

func (w *guard) tryCheck(ctx context.Context) error {
	worker := &Check{
		Pool: w.db.Pool, Hands: Hands{Containers: w.ward, Directories: writings{guard: w}}, Thresholds: thresholds, Quota: 2 << 30, Memory: 512 << 20,
		Every: 30 * time.Second, SampleAge: 4 * time.Minute, Clock: func() time.Time { return w.now },
	}
	return worker.Work(rivertest.WorkContext(ctx, w.client), &river.Job[CheckArgs]{Args: CheckArgs{Server: w.server}})
}

func (w *guard) tryNotify(ctx context.Context) error {
	worker := &Notify{Pool: w.db.Pool, Thresholds: thresholds, Admin: true, Clock: func() time.Time { return w.now }}
	return worker.Work(rivertest.WorkContext(ctx, w.client), &river.Job[NotifyArgs]{})
}

func (w *guard) check() {
	w.t.Helper()
	if err := w.tryCheck(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *guard) notify() {
	w.t.Helper()
	if err := w.tryNotify(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time go by, with a check and a look at who is to be told every 30 s.
func (w *guard) pass(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(30*time.Second, end.Sub(w.now)))
		w.check()
		w.notify()
	}
}

// mails are what is owed, as "user:7 wa.disconnected opened".
func (w *guard) mails() (lines []string) {
	w.t.Helper()
	rows, err := w.db.Pool.Query(context.Background(), "SELECT user_id, detail FROM gateway.emails ORDER BY id")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var user *int64
		var detail []byte
		if err := rows.Scan(&user, &detail); err != nil {
			w.t.Fatal(err)
		}
		var says notice
		if err := json.Unmarshal(detail, &says); err != nil {
			w.t.Fatal(err)
		}
		who := "admin"
		if user != nil {
			who = fmt.Sprint("user:", *user)
		}
		for _, one := range says.Told {
			lines = append(lines, fmt.Sprint(who, " ", one.Kind, " ", one.Phase))
		}
	}
	return lines
}

func (w *guard) alerts(where string, args ...any) int64 {
	w.t.Helper()
	return w.value("SELECT count(*) FROM gateway.alerts WHERE "+where, args...)
}

func TestTheFlowOfADisconnection(t *testing.T) {
	w := newGuard(t, 1)
	var slice, user int64
	for slice, user = range w.users {
	}
	// Back within two minutes: nothing is sent.
	w.becomes(slice, "disconnected")
	w.pass(119 * time.Second)
	if row := w.row(slice); row.WaState != "disconnected" || !row.WaConnected {
		t.Errorf("within two minutes: %s, connected %v", row.WaState, row.WaConnected)
	}
	w.becomes(slice, "ready")
	w.pass(10 * time.Minute)
	if n := w.alerts("true"); n > 0 || len(w.mails()) > 0 {
		t.Fatalf("%d alerts, mails %v", n, w.mails())
	}
	// Longer: a mail, and a second one when it is back.
	w.becomes(slice, "disconnected")
	w.pass(2 * time.Minute)
	if n := w.alerts("kind = 'wa.disconnected' AND subject = $1 AND user_id = $2 AND cause = 'disconnected' AND closed_at IS NULL", fmt.Sprint("slice:", slice), user); n != 1 {
		t.Fatalf("%d alerts are open", n)
	}
	if row := w.row(slice); row.WaConnected {
		t.Error("it counts as connected after two minutes")
	}
	w.pass(time.Minute)
	opened := fmt.Sprintf("user:%d wa.disconnected opened", user)
	if got := strings.Join(w.mails(), "|"); got != opened {
		t.Fatalf("mails: %s", got)
	}
	w.pass(3*time.Hour + 58*time.Minute)
	if n := len(w.mails()); n != 1 {
		t.Errorf("%d mails before four hours are over", n)
	}
	w.pass(2 * time.Minute)
	w.becomes(slice, "ready")
	w.pass(30 * time.Second)
	if n := w.alerts("closed_at IS NULL"); n > 0 || !w.row(slice).WaConnected {
		t.Errorf("it is back, and %d alerts are open", n)
	}
	w.pass(5 * time.Minute)
	want := strings.Join([]string{opened, strings.Replace(opened, "opened", "repeated", 1), strings.Replace(opened, "opened", "ended", 1)}, "|")
	if got := strings.Join(w.mails(), "|"); got != want {
		t.Errorf("mails: %s", got)
	}
	if n := w.alerts("settled_at IS NULL"); n > 0 {
		t.Errorf("%d alerts are not settled", n)
	}
	w.pass(time.Hour)
	if n := len(w.mails()); n != 3 {
		t.Errorf("%d mails in the end", n)
	}
}

// Nobody is told that their WhatsApp is connected again because their slice is suspended, or their data deleted.
func TestWhatIsGoneIsNotWell(t *testing.T) {
	for name, goes := range map[string]func(w *guard, slice int64){
		"suspended": func(w *guard, slice int64) {
			w.exec("UPDATE gateway.slices SET status = 'suspended' WHERE id = $1", slice)
		},
		"unlinked by its user": func(w *guard, slice int64) {
			w.said[slice] = Said{State: "logged_out", Reason: pointer("data_deleted"), Since: w.said[slice].Since}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGuard(t, 1)
			var slice int64
			for slice = range w.users {
			}
			w.becomes(slice, "disconnected")
			w.pass(5 * time.Minute)
			if n := len(w.mails()); n != 1 {
				t.Fatalf("mails %v", w.mails())
			}
			goes(w, slice)
			w.pass(15 * time.Minute)
			if n := w.alerts("settled_at IS NULL"); n != 0 || len(w.mails()) != 1 {
				t.Errorf("%d alerts, mails %v", n, w.mails())
			}
		})
	}
}

func TestTwoHundredAtOnceAreOneIncidentAndNoStorm(t *testing.T) {
	w := newGuard(t, 200)
	// All within the same minute, each on a second of its own.
	order, began := rand.New(rand.NewPCG(1, 2)), w.now
	away := map[int64]time.Duration{}
	for slice := range w.users {
		away[slice] = time.Duration(order.IntN(60)) * time.Second
	}
	for second := time.Duration(0); second < time.Minute; second += time.Second {
		w.now = began.Add(second)
		for slice, after := range away {
			if after == second {
				w.becomes(slice, "disconnected")
			}
		}
		if second%(30*time.Second) == 29*time.Second {
			w.pass(time.Second)
		}
	}
	w.pass(20 * time.Minute)
	if n := w.alerts("kind = 'wa.disconnected' AND closed_at IS NULL AND incident_id IS NOT NULL"); n != 200 {
		t.Errorf("%d alerts are under the incident", n)
	}
	if got := strings.Join(w.mails(), "|"); got != "admin server.wa_disconnected opened" {
		t.Fatalf("mails: %s", got)
	}
	// All but four are back: those are told now, the others never.
	back := 0
	for slice := range w.users {
		if back++; back > 4 {
			w.becomes(slice, "ready")
		}
	}
	w.pass(10 * time.Minute)
	mails := map[string]int{}
	for _, mail := range w.mails() {
		mails[mail[strings.Index(mail, " ")+1:]]++
	}
	if len(mails) != 3 || mails["server.wa_disconnected opened"] != 1 || mails["server.wa_disconnected ended"] != 1 || mails["wa.disconnected opened"] != 4 {
		t.Errorf("mails: %v", mails)
	}
}

func TestSilencesAndChannels(t *testing.T) {
	w := newGuard(t, 2)
	var quiet, unverified int64
	for slice := range w.users {
		quiet, unverified = unverified, slice
	}
	w.exec("UPDATE gateway.users SET email_verified_at = NULL WHERE id = $1", w.users[unverified])
	silence, err := store.New(w.db.Pool).AddSilence(context.Background(), store.AddSilenceParams{
		Subject: pointer(fmt.Sprint("slice:", quiet)), StartsAt: w.now, EndsAt: w.now.Add(time.Hour), Reason: "maintenance", Actor: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.becomes(quiet, "disconnected")
	w.becomes(unverified, "disconnected")
	w.pass(30 * time.Minute)
	if n := w.alerts("closed_at IS NULL"); n != 2 || len(w.mails()) != 0 {
		t.Fatalf("%d alerts, mails %v", n, w.mails())
	}
	// Each is told once nothing stands in the way.
	w.exec("UPDATE gateway.users SET email_verified_at = now() WHERE id = $1", w.users[unverified])
	if _, err := store.New(w.db.Pool).EndSilence(context.Background(), store.EndSilenceParams{ID: silence.ID, Now: w.now}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	if got := w.mails(); len(got) != 2 {
		t.Errorf("mails: %v", got)
	}
	// A full storage goes by WhatsApp too, to one whose WhatsApp works.
	w.becomes(quiet, "ready")
	w.exec("UPDATE gateway.slices SET storage_bytes = 2::bigint << 30")
	w.pass(2 * time.Minute)
	if n := w.value("SELECT count(*) FROM river.river_job WHERE kind = 'send_whatsapp' AND (args->>'slice')::bigint = $1", quiet); n != 1 {
		t.Errorf("%d messages", n)
	}
	if n := w.value("SELECT count(*) FROM river.river_job WHERE kind = 'send_whatsapp'"); n != 1 {
		t.Errorf("%d messages in all", n)
	}
}

func TestACheckWritesNothingWhereNothingChanged(t *testing.T) {
	w := newGuard(t, 3)
	w.pass(5 * time.Minute)
	before := w.value("SELECT sum(xmin::text::bigint)::bigint FROM gateway.slices")
	w.pass(5 * time.Minute)
	if after := w.value("SELECT sum(xmin::text::bigint)::bigint FROM gateway.slices"); after != before {
		t.Error("rows of slices were written")
	}
	if n := w.value("SELECT (SELECT count(*) FROM gateway.conditions) + (SELECT count(*) FROM gateway.alerts) + (SELECT count(*) FROM gateway.notices)"); n != 0 {
		t.Errorf("%d rows for nothing", n)
	}
}

// Under a hundred histories, in which every job may end at any point as a runner that is killed ends,
// whoever has to be told of something is told exactly once, and of its end exactly once.
func TestNobodyIsToldTwiceUnderRandomHistories(t *testing.T) {
	const histories = 100
	for lane := range 4 {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			w := newGuard(t, 6)
			for seed := lane; seed < histories; seed += 4 {
				w.history(uint64(seed))
			}
		})
	}
}

func (w *guard) history(seed uint64) {
	w.t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	w.exec("DELETE FROM gateway.emails")
	w.exec("DELETE FROM gateway.alerts")
	w.exec("DELETE FROM gateway.conditions")
	for step := 0; step < 40; step++ {
		w.now = w.now.Add(time.Duration(10+random.IntN(80)) * time.Second)
		for slice := range w.users {
			switch random.IntN(12) {
			case 0:
				w.becomes(slice, "ready")
			case 1:
				w.becomes(slice, []string{"disconnected", "starting", "logged_out"}[random.IntN(3)])
			}
		}
		w.interrupted(random, w.tryCheck)
		w.interrupted(random, w.tryNotify)
	}
	for slice := range w.users {
		w.becomes(slice, "ready")
	}
	w.pass(15 * time.Minute)
	w.exactlyOnce(seed)
}

// interrupted runs a job that may be cut off at any moment, any number of times, and in the end not.
func (w *guard) interrupted(random *rand.Rand, work func(context.Context) error) {
	w.t.Helper()
	for random.IntN(3) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(4000))*time.Microsecond)
		_ = work(ctx)
		cancel()
	}
	var err error
	for range 3 { // a connection that was cut off is found broken by whoever has it next
		if err = work(context.Background()); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// exactlyOnce holds what was told against the alerts that there were.
func (w *guard) exactlyOnce(seed uint64) {
	w.t.Helper()
	told := map[string]int{}
	rows, err := w.db.Pool.Query(context.Background(), "SELECT coalesce('user:' || user_id, 'admin') || ' ' || (one->>'kind') || ' ' || (one->>'subject') || ' ' || (one->>'opened') || ' ' || (one->>'phase') FROM gateway.emails, jsonb_array_elements(detail->'told') one")
	if err != nil {
		w.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range lines {
		told[line]++
	}
	for line, times := range told {
		if times != 1 {
			w.t.Errorf("seed %d: told %d times: %s", seed, times, line)
		}
		if opened, ok := strings.CutSuffix(line, " opened"); ok != (told[opened+" ended"] == 1) && ok {
			w.t.Errorf("seed %d: the end of it was not told: %s", seed, line)
		}
		if opened, ok := strings.CutSuffix(line, " ended"); ok && told[opened+" opened"] != 1 {
			w.t.Errorf("seed %d: told of the end alone: %s", seed, line)
		}
	}
	// Whoever was away for long enough, and not with many others, was told.
	if n := w.alerts(`incident_id IS NULL AND closed_at - opened_at > interval '3 minutes' AND kind = 'wa.disconnected'
		AND NOT EXISTS (SELECT FROM gateway.notices n WHERE n.alert_id = alerts.id AND n.ended_at IS NOT NULL)
		AND NOT EXISTS (SELECT FROM gateway.alerts i WHERE i.kind = 'server.wa_disconnected' AND i.opened_at - interval '20 minutes' < alerts.closed_at AND i.closed_at + interval '20 minutes' > alerts.opened_at)`); n > 0 {
		w.t.Errorf("seed %d: %d alerts were never told", seed, n)
	}
	if n := w.alerts("settled_at IS NULL"); n > 0 {
		w.t.Errorf("seed %d: %d alerts are not settled", seed, n)
	}
}
