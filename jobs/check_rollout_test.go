package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertest"
	"github.com/riverqueue/river/rivertype"

	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// yard is a fleet whose engines and images are the test's.
type yard struct {
	Containers
	t       *testing.T
	db      storetest.Database
	queries *store.Queries
	client  *river.Client[pgx.Tx]
	now     time.Time
	server  string
	ids     map[string]string // images of the engine
	named   []string
	lines   []string    // that the check says
	breaks  bool        // the contract
	fails   error       // the check cannot be made
	during  func(n int) // called after each line; nil: nothing
}

func newYard(t *testing.T) *yard {
	t.Parallel()
	db := storetest.New(t)
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	y := &yard{
		t: t, db: db, queries: store.New(db.Pool), client: client, now: time.Now().Truncate(time.Microsecond), server: db.Server(t),
		ids: map[string]string{"slice:2": "sha256:0123456789abcdef"}, lines: []string{"keeps: start, it answers", "lacks: data, export.js"},
	}
	y.heard(y.server, 0)
	return y
}

func (y *yard) Identify(_ context.Context, image string) (string, error) {
	if id, there := y.ids[image]; there {
		return id, nil
	}
	return "", &FatalError{fmt.Errorf("the engine has no image %s", image)}
}

func (y *yard) Name(_ context.Context, id, name string) error {
	y.named = append(y.named, id+" "+name)
	return nil
}

func (y *yard) Ask(ctx context.Context, image string, report func(string)) (bool, error) {
	for i, line := range y.lines {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		report(line)
		if y.during != nil {
			y.during(i)
		}
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return !y.breaks, y.fails
}

func (y *yard) exec(sql string, args ...any) {
	y.t.Helper()
	if _, err := y.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		y.t.Fatalf("%s: %v", sql, err)
	}
}

func (y *yard) count(sql string, args ...any) (n int) {
	y.t.Helper()
	if err := y.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		y.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// heard has a server's runner write something down so long ago.
func (y *yard) heard(server string, ago time.Duration) {
	y.t.Helper()
	y.exec("INSERT INTO gateway.servers (name) VALUES ($1) ON CONFLICT DO NOTHING", server)
	y.exec(`INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes,
		disk_used_bytes, disk_total_bytes, total_slices, slices_rss_bytes, slices_swap_bytes) VALUES ($1, $2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`, server, y.now.Add(-ago))
}

// customer adds a slice of somebody's.
func (y *yard) customer(server, status string) int64 {
	y.t.Helper()
	slice, err := y.queries.CreateSlice(context.Background(), store.CreateSliceParams{Server: server, Image: "slice:1"})
	if err != nil {
		y.t.Fatal(err)
	}
	y.exec("WITH u AS (INSERT INTO gateway.users (email, password_hash) VALUES ($1, 'none') RETURNING id) UPDATE gateway.slices SET status = $2, port = $3, user_id = u.id FROM u WHERE slices.id = $4",
		fmt.Sprintf("c%d@example.com", slice.ID), status, 5001+2*(slice.ID%10_000), slice.ID)
	return slice.ID
}

// tell gives an order in a transaction of its own.
func (y *yard) tell(give func(tx pgx.Tx) (store.Rollout, error)) (rollout store.Rollout, err error) {
	err = pgx.BeginFunc(context.Background(), y.db.Pool, func(tx pgx.Tx) error {
		rollout, err = give(tx)
		return err
	})
	return rollout, err
}

func (y *yard) ask(image string, slice *int64) (store.Rollout, error) {
	return y.tell(func(tx pgx.Tx) (store.Rollout, error) {
		return AskRollout(context.Background(), tx, y.client, NewRollout{Asked: image, Batch: 5, Slice: slice}, "admin:1", y.now)
	})
}

func (y *yard) asked(image string, slice *int64) store.Rollout {
	y.t.Helper()
	rollout, err := y.ask(image, slice)
	if err != nil {
		y.t.Fatal(err)
	}
	return rollout
}

func (y *yard) abort(rollout int64) error {
	_, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
		return AbortRollout(context.Background(), tx, y.client, rollout, "admin:1", y.now)
	})
	return err
}

// check runs the job as its nth attempt.
func (y *yard) check(rollout int64, attempt int) error {
	worker := &CheckRollout{Pool: y.db.Pool, Hands: Hands{Containers: y, Images: y}, Clock: func() time.Time { return y.now }}
	job := &river.Job[CheckRolloutArgs]{JobRow: attemptOf(attempt, checkAttempts), Args: CheckRolloutArgs{Server: y.server, Rollout: rollout}}
	return worker.Work(rivertest.WorkContext(context.Background(), y.client), job)
}

// lead runs the job that leads it; what it says by that it comes again is no error.
func (y *yard) lead(rollout int64) {
	y.t.Helper()
	worker := &Rollout{Pool: y.db.Pool, Patience: time.Hour, Clock: func() time.Time { return y.now }}
	err := worker.Work(rivertest.WorkContext(context.Background(), y.client), &river.Job[RolloutArgs]{Args: RolloutArgs{Rollout: rollout}})
	var snooze *river.JobSnoozeError
	if err != nil && !errors.As(err, &snooze) {
		y.t.Fatal(err)
	}
}

func (y *yard) rollout(id int64) store.Rollout {
	y.t.Helper()
	row, err := y.queries.RolloutByID(context.Background(), id)
	if err != nil {
		y.t.Fatal(err)
	}
	return row
}

func TestAnImageThatKeepsTheContractBeginsItsRollout(t *testing.T) {
	y := newYard(t)
	y.exec("INSERT INTO gateway.alerts (kind, subject, severity, detail, opened_at) VALUES ('rollout.halted', 'rollout:0', 'warning', 'It was.', $1)", y.now)
	rollout := y.asked("slice:2", nil)
	if rollout.State != "checking" || *rollout.CheckServer != y.server || rollout.Image != "" {
		t.Fatalf("it begins as %+v", rollout)
	}
	if n := y.count("SELECT count(*) FROM river.river_job WHERE kind = 'check_rollout' AND queue = $1", ServerQueue(y.server)); n != 1 {
		t.Errorf("%d checks are enqueued for the server", n)
	}
	if _, err := y.ask("slice:2", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("another one beside it: %v", err)
	}
	y.lead(rollout.ID) // which begins nothing
	if n := y.count("SELECT count(*) FROM gateway.rollout_servers"); n != 0 || y.rollout(rollout.ID).State != "checking" {
		t.Errorf("while it is checked %d servers get ready", n)
	}
	for range 2 { // run twice it does once
		if err := y.check(rollout.ID, 1); err != nil {
			t.Fatal(err)
		}
	}
	row := y.rollout(rollout.ID)
	if row.State != "preparing" || row.Image != "slice:rollout-0123456789ab" || row.ImageID != "sha256:0123456789abcdef" || row.Checked != strings.Join(y.lines, "\n") {
		t.Errorf("checked it is %+v", row)
	}
	if len(y.named) != 1 || y.named[0] != "sha256:0123456789abcdef slice:rollout-0123456789ab" {
		t.Errorf("named are %v", y.named)
	}
	for action, want := range map[string]int{"rollout.start": 1, "rollout.checked": 1, "rollout.refuse": 0} {
		if got := y.count("SELECT count(*) FROM gateway.audit WHERE action = $1 AND subject = $2", action, fmt.Sprintf("rollout:%d", row.ID)); got != want {
			t.Errorf("the audit has %s %d times", action, got)
		}
	}
	if n := y.count("SELECT count(*) FROM gateway.alerts WHERE closed_at IS NULL"); n != 0 {
		t.Error("the alert of the last one is open still after somebody has acted")
	}
	y.lead(rollout.ID)
	if n := y.count("SELECT count(*) FROM river.river_job WHERE kind = 'prepare_rollout'"); n != 1 {
		t.Errorf("%d servers are asked to get ready", n)
	}
}

func TestAnImageIsRefusedInWords(t *testing.T) {
	for name, test := range map[string]struct {
		image   string
		breaks  bool
		fails   error
		attempt int
		want    string // of the reason; empty: not yet
	}{
		"it is not there":                {image: "slice:3", attempt: 1, want: "the engine has no image slice:3"},
		"it breaks the contract":         {image: "slice:2", breaks: true, attempt: 1, want: "slice:2 breaks the slice contract (docs/slice-contract.md): stop, it stops; and 1 more"},
		"it cannot be asked, once":       {image: "slice:2", fails: errors.New("no room"), attempt: 1},
		"it cannot be asked, ever again": {image: "slice:2", fails: errors.New("no room"), attempt: checkAttempts, want: "the image could not be asked: no room"},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			if y.breaks, y.fails = test.breaks, test.fails; y.breaks {
				y.lines = append(y.lines, "BREAKS: stop, it stops", "BREAKS: data, it keeps them")
			}
			id := y.asked(test.image, nil).ID
			err := y.check(id, test.attempt)
			row := y.rollout(id)
			if test.want == "" {
				if err == nil || row.State != "checking" {
					t.Fatalf("%v, and it is %s", err, row.State)
				}
				y.fails = nil
				if err := y.check(id, 2); err != nil || y.rollout(id).State != "preparing" {
					t.Errorf("the next time: %v", err)
				}
				return
			}
			if err != nil || row.State != "refused" || row.FinishedAt == nil || !strings.Contains(row.Reason, test.want) {
				t.Errorf("%v; it is %s: %s", err, row.State, row.Reason)
			}
			if _, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
				return RollBack(context.Background(), tx, y.client, AnyRollout, "operator", y.now)
			}); !errors.Is(err, ErrRefused) {
				t.Errorf("what has touched nothing is taken back: %v", err)
			}
			if y.asked("slice:2", nil).ID == id { // nothing is in the way
				t.Error("there is no other")
			}
		})
	}
}

func TestACheckThatNobodyWaitsForEnds(t *testing.T) {
	y := newYard(t)
	id := y.asked("slice:2", nil).ID
	var abort error
	y.lines = []string{"one", "two", "three", "four"}
	asked := 0
	y.during = func(n int) {
		if asked = n; n == 0 {
			abort = y.abort(id)
		}
	}
	if err := errors.Join(y.check(id, 1), abort); err != nil {
		t.Fatal(err)
	}
	if asked != 1 {
		t.Errorf("it went on to line %d", asked)
	}
	if row := y.rollout(id); row.State != "aborted" || row.Checked != "one" {
		t.Errorf("it is %+v", row)
	}
	y.lead(id)
	if y.rollout(id).FinishedAt == nil {
		t.Error("it does not end")
	}
	// What was never begun is not what is taken back, and cannot be.
	if _, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
		return RollBack(context.Background(), tx, y.client, id, "operator", y.now)
	}); !errors.Is(err, ErrRefused) {
		t.Errorf("it is taken back: %v", err)
	}
}

func TestTheCheckIsGivenToARunnerThatIsHeardOf(t *testing.T) {
	y := newYard(t)
	y.exec("DELETE FROM gateway.server_telemetry")
	if _, err := y.ask("slice:2", nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "no runner") {
		t.Errorf("no runner works: %v", err)
	}
	y.heard(y.server, 11*time.Minute)
	if _, err := y.ask("slice:2", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("no runner has worked lately: %v", err)
	}
	y.heard("far", 3*time.Minute)
	y.heard("near", 2*time.Minute)
	rollout := y.asked("slice:2", nil)
	if *rollout.CheckServer != "near" {
		t.Errorf("%s is asked", *rollout.CheckServer)
	}
	// It says nothing: the check is asked for again where it was lost, and given up in the end.
	y.exec("DELETE FROM river.river_job")
	y.lead(rollout.ID)
	if n := y.count("SELECT count(*) FROM river.river_job WHERE kind = 'check_rollout' AND queue = 'server-near'"); n != 1 {
		t.Errorf("%d checks are enqueued", n)
	}
	y.now = rollout.CreatedAt.Add(checkLate)
	y.lead(rollout.ID)
	if row := y.rollout(rollout.ID); row.State != "refused" || !strings.Contains(row.Reason, "server near has not said within 15 minutes") {
		t.Errorf("it is %s: %s", row.State, row.Reason)
	}
	// A slice alone is its own server's.
	y.heard("far", 0)
	theirs := y.customer(y.server, "assigned")
	if _, err := y.ask("slice:2", &theirs); !errors.Is(err, ErrRefused) {
		t.Errorf("its server is silent: %v", err)
	}
	y.heard(y.server, time.Minute)
	if rollout := y.asked("slice:2", &theirs); *rollout.CheckServer != y.server || *rollout.SliceID != theirs {
		t.Errorf("it is %+v", rollout)
	}
}

func TestASliceAlone(t *testing.T) {
	y := newYard(t)
	y.heard("far", time.Hour)
	theirs, others := y.customer(y.server, "assigned"), y.customer(y.server, "assigned")
	pooled := y.customer(y.server, "assigned")
	y.exec("UPDATE gateway.slices SET user_id = NULL, status = 'available' WHERE id = $1", pooled)
	y.exec("UPDATE gateway.servers SET image = 'slice:1', configured_image = 'slice:1'")
	for what, id := range map[string]int64{"a slice of the pool": pooled, "one that is not there": 1} {
		if _, err := y.ask("slice:2", &id); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Somebody is there, and is not waited for.
	y.exec("INSERT INTO gateway.sessions (id, user_id, expires_at, extended_at) SELECT sha256('x'), user_id, $2, $2 FROM gateway.slices WHERE id = $1", theirs, y.now.Add(time.Hour))
	id := y.asked("slice:2", &theirs).ID
	if err := y.check(id, 1); err != nil {
		t.Fatal(err)
	}
	y.lead(id)
	if n := y.count("SELECT count(*) FROM gateway.rollout_servers WHERE server = $1", y.server); n != 1 || y.count("SELECT count(*) FROM gateway.rollout_servers") != 1 {
		t.Error("other servers take part")
	}
	if image, err := y.queries.ImageOfNewSlices(context.Background(), store.ImageOfNewSlicesParams{Name: y.server, Configured: "slice:1"}); err != nil || image.Changing {
		t.Errorf("the pool waits for it: %+v, %v", image, err)
	}
	y.exec("UPDATE gateway.rollout_servers SET prepared_at = $1, from_image = NULL", y.now)
	y.lead(id)
	row, err := y.queries.RolloutSlice(context.Background(), store.RolloutSliceParams{Rollout: id, Slice: theirs})
	if err != nil || row.State != "updating" || !row.Canary || y.count("SELECT count(*) FROM gateway.rollout_slices") != 1 {
		t.Fatalf("%+v, %v", row, err)
	}
	y.exec("UPDATE gateway.rollout_slices SET state = 'done', ended_at = $1", y.now)
	y.exec("UPDATE gateway.slices SET image = 'slice:rollout-0123456789ab' WHERE id = $1", theirs)
	y.lead(id)
	if row := y.rollout(id); row.State != "done" || row.FinishedAt == nil {
		t.Errorf("it is %+v, though nobody else has the old image", row)
	}
	if n := y.count("SELECT count(*) FROM gateway.servers WHERE image = 'slice:1' AND name = $1", y.server); n != 1 {
		t.Error("new slices are made of it")
	}
	if n := y.count("SELECT count(*) FROM gateway.slices WHERE image = 'slice:1' AND id IN ($1, $2)", others, pooled); n != 2 {
		t.Error("others have it too")
	}
	// And back: nobody else, and no image of a server.
	if _, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
		return RollBack(context.Background(), tx, y.client, id, "operator", y.now)
	}); err != nil {
		t.Fatal(err)
	}
	if n := y.count("SELECT count(*) FROM gateway.servers WHERE image = 'slice:1' AND name = $1", y.server); n != 1 {
		t.Error("taking it back changes what new slices are made of")
	}
	y.lead(id)
	if n := y.count("SELECT count(*) FROM gateway.rollout_slices WHERE state = 'rolling_back' AND slice_id = $1", theirs); n != 1 {
		t.Error("it is not taken back")
	}
}

func TestAnOrderIsAboutTheRolloutThatItNames(t *testing.T) {
	y := newYard(t)
	first := y.asked("slice:2", nil).ID
	if err := y.check(first, 1); err != nil {
		t.Fatal(err)
	}
	if err := y.abort(first); err != nil {
		t.Fatal(err)
	}
	y.lead(first)
	second := y.asked("slice:2", nil).ID
	pause := func(meant int64) error {
		_, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
			return PauseRollout(context.Background(), tx, y.client, meant, true, "admin:1", y.now)
		})
		return err
	}
	back := func(meant int64) error {
		_, err := y.tell(func(tx pgx.Tx) (store.Rollout, error) {
			return RollBack(context.Background(), tx, y.client, meant, "admin:1", y.now)
		})
		return err
	}
	for what, err := range map[string]error{
		"the first is aborted again": y.abort(first), "the first is paused": pause(first),
		"a check is paused": pause(second), "the first is taken back beside another": back(first),
	} {
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if y.rollout(second).State != "checking" {
		t.Errorf("the second is %s", y.rollout(second).State)
	}
	if err := y.check(second, 1); err != nil {
		t.Fatal(err)
	}
	if err := pause(second); err != nil || !y.rollout(second).Paused {
		t.Errorf("the second is not paused: %v", err)
	}
	if err := back(first); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "not the last one") {
		t.Errorf("the first is taken back: %v", err)
	}
}

func attemptOf(attempt, most int) *rivertype.JobRow {
	return &rivertype.JobRow{Attempt: attempt, MaxAttempts: most}
}
