package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// SampleArgs asks for one row of telemetry of each slice of a server, and of the server.
type SampleArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (SampleArgs) Kind() string { return "sample" }

// InsertOpts sends the job to its server. One that fails leaves a gap: a minute cannot be measured later.
func (a SampleArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach}
}

// Sample reads all slices of a server and writes what it read in one transaction. A slice that could
// not be read has no row this time; the next one's amounts cover both.
type Sample struct {
	river.WorkerDefaults[SampleArgs]
	Pool       *pgxpool.Pool
	Containers Containers
	Gauges     Gauges
	Traffic    Traffic
	Software   Software
	Clock      Clock
	AskWithin  time.Duration // for a slice's backend to answer
	AskAtOnce  int           // backends
	Quota      int64         // of every slice's media, in bytes, beside what is bought; 0: not looked at
}

// snapshot is what a sample has read.
type snapshot struct {
	server   string
	at       time.Time
	traffic  map[uint64]Counters // nil: not counted
	probe    error               // why
	slices   []store.Slice
	readings []reading
	running  map[uint64]bool // the groups of containers that run
	unread   map[int64]bool  // slices whose containers run and could not be read
	usage    ServerUsage
	versions Versions
	answers  map[int64]answer
}

// Work reads, asks, writes, and then forgets the counters of groups that have ended.
func (w *Sample) Work(ctx context.Context, job *river.Job[SampleArgs]) error {
	server := job.Args.Server
	s, failures := w.read(ctx, server)
	if s == nil {
		return fmt.Errorf("sample %s: %w", server, failures)
	}
	meters, err := metersOf(ctx, store.New(w.Pool), server)
	if err != nil {
		return fmt.Errorf("sample %s: %w", server, err)
	}
	s.answers = w.ask(ctx, s.due(meters))
	written := false
	err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) (err error) {
		if written, err = s.write(ctx, store.New(tx)); err != nil || w.Quota == 0 {
			return err
		}
		return w.tellQuotas(ctx, tx, s)
	})
	if err != nil {
		return fmt.Errorf("sample %s: %w", server, err)
	}
	if written {
		failures = errors.Join(failures, w.forgetEnded(s))
	}
	if failures != nil {
		return fmt.Errorf("sample %s: %w", server, failures)
	}
	return nil
}

// read takes the figures of all that runs. Without a snapshot there is nothing to be written.
func (w *Sample) read(ctx context.Context, server string) (s *snapshot, failures error) {
	s = &snapshot{server: server, running: map[uint64]bool{}, unread: map[int64]bool{}}
	// Before the containers: a group that is counted by then and belongs to none of them has ended.
	if s.traffic, s.probe = w.Traffic.Read(ctx); s.probe != nil {
		s.traffic = nil
	} else if s.traffic == nil {
		s.traffic = map[uint64]Counters{}
	}
	containers, err := w.Containers.Each(ctx)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	if s.slices, err = store.New(w.Pool).SlicesOfServer(ctx, server); err != nil {
		return nil, err
	}
	rows := map[int64]store.Slice{}
	for _, row := range s.slices {
		rows[row.ID] = row
	}
	// Postgres keeps microseconds, and this is compared with what it kept.
	s.at = w.Clock().Truncate(time.Microsecond)
	for _, container := range containers {
		if !container.Running {
			continue
		}
		group, usage, err := w.Gauges.Usage(container)
		if err != nil {
			s.unread[container.Slice] = true
			failures = errors.Join(failures, fmt.Errorf("figures of slice %d: %w", container.Slice, err))
			continue
		}
		s.running[group] = true
		if row, known := rows[container.Slice]; known { // else reconcile says what it is
			failures = errors.Join(failures, w.take(s, reading{
				slice: row, container: container, started: container.StartedAt.Truncate(time.Microsecond), group: group, usage: usage, at: s.at,
			}))
		}
	}
	if s.usage, err = w.Gauges.Server(); err != nil {
		return nil, errors.Join(failures, fmt.Errorf("figures of the server: %w", err))
	}
	if s.versions, err = w.Software.Versions(ctx); err != nil {
		return nil, errors.Join(failures, fmt.Errorf("versions of the server: %w", err))
	}
	return s, failures
}

// take adds a reading, with its traffic. A group that is not counted yet is from now on.
func (w *Sample) take(s *snapshot, r reading) (err error) {
	if counters, counted := s.traffic[r.group]; counted {
		r.traffic = &counters
	} else if s.traffic != nil {
		if err = w.Traffic.Track(r.group); err != nil {
			err = fmt.Errorf("count the traffic of slice %d: %w", r.slice.ID, err)
		}
	}
	s.readings = append(s.readings, r)
	return err
}

// ended tells which groups have no container any more: none, as long as a container's is not known.
func (s *snapshot) ended() (groups []uint64) {
	if len(s.unread) > 0 {
		return nil
	}
	for group := range s.traffic {
		if !s.running[group] {
			groups = append(groups, group)
		}
	}
	return groups
}

// forgetEnded is called once their last totals are in the meters for good.
func (w *Sample) forgetEnded(s *snapshot) (failures error) {
	for _, group := range s.ended() {
		if err := w.Traffic.Forget(group); err != nil {
			failures = errors.Join(failures, fmt.Errorf("forget group %d: %w", group, err))
		}
	}
	return failures
}

func metersOf(ctx context.Context, queries *store.Queries, server string) (map[int64]store.Meter, error) {
	rows, err := queries.MetersOfServer(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	meters := map[int64]store.Meter{}
	for _, row := range rows {
		meters[row.SliceID] = row
	}
	return meters, nil
}
