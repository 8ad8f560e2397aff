package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// ReconcileDataArgs asks for the schemas, roles and directories of a server's slices to be held
// against its rows.
type ReconcileDataArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (ReconcileDataArgs) Kind() string { return "reconcile_data" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a ReconcileDataArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// ReconcileData compares what there is of slices' data with the rows, in both directions. What is
// left of a slice that was destroyed is deleted, as its user was promised. What belongs to no slice
// that ever was is told of and left: it may be a person's data, and a database put back from an
// older backup. What a slice with a user lacks is told of: nothing makes it anew.
type ReconcileData struct {
	river.WorkerDefaults[ReconcileDataArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Clock Clock
}

// Work compares and repairs.
func (w *ReconcileData) Work(ctx context.Context, job *river.Job[ReconcileDataArgs]) error {
	if err := w.compare(ctx, job.Args.Server); err != nil {
		return fmt.Errorf("reconcile data of %s: %w", job.Args.Server, err)
	}
	return nil
}

func (w *ReconcileData) compare(ctx context.Context, server string) error {
	began := w.Clock()
	schemas, err := w.Hands.Schemas.Each(ctx)
	if err != nil {
		return fmt.Errorf("list schemas: %w", err)
	}
	directories, err := w.Hands.Directories.Each(ctx)
	if err != nil {
		return fmt.Errorf("list directories: %w", err)
	}
	// After what is there: a row is always there before its data.
	rows, err := store.New(w.Pool).AllSlices(ctx)
	if err != nil {
		return err
	}
	found := compareData(server, rows, schemas, directories, began)
	var failures []error
	for _, slice := range found.left {
		failures = append(failures, w.deleteLeft(ctx, slice))
	}
	queries, now := store.New(w.Pool), w.Clock()
	failures = append(failures,
		settleAlerts(ctx, queries, alertLeftover, found.unknown, func(subject string) bool {
			return strings.HasPrefix(subject, "schema:") || strings.HasPrefix(subject, "directory:"+server+"/")
		}, now),
		settleAlerts(ctx, queries, alertSliceMissing, found.missing, func(subject string) bool { return found.here[subject] }, now))
	return errors.Join(failures...)
}

// FirstCheckID is where the numbers of the slices begin that check-image makes and takes away again.
const FirstCheckID = 2_000_000_000

// dataFound is what the comparison comes to.
type dataFound struct {
	left    []int64         // destroyed slices of this server of which something is there
	unknown []Alert         // what belongs to no slice
	missing []Alert         // slices of this server that lack something
	here    map[string]bool // the subjects of all slices of this server
}

// compareData judges only rows that have had their status since before the lists were made.
func compareData(server string, rows []store.AllSlicesRow, schemas, directories []int64, began time.Time) dataFound {
	found := dataFound{here: map[string]bool{}}
	known := map[int64]store.AllSlicesRow{}
	for _, row := range rows {
		known[row.ID] = row
		if row.Server == server {
			found.here[subjectSlice(row.ID)] = true
		}
	}
	left, has := map[int64]bool{}, map[string]map[int64]bool{"schema": {}, "directories": {}}
	for _, kind := range []struct {
		name, subject, where string
		ids                  []int64
	}{
		{"schema", "schema:slice_%d", "schema or role slice_%d in the database slices", schemas},
		{"directories", "directory:" + server + "/%d", "directory slices/%d below DATA_ROOT of " + server, directories},
	} {
		for _, id := range kind.ids {
			has[kind.name][id] = true
			row, ok := known[id]
			switch {
			case id >= FirstCheckID:
			case !ok:
				found.unknown = append(found.unknown, Alert{
					Kind: alertLeftover, Subject: fmt.Sprintf(kind.subject, id), Severity: "warning",
					Detail: fmt.Sprintf("The "+kind.where+" belongs to no slice that the gateway knows. It is left alone: look at it, then delete it by hand.", id),
				})
			case row.Server == server && row.Status == "destroyed" && row.StatusAt.Before(began) && !left[id]:
				left[id] = true
				found.left = append(found.left, id)
			}
		}
	}
	for _, row := range rows {
		if row.Server != server || !row.StatusAt.Before(began) || !keepsData(row) {
			continue
		}
		var lacks []string
		for _, name := range []string{"schema", "directories"} {
			if !has[name][row.ID] {
				lacks = append(lacks, name)
			}
		}
		if len(lacks) > 0 {
			found.missing = append(found.missing, Alert{
				Kind: alertSliceMissing, Subject: subjectSlice(row.ID), Severity: "critical",
				Detail: fmt.Sprintf("The %s of slice %d (%s) is gone. It is not started without: put it back from the backup, or destroy the slice.", strings.Join(lacks, " and "), row.ID, row.Status),
			})
		}
	}
	return found
}

// keepsData tells whether a slice must have a schema and directories.
func keepsData(row store.AllSlicesRow) bool {
	switch row.Status {
	case "available", "assigned", "suspended":
		return true
	default:
		return row.Status == "failed" && row.UserID != nil
	}
}

// deleteLeft finishes what a destruction should have done.
func (w *ReconcileData) deleteLeft(ctx context.Context, slice int64) error {
	_, err := ifFree(ctx, w.Pool, slice, func(ctx context.Context, row store.Slice) error {
		if row.Status != "destroyed" {
			return nil
		}
		slog.ErrorContext(ctx, "something of a destroyed slice was there; it is deleted", "slice", slice)
		if err := w.Hands.takeAway(ctx, slice); err != nil {
			return err
		}
		return store.New(w.Pool).RecordSlice(ctx, "job:reconcile_data", "slice.leftover", slice, nil)
	})
	return err
}
