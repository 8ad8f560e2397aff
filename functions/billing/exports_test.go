package billing_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/functions/answer"
	"slicegate/functions/billing"
	"slicegate/functions/figures"
	"slicegate/functions/session"
	"slicegate/migrations"
	"slicegate/store/storetest"
)

// copies are the exports of one user, over HTTP.
type copies struct {
	t       *testing.T
	db      storetest.Database
	client  *river.Client[pgx.Tx]
	handler http.Handler
	user    int64 // 0: nobody is logged in
	now     time.Time
}

func newCopies(t *testing.T) *copies {
	t.Helper()
	t.Parallel()
	c := &copies{t: t, db: storetest.New(t), now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	client, err := river.NewClient(riverpgxv5.New(c.db.Pool), &river.Config{Schema: migrations.RiverSchema})
	if err != nil {
		t.Fatal(err)
	}
	c.client = client
	c.user = c.value("INSERT INTO gateway.users (email, password_hash) VALUES ('ann@example.com', '') RETURNING id")
	router := figures.NewRouter()
	exports := &billing.Exports{Pool: c.db.Pool, Jobs: client, Server: c.db.Server(t), Clock: func() time.Time { return c.now }}
	exports.Visitor = func(*http.Request) (session.Visitor, error) {
		if c.user == 0 {
			return session.Visitor{}, answer.Errorf(answer.Unauthenticated, "Not authenticated")
		}
		return session.Visitor{UserID: c.user}, nil
	}
	for _, route := range exports.Routes() {
		router.HandlerFunc(route.Method, route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Do(w, r); err != nil {
				answer.Problem(w, r, err)
			}
		})
	}
	c.handler = router
	return c
}

func (c *copies) value(sql string, args ...any) (n int64) {
	c.t.Helper()
	if err := c.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (c *copies) exec(sql string, args ...any) {
	c.t.Helper()
	if _, err := c.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
}

func (c *copies) ask(method, path string) (status int, body string) {
	c.t.Helper()
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, httptest.NewRequest(method, path, bytes.NewReader(nil)))
	return recorder.Code, recorder.Body.String()
}

func (c *copies) refused(when string, says string) {
	c.t.Helper()
	if status, body := c.ask("POST", "/billing/exports"); status != http.StatusConflict || !strings.Contains(body, says) {
		c.t.Errorf("%s: %d %s", when, status, body)
	}
}

func (c *copies) slice(status string) int64 {
	c.t.Helper()
	return c.value("INSERT INTO gateway.slices (server, image, port, status, user_id) VALUES ('test', 'none', 5001, $1, $2) RETURNING id", status, c.user)
}

func TestAnExportIsOrderedOnce(t *testing.T) {
	c := newCopies(t)
	c.refused("without a slice", "no workspace")
	slice := c.slice("assigned")
	status, body := c.ask("POST", "/billing/exports")
	var made billing.ExportShown
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != http.StatusCreated || made.Status != "waiting" || made.ID == 0 || !made.CreatedAt.Equal(c.now) || made.ReadyAt != nil || made.ExpiresAt != nil || made.Error != nil {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if n := c.value("SELECT count(*) FROM river.river_job WHERE kind = 'export' AND queue = 'export-test' AND args = jsonb_build_object('server', 'test', 'export', $1::bigint)", made.ID); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	if n := c.value("SELECT count(*) FROM gateway.exports WHERE id = $1 AND slice_id = $2 AND user_id = $3 AND server = 'test'", made.ID, slice, c.user); n != 1 {
		t.Error("its row is not the slice's")
	}
	if n := c.value("SELECT count(*) FROM gateway.audit WHERE action = 'user.export' AND subject = $1", fmt.Sprintf("user:%d", c.user)); n != 1 {
		t.Errorf("%d lines in the audit, want 1", n)
	}
	c.refused("while one is made", "being made already")
	c.exec("UPDATE gateway.exports SET status = 'running'")
	c.refused("while one is made", "being made already")
	c.exec("UPDATE gateway.exports SET status = 'failed', error = 'why'")
	for _, rests := range []string{"suspended", "failed"} {
		c.exec("UPDATE gateway.slices SET status = $1", rests)
		if status, body := c.ask("POST", "/billing/exports"); status != http.StatusCreated {
			t.Errorf("of a slice that is %s: %d %s", rests, status, body)
		}
		c.exec("UPDATE gateway.exports SET status = 'failed', error = 'why' WHERE status = 'waiting'")
	}
	c.exec("UPDATE gateway.slices SET status = 'destroying'")
	c.refused("while the slice is destroyed", "being deleted")
	c.user = 0
	for _, path := range []string{"POST /billing/exports", "GET /billing/exports", fmt.Sprintf("GET /billing/exports/%d/file", made.ID)} {
		method, path, _ := strings.Cut(path, " ")
		if status, _ := c.ask(method, path); status != http.StatusUnauthorized {
			t.Errorf("%s of nobody: %d", path, status)
		}
	}
}

func TestOfManyExportsAtOnceOneIsOrdered(t *testing.T) {
	c := newCopies(t)
	c.slice("assigned")
	statuses := make(chan int, 10)
	var everyone sync.WaitGroup
	for range cap(statuses) {
		everyone.Go(func() {
			recorder := httptest.NewRecorder()
			c.handler.ServeHTTP(recorder, httptest.NewRequest("POST", "/billing/exports", nil))
			statuses <- recorder.Code
		})
	}
	everyone.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	if count[http.StatusCreated] != 1 || count[http.StatusConflict] != 9 {
		t.Errorf("answers %v", count)
	}
	if n := c.value("SELECT count(*) FROM river.river_job WHERE kind = 'export'"); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

func TestTheListOfExportsIsTheUsersOwnTheNewestFirst(t *testing.T) {
	c := newCopies(t)
	if status, body := c.ask("GET", "/billing/exports"); status != http.StatusOK || strings.TrimSpace(body) != `{"exports":[]}` {
		t.Errorf("without any: %d %s", status, body)
	}
	slice := c.slice("assigned")
	bob := c.value("INSERT INTO gateway.users (email, password_hash) VALUES ('bob@example.com', '') RETURNING id")
	c.exec("INSERT INTO gateway.exports (user_id, slice_id, server, created_at) VALUES ($1, $2, 'test', $3)", bob, slice, c.now)
	for _, row := range []struct {
		status  string
		expires time.Duration
	}{{"ready", 0}, {"ready", time.Second}, {"failed", -time.Hour}} {
		var expires *time.Time
		if row.status == "ready" {
			at := c.now.Add(row.expires)
			expires = &at
		}
		c.exec("INSERT INTO gateway.exports (user_id, slice_id, server, created_at, status, bytes, expected, error, expires_at) VALUES ($1, $2, 'test', $3, $4, 5, 10, nullif($4, 'ready'), $5)", c.user, slice, c.now, row.status, expires)
	}
	_, body := c.ask("GET", "/billing/exports")
	var list struct{ Exports []billing.ExportShown }
	if err := errors.Join(json.Unmarshal([]byte(body), &list)); err != nil || len(list.Exports) != 3 {
		t.Fatalf("%s %v", body, err)
	}
	for i, want := range []string{"failed", "ready", "deleted"} {
		if one := list.Exports[i]; one.Status != want || one.Bytes != 5 || one.Expected != 10 || (one.Error != nil) != (want == "failed") || (one.ExpiresAt == nil) != (want == "failed") {
			t.Errorf("number %d: %+v, want %s", i, one, want)
		}
	}
}
