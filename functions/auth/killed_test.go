package auth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/migrations"
	"slicegate/store"
	"slicegate/store/storetest"
)

// TestMain also is the function that TestTenThousandAssignmentsWithKills kills.
func TestMain(m *testing.M) {
	if name := os.Getenv("REGISTER_UNTIL_KILLED"); name != "" {
		fmt.Fprintln(os.Stderr, registerUntilKilled(name))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	assignments    = 10_000
	registering    = 3 // processes at a time
	registerAtOnce = 8 // customers of each at a time
)

// registerUntilKilled registers one customer after the other, several at a time, and writes for each
// answer "EMAIL USER SLICE" in one piece; SLICE is 0 for who waits.
func registerUntilKilled(name string) error {
	ctx := context.Background()
	pool, err := store.Open(ctx, os.Getenv("DATABASE_URL"), registerAtOnce)
	if err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		return err
	}
	a := &auth.Auth{Pool: pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), SessionLife: time.Hour, TrialDays: 14, Clock: time.Now}
	var next atomic.Int64
	failed := make(chan error, registerAtOnce)
	for range registerAtOnce {
		go func() {
			for {
				email := fmt.Sprintf("%s-%d@example.com", name, next.Add(1))
				user, given, _, err := a.Register(ctx, email, "hash")
				if err != nil {
					failed <- fmt.Errorf("register %s: %w", email, err)
					return
				}
				var slice int64
				if given != nil {
					slice = given.ID
				}
				fmt.Printf("%s %d %d\n", email, user.ID, slice)
			}
		}()
	}
	return <-failed
}

// told is what customers were answered before their function was killed.
type told struct {
	mu      sync.Mutex
	sliceOf map[int64]int64 // user to slice; 0: waits
	failed  []string
}

// read starts a function, reads what it answers, and kills it after so many answers, while the next
// ones are on their way, or when enough ends.
func (a *told) read(enough context.Context, child *exec.Cmd, life int) error {
	answers, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints strings.Builder
	child.Stderr = &complaints
	if err := child.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(enough, func() { _ = child.Process.Kill() })()
	for lines := bufio.NewScanner(answers); lines.Scan(); {
		var email string
		var user, slice int64
		if _, err := fmt.Sscan(lines.Text(), &email, &user, &slice); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		a.mu.Lock()
		a.sliceOf[user] = slice
		a.mu.Unlock()
		if life--; life == 0 {
			_ = child.Process.Kill()
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("a function was not killed but ended: %v\n%s", err, complaints.String())
	}
	return nil
}

// Functions register customers by the thousand and are killed at random all the while.
func TestTenThousandAssignmentsWithKills(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	if _, err := db.Pool.Exec(ctx, `INSERT INTO gateway.slices (server, image, port, status, last_health_at)
		SELECT $1, 'none', 10000 + n, 'available', now() + interval '1 hour' FROM generate_series(1, $2::int) n`, db.Server(t), assignments); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(ctx, "ANALYZE gateway.slices"); err != nil {
		t.Fatal(err)
	}
	answers := &told{sliceOf: map[int64]int64{}}
	enough, stop := context.WithTimeout(ctx, 4*time.Minute)
	defer stop()
	var places sync.WaitGroup
	var kills atomic.Int64
	for place := range registering {
		places.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(place)))
			for life := 0; enough.Err() == nil; life++ {
				child := exec.Command(os.Args[0])
				child.Env = append(os.Environ(), fmt.Sprintf("REGISTER_UNTIL_KILLED=c%d-%d", place, life), "DATABASE_URL="+db.URL)
				child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				err := answers.read(enough, child, 20+random.IntN(200))
				kills.Add(1)
				if err != nil {
					answers.mu.Lock()
					answers.failed = append(answers.failed, err.Error())
					answers.mu.Unlock()
					return
				}
			}
		})
	}
	for count(t, db, "SELECT count(*) FROM gateway.slices WHERE status = 'available'") > 0 && enough.Err() == nil {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-enough.Done():
		}
	}
	stop()
	places.Wait()
	for _, failure := range answers.failed {
		t.Error(failure)
	}
	// As fill_pool does after each of them.
	if err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		_, err := store.Match(ctx, tx, "job:fill_pool", time.Now())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	answers.check(t, db)
	t.Logf("%d customers were answered, %d functions killed", len(answers.sliceOf), kills.Load())
	if kills.Load() < 10 {
		t.Error("too few functions were killed for this to say anything")
	}
}

func (a *told) check(t *testing.T, db storetest.Database) {
	t.Helper()
	for what, sql := range map[string]string{
		"slices that nobody has":            "SELECT count(*) FROM gateway.slices WHERE status <> 'assigned' OR user_id IS NULL",
		"users with several slices":         "SELECT count(*) FROM (SELECT FROM gateway.slices WHERE user_id IS NOT NULL GROUP BY user_id HAVING count(*) > 1) u",
		"slices not given exactly once":     "SELECT count(*) FROM gateway.slices s WHERE (SELECT count(*) FROM gateway.audit WHERE action = 'slice.assign' AND subject = 'slice:' || s.id) <> 1",
		"slices given to another":           "SELECT count(*) FROM gateway.slices s JOIN gateway.audit a ON a.action = 'slice.assign' AND a.subject = 'slice:' || s.id WHERE (a.detail->>'user')::bigint <> s.user_id",
		"users that have one and wait":      "SELECT count(*) FROM gateway.users u JOIN gateway.slices s ON s.user_id = u.id WHERE u.waiting_since IS NOT NULL",
		"users that have none and wait not": "SELECT count(*) FROM gateway.users u LEFT JOIN gateway.slices s ON s.user_id = u.id WHERE u.waiting_since IS NULL AND s.id IS NULL",
	} {
		if n := count(t, db, sql); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	rows, err := db.Pool.Query(context.Background(), "SELECT u.id, coalesce(s.id, 0) FROM gateway.users u LEFT JOIN gateway.slices s ON s.user_id = u.id")
	if err != nil {
		t.Fatal(err)
	}
	has := map[int64]int64{}
	var user, slice int64
	if _, err := pgx.ForEachRow(rows, []any{&user, &slice}, func() error { has[user] = slice; return nil }); err != nil {
		t.Fatal(err)
	}
	for user, slice := range a.sliceOf {
		// Who was told to wait may have been given one since.
		if real, known := has[user]; !known || slice != 0 && real != slice {
			t.Errorf("user %d was told of slice %d, and has %d (account %v)", user, slice, real, known)
		}
	}
}

func count(t *testing.T, db storetest.Database, sql string) (n int) {
	t.Helper()
	if err := db.Pool.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
