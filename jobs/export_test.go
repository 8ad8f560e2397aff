package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertest"
	"github.com/riverqueue/river/rivertype"

	"slicegate/jobs"
	"slicegate/migrations"
	"slicegate/runner/host"
	"slicegate/store/storetest"
)

// export is one of a slice that sends what the test says. Files, rows and jobs are real.
type export struct {
	t      *testing.T
	db     storetest.Database
	client *river.Client[pgx.Tx]
	worker *jobs.Export
	dir    string
	id     int64
	user   int64
	slice  int64
	now    time.Time
	up     bool
	sends  func(ctx context.Context) io.Reader // what the slice answers
	err    error                               // it does not
}

func newExport(t *testing.T) *export {
	t.Helper()
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	e := &export{t: t, db: db, client: client, dir: t.TempDir(), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), up: true}
	e.sends = func(context.Context) io.Reader { return strings.NewReader("PK: all of it") }
	if err := db.Pool.QueryRow(ctx, `WITH u AS (INSERT INTO gateway.users (email, password_hash) VALUES ('ann@example.com', '') RETURNING id)
		INSERT INTO gateway.slices (server, image, port, status, user_id) SELECT $1, 'none', 5001, 'assigned', id FROM u RETURNING id, user_id`, db.Server(t)).Scan(&e.slice, &e.user); err != nil {
		t.Fatal(err)
	}
	media := filepath.Join(e.dir, "slices", fmt.Sprint(e.slice), "media")
	if err := errors.Join(os.MkdirAll(media, 0o755), os.WriteFile(filepath.Join(media, "one"), make([]byte, 40_000), 0o644)); err != nil {
		t.Fatal(err)
	}
	e.id = e.row()
	e.worker = &jobs.Export{
		Pool: db.Pool, Quota: 1 << 20, Clock: func() time.Time { return e.now },
		Hands: jobs.Hands{
			Containers: found{e: e}, Archives: answers{e}, Directories: host.Directories{Root: e.dir}, Exports: host.Exports{Root: e.dir, Group: -1},
		},
	}
	return e
}

// row orders another export.
func (e *export) row() (id int64) {
	e.t.Helper()
	if err := e.db.Pool.QueryRow(context.Background(), "INSERT INTO gateway.exports (user_id, slice_id, server, created_at) VALUES ($1, $2, 'test', $3) RETURNING id", e.user, e.slice, e.now).Scan(&id); err != nil {
		e.t.Fatal(err)
	}
	return id
}

type found struct {
	jobs.Containers
	e *export
}

func (f found) Find(context.Context, int64) (jobs.Running, bool, error) {
	return jobs.Running{Address: "here"}, f.e.up, nil
}

type answers struct{ e *export }

func (a answers) OfRunning(ctx context.Context, _ jobs.Running) (io.ReadCloser, error) {
	if a.e.err != nil {
		return nil, a.e.err
	}
	return io.NopCloser(a.e.sends(ctx)), nil
}

func (a answers) OfResting(ctx context.Context, _ jobs.Spec) (io.ReadCloser, error) {
	return a.OfRunning(ctx, jobs.Running{})
}

func (e *export) work(attempt int) error {
	e.t.Helper()
	ctx := rivertest.WorkContext(context.Background(), e.client)
	return e.worker.Work(ctx, &river.Job[jobs.ExportArgs]{
		JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 6}, Args: jobs.ExportArgs{Server: "test", Export: e.id},
	})
}

// is checks what the row of an export says.
func (e *export) is(status, says string) {
	e.t.Helper()
	var got, why string
	if err := e.db.Pool.QueryRow(context.Background(), "SELECT status, coalesce(error, '') FROM gateway.exports WHERE id = $1", e.id).Scan(&got, &why); err != nil {
		e.t.Fatal(err)
	}
	if got != status || !strings.Contains(why, says) || (says == "") != (why == "") {
		e.t.Errorf("it is %s: %q, want %s: %q", got, why, status, says)
	}
}

func (e *export) has(names ...string) {
	e.t.Helper()
	entries, err := os.ReadDir(filepath.Join(e.dir, "exports"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, names) {
		e.t.Errorf("files %v, want %v", got, names)
	}
}

func (e *export) exec(sql string, args ...any) {
	e.t.Helper()
	if _, err := e.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		e.t.Fatal(err)
	}
}

func (e *export) count(sql string, args ...any) (n int) {
	e.t.Helper()
	if err := e.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// parts are read one by one, each when the one before was written; between two of them something happens.
type parts struct {
	of      []string
	between func(read int)
	read    int
}

func (p *parts) Read(into []byte) (int, error) {
	if p.read == len(p.of) {
		return 0, io.EOF
	}
	if p.read > 0 {
		p.between(p.read)
	}
	p.read++
	return copy(into, p.of[p.read-1]), nil
}

func TestAnExportSaysHowFarItIs(t *testing.T) {
	e := newExport(t)
	seen := map[int]int{}
	e.sends = func(context.Context) io.Reader {
		return &parts{of: []string{"12345", "678", "9", "0"}, between: func(read int) {
			seen[read] = e.count("SELECT bytes FROM gateway.exports WHERE id = $1 AND status = 'running' AND expected BETWEEN 40000 AND 100000", e.id)
			e.now = e.now.Add([]time.Duration{0, time.Second, 100 * time.Millisecond, time.Second}[read])
		}}
	}
	if err := e.work(1); err != nil {
		t.Fatal(err)
	}
	// What was read when the clock had moved on is noted with the part after.
	if seen[1] != 0 || seen[2] != 8 || seen[3] != 8 {
		t.Errorf("written so far: %v", seen)
	}
	e.is("ready", "")
	e.has(fmt.Sprintf("%d.zip", e.id))
	if n := e.count("SELECT count(*) FROM gateway.exports WHERE id = $1 AND bytes = 10 AND expected = 10 AND ready_at = $2 AND expires_at = $3", e.id, e.now, e.now.AddDate(0, 0, 7)); n != 1 {
		t.Error("its row does not say how large it is, and until when it is there")
	}
	if err := e.work(1); err != nil { // once more, as after a crash behind the commit
		t.Fatal(err)
	}
	if mails, sends := e.count("SELECT count(*) FROM gateway.emails WHERE kind = 'export_ready' AND once = 'export:' || $1::bigint AND detail->>'at' = '2026-05-08T12:00:02Z'", e.id),
		e.count("SELECT count(*) FROM river.river_job WHERE kind = 'send_email'"); mails != 1 || sends != 1 {
		t.Errorf("%d mails are owed and %d jobs send them, want 1 of each", mails, sends)
	}
	info, err := os.Stat(filepath.Join(e.dir, "exports", fmt.Sprintf("%d.zip", e.id)))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

func TestAnExportThatIsCutOffLeavesNothingAndBeginsAnew(t *testing.T) {
	e := newExport(t)
	e.sends = func(context.Context) io.Reader {
		return io.MultiReader(strings.NewReader("half"), iotestErr{io.ErrUnexpectedEOF})
	}
	if err := e.work(1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("cut off: %v", err)
	}
	e.is("running", "")
	e.has()
	// A run that was killed has no time to clear up.
	if err := os.WriteFile(filepath.Join(e.dir, "exports", fmt.Sprintf("%d-12345.part", e.id)), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.sends = func(context.Context) io.Reader { return strings.NewReader("whole") }
	if err := e.work(2); err != nil {
		t.Fatal(err)
	}
	e.has(fmt.Sprintf("%d.zip", e.id))
	if content, err := os.ReadFile(filepath.Join(e.dir, "exports", fmt.Sprintf("%d.zip", e.id))); err != nil || string(content) != "whole" {
		t.Errorf("it has %q, %v", content, err)
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func TestWhyAnExportFails(t *testing.T) {
	for _, test := range []struct {
		name    string
		attempt int
		given   func(*export)
		says    string
	}{
		{"the slice's answer breaks again and again", 6, func(e *export) {
			e.sends = func(context.Context) io.Reader { return iotestErr{io.ErrUnexpectedEOF} }
		}, "could not be made"},
		{"the image makes none", 1, func(e *export) { e.err = fmt.Errorf("%w: 404", jobs.ErrNoArchive) }, "could not be made"},
		{"the slice sends without end", 1, func(e *export) {
			e.worker.Quota = -4<<30 + 1000
			e.sends = func(context.Context) io.Reader { return bytes.NewReader(make([]byte, 1_000_000)) }
		}, "could not be made"},
		{"the slice is gone", 1, func(e *export) {
			e.exec("UPDATE gateway.slices SET status = 'destroyed', user_id = NULL, port = NULL")
		}, "was deleted before"},
		{"the slice is being destroyed", 1, func(e *export) { e.exec("UPDATE gateway.slices SET status = 'destroying'") }, "was deleted before"},
		{"the slice is away for a day", 1, func(e *export) { e.up, e.now = false, e.now.Add(25*time.Hour) }, "for a day"},
		{"the slice goes away meanwhile", 6, func(e *export) {
			e.sends = func(context.Context) io.Reader {
				e.exec("UPDATE gateway.slices SET status = 'destroying'")
				return iotestErr{io.ErrUnexpectedEOF}
			}
		}, "could not be made"},
		{"the disk keeps too little", 1, func(e *export) {
			e.worker.Hands.Exports = host.Exports{Root: e.dir, Group: -1, Reserve: 1 << 60}
		}, "no room"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newExport(t)
			test.given(e)
			var cancelled *river.JobCancelError
			if err := e.work(test.attempt); !errors.As(err, &cancelled) {
				t.Errorf("the job ends with %v", err)
			}
			e.is("failed", test.says)
			e.has()
			if n := e.count("SELECT count(*) FROM gateway.emails"); n != 0 {
				t.Errorf("%d mails are owed", n)
			}
			if e.row() == e.id { // the next may be asked for
				t.Error("it is the same one")
			}
		})
	}
}

func TestAnExportWaitsForASliceThatIsOnItsWay(t *testing.T) {
	e := newExport(t)
	snoozes := func(when string) {
		t.Helper()
		var snooze *river.JobSnoozeError
		if err := e.work(6); !errors.As(err, &snooze) {
			t.Errorf("%s: %v", when, err)
		}
	}
	e.up = false
	snoozes("it should run and does not yet")
	e.up = true
	e.exec("UPDATE gateway.slices SET status = 'suspended'")
	snoozes("it should rest and still runs")
	e.has()
	e.is("waiting", "")
}

func TestAnExportThatNobodyWantsAnyMoreIsGivenUp(t *testing.T) {
	e := newExport(t)
	e.sends = func(context.Context) io.Reader {
		return &parts{of: []string{"1", "2", "3"}, between: func(read int) {
			e.now = e.now.Add(time.Minute)
			if read == 2 {
				e.exec("UPDATE gateway.exports SET user_id = NULL")
			}
		}}
	}
	if err := e.work(1); err != nil {
		t.Errorf("it ends with %v", err)
	}
	e.has()
	if n := e.count("SELECT count(*) FROM gateway.emails"); n != 0 {
		t.Errorf("%d mails are owed", n)
	}
	again := &export{}
	*again = *e
	again.id = e.row()
	again.sends = func(context.Context) io.Reader {
		return &parts{of: []string{"1", "2"}, between: func(int) { e.exec("UPDATE gateway.exports SET user_id = NULL") }}
	}
	again.worker.Hands.Archives = answers{again}
	if err := again.work(1); err != nil {
		t.Errorf("it ends with %v", err)
	}
	e.has() // it was whole already
}

func TestAnExportOfASilentSliceEnds(t *testing.T) {
	e := newExport(t)
	silent := make(chan time.Time)
	e.worker.After = func(time.Duration) <-chan time.Time { return silent }
	e.sends = func(ctx context.Context) io.Reader {
		return io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) {
			close(silent) // nothing came for as long as it may take
			<-ctx.Done()
			return 0, ctx.Err()
		}))
	}
	if err := e.work(1); err == nil || !strings.Contains(err.Error(), "fallen silent") {
		t.Errorf("it ends with %v", err)
	}
	e.has()
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }

func TestFilesOfExportsAreHeldAgainstTheRows(t *testing.T) {
	e := newExport(t)
	if err := e.work(1); err != nil {
		t.Fatal(err)
	}
	older := e.id
	e.id = e.row()
	if err := e.work(1); err != nil { // which ends the older
		t.Fatal(err)
	}
	newer := e.id
	waiting := e.row()
	tend := &jobs.TendExports{Pool: e.db.Pool, Files: e.worker.Hands.Exports, Clock: e.worker.Clock}
	work := func() {
		t.Helper()
		if err := tend.Work(rivertest.WorkContext(context.Background(), e.client), &river.Job[jobs.TendExportsArgs]{Args: jobs.TendExportsArgs{Server: "test"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"9000000.zip", "9000001-77.part", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(e.dir, "exports", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.has(fmt.Sprintf("%d.zip", older), fmt.Sprintf("%d.zip", newer), "9000000.zip", "9000001-77.part", "notes.txt")
	work()
	e.has(fmt.Sprintf("%d.zip", newer), "notes.txt") // which is nobody's business
	if n := e.count("SELECT count(*) FROM gateway.exports WHERE id = $1 AND status = 'deleted'", older); n != 1 {
		t.Error("the row of the older one does not say that it is gone")
	}
	if n := e.count("SELECT count(*) FROM river.river_job WHERE kind = 'export' AND (args->>'export')::bigint = $1", waiting); n != 1 {
		t.Errorf("%d jobs for the one that waits", n)
	}
	e.exec("UPDATE gateway.exports SET status = 'failed', error = 'why' WHERE id = $1", waiting)
	e.now = e.now.AddDate(0, 0, 7).Add(-time.Second)
	work()
	e.has(fmt.Sprintf("%d.zip", newer), "notes.txt")
	e.now = e.now.Add(time.Second)
	work()
	e.has("notes.txt")
	if err := os.WriteFile(filepath.Join(e.dir, "exports", fmt.Sprintf("%d.zip", newer)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e.exec("UPDATE gateway.exports SET user_id = NULL, status = 'ready', expires_at = $1 WHERE id = $2", e.now.AddDate(0, 0, 1), newer)
	work()
	e.has("notes.txt")
	if n := e.count("SELECT count(*) FROM gateway.exports WHERE id = $1", newer); n != 0 {
		t.Error("a row of somebody who is forgotten is kept")
	}
	e.now = e.now.AddDate(0, 0, 91)
	work()
	if n := e.count("SELECT count(*) FROM gateway.exports"); n != 0 {
		t.Errorf("%d rows are kept for ever", n)
	}
}
