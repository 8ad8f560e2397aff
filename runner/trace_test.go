package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config/observe"
	"slicegate/migrations"
	"slicegate/runner/figures"
	"slicegate/store/storetest"
)

// lines are what a log was told, by its words.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(text)
}

// named gives the first line of some words; nil: there is none.
func (l *lines) named(t *testing.T, words string) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == words {
			return line
		}
	}
	return nil
}

type firstArgs struct{}

func (firstArgs) Kind() string { return "first" }

// first says something and enqueues what comes of it.
type first struct {
	river.WorkerDefaults[firstArgs]
	log *slog.Logger
}

func (w *first) Work(ctx context.Context, _ *river.Job[firstArgs]) error {
	w.log.InfoContext(ctx, "the first says something")
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	_, err = client.Insert(ctx, secondArgs{}, nil)
	return err
}

type secondArgs struct{}

func (secondArgs) Kind() string { return "second" }

type second struct {
	river.WorkerDefaults[secondArgs]
}

func (second) Work(context.Context, *river.Job[secondArgs]) error { return errors.New("it is broken") }

func TestWhatComesOfARequestCanBeFollowed(t *testing.T) {
	t.Parallel()
	db, said := storetest.New(t), &lines{}
	log := slog.New(observe.Logs(slog.NewJSONHandler(said, nil)))
	workers, worked := river.NewWorkers(), figures.NewWorked(time.Now)
	river.AddWorker(workers, &first{log: log})
	river.AddWorker(workers, &second{})
	client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{
		Schema: migrations.RiverSchema, Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}},
		Plugins: plugins(worked), ErrorHandler: failures{log}, Logger: slog.New(warnings{log.Handler()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended, unsubscribe := client.Subscribe(river.EventKindJobFailed)
	defer unsubscribe()
	ctx, id := context.Background(), strings.Repeat("7e", 16)
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.StopAndCancel(ctx) }()
	inserted, err := client.Insert(observe.WithRequest(ctx, id), firstArgs{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var failed *river.Event
	select {
	case failed = <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the second job did not run")
	}
	for words, job := range map[string]int64{"the first says something": inserted.Job.ID, "job failed": failed.Job.ID} {
		if line := said.named(t, words); line["request"] != id || fmt.Sprint(line["job"]) != fmt.Sprint(job) {
			t.Errorf("%q was said with %v, want request %s and job %d", words, line, id, job)
		}
	}
	if line := said.named(t, "job failed"); line["kind"] != "second" || line["error"] != "it is broken" {
		t.Errorf("the failure says %v", line)
	}
	var traced int
	if err := db.Pool.QueryRow(ctx, "SELECT count(*) FROM river.river_job WHERE metadata->>'request' = $1", id).Scan(&traced); err != nil || traced != 2 {
		t.Errorf("%d of the two jobs have the request, %v", traced, err)
	}
	if worked.LastWell("first").IsZero() || !worked.LastWell("second").IsZero() {
		t.Errorf("the first ended well at %s, the second at %s", worked.LastWell("first"), worked.LastWell("second"))
	}
}
