package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// CheckArgs asks whether all is well on a server.
type CheckArgs struct {
	Server string `json:"server"`
	// When it is due beside the regular ones, because something will have lasted long enough by then.
	Due time.Time `json:"due,omitzero"`
}

// Kind names the job.
func (CheckArgs) Kind() string { return "check" }

// InsertOpts sends the job to its server. One that fails is repeated by the next.
func (a CheckArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 1, UniqueOpts: onceEach, ScheduledAt: a.Due}
}

// Check judges what is known of a server and its slices, and opens and closes alerts. It wakes nobody:
// containers are the engine's to tell, the state of a WhatsApp its slice has written down, and all else
// the samples have found. Where nothing has changed nothing is written.
type Check struct {
	river.WorkerDefaults[CheckArgs]
	Pool       *pgxpool.Pool
	Hands      Hands
	Thresholds Thresholds
	Quota      int64         // storage of a slice, in bytes, beside what its user has bought
	Memory     int64         // limit of a slice, in bytes
	PoolSize   int           // slices that should be ready
	Every      time.Duration // between two checks
	SampleAge  time.Duration // a sample that is older tells nothing any more
	Clock      Clock
}

// Work looks, notes what slices have written down, and judges.
func (w *Check) Work(ctx context.Context, job *river.Job[CheckArgs]) error {
	server, now := job.Args.Server, w.Clock()
	kills, err := w.kills(ctx, server, now)
	if err != nil {
		return fmt.Errorf("check %s: %w", server, err)
	}
	all, err := w.look(ctx, server, kills, now)
	if err != nil {
		return fmt.Errorf("check %s: %w", server, err)
	}
	facts, err := w.serverFacts(ctx, server, now)
	if err != nil {
		return fmt.Errorf("check %s: %w", server, err)
	}
	var findings []alerts.Finding
	linked, running := 0, 0
	for _, one := range all {
		findings = append(findings, sliceFindings(one, w.Thresholds, w.Quota+one.extra, w.Memory, now)...)
		if one.row.Status == "assigned" {
			running++
			if one.row.LinkedAt != nil {
				linked++
			}
		}
	}
	facts.kills = kills[0]
	findings = append(findings, serverFindings(facts, w.Thresholds, now)...)
	of := map[string]int{incidentWhatsApp: linked, incidentDown: running, incidentBackends: running}
	err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		due, err := w.judge(ctx, store.New(tx), server, findings, of, now)
		if err != nil || due.IsZero() || due.Sub(now) >= w.Every {
			return err
		}
		return enqueue(ctx, tx, CheckArgs{Server: server, Due: due})
	})
	if err != nil {
		return fmt.Errorf("check %s: %w", server, err)
	}
	return nil
}

// look gathers what is known of the slices, and writes what they say of themselves into their rows.
func (w *Check) look(ctx context.Context, server string, kills map[int64]int64, now time.Time) ([]checked, error) {
	containers, err := w.Hands.Containers.Each(ctx)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	has := map[int64]Container{}
	for _, container := range containers {
		has[container.Slice] = container
	}
	queries := store.New(w.Pool)
	rows, err := queries.SlicesOfServer(ctx, server)
	if err != nil {
		return nil, err
	}
	upstream, err := upstreamOf(ctx, queries, server)
	if err != nil {
		return nil, err
	}
	extra, err := extraOf(ctx, queries, server)
	if err != nil {
		return nil, err
	}
	var all []checked
	var said []store.NoteSaidParams
	for _, row := range rows {
		one := checked{row: row, kills: kills[row.ID], extra: extra[row.ID]}
		one.container, one.there = has[row.ID]
		if packets, counted := upstream[row.ID]; counted {
			one.upstream = &packets
		}
		if note, new := w.read(ctx, &one, now); new {
			said = append(said, note)
		}
		all = append(all, one)
	}
	if len(said) == 0 {
		return all, nil
	}
	return all, failed(queries.NoteSaid(ctx, said).Exec)
}

// read takes what a slice has written down since its container started, if that is another than its row has.
func (w *Check) read(ctx context.Context, one *checked, now time.Time) (note store.NoteSaidParams, new bool) {
	row := &one.row
	if row.Status != "assigned" || !one.container.Running {
		return note, false
	}
	said, at, there, err := w.Hands.Directories.Said(row.ID)
	switch {
	case err != nil:
		slog.WarnContext(ctx, "what a slice wrote of its state cannot be read", "slice", row.ID, "error", err.Error())
		return note, false
	case !there || at.Before(one.container.StartedAt) || !slices.Contains(waStates, said.State):
		return note, false
	}
	note = noteSaid(*row, said, now)
	same := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
	later := note.Since != nil && (row.WaChangedAt == nil || note.Since.After(*row.WaChangedAt))
	if note.WaState == row.WaState && same(note.WaPhone, row.WaPhone) && same(note.WaReason, row.WaReason) && !later {
		return note, false
	}
	// As the row is about to be.
	switch flipped := (note.WaState == "ready") != (row.WaState == "ready"); {
	case later:
		row.WaChangedAt = note.Since
	case flipped:
		row.WaChangedAt = &now
	}
	row.WaState, row.WaReason = note.WaState, note.WaReason
	if row.LinkedAt == nil && (note.WaState == "ready" || note.WaPhone != nil) {
		row.LinkedAt = &now
	}
	if note.WaReason != nil && *note.WaReason == "data_deleted" {
		row.LinkedAt = nil
	}
	return note, true
}

// upstreamOf is when WhatsApp was heard of last, by slice.
func upstreamOf(ctx context.Context, queries *store.Queries, server string) (map[int64]store.UpstreamOfRow, error) {
	rows, err := queries.UpstreamOf(ctx, server)
	if err != nil {
		return nil, err
	}
	heard := make(map[int64]store.UpstreamOfRow, len(rows))
	for _, row := range rows {
		heard[row.SliceID] = row
	}
	return heard, nil
}

// kills are how often the kernel has ended something lately, by slice; 0 is the server itself.
func (w *Check) kills(ctx context.Context, server string, now time.Time) (map[int64]int64, error) {
	rows, err := store.New(w.Pool).KillsLately(ctx, store.KillsLatelyParams{Server: server, Since: now.Add(-killedWithin)})
	if err != nil {
		return nil, err
	}
	kills := make(map[int64]int64, len(rows))
	for _, row := range rows {
		kills[row.SliceID] = row.Kills
	}
	return kills, nil
}

func (w *Check) serverFacts(ctx context.Context, server string, now time.Time) (facts serverFacts, err error) {
	queries := store.New(w.Pool)
	facts = serverFacts{server: server, poolSize: w.PoolSize}
	sample, err := queries.NewestServerSample(ctx, store.NewestServerSampleParams{Server: server, Since: now.Add(-w.SampleAge)})
	switch {
	case err == nil:
		facts.sample = &sample
	case !store.IsNone(err):
		return facts, err
	}
	if facts.pool, err = queries.PoolNow(ctx, server); err != nil {
		return facts, err
	}
	if facts.oldestJob, err = oldestJob(ctx, queries, now, ServerQueue(server)); err != nil {
		return facts, err
	}
	for _, path := range w.Thresholds.Certificates {
		facts.certificates = append(facts.certificates, readCertificate(path))
	}
	return facts, nil
}

// oldestJob is since when a job of some queues could have been worked; nil: none waits.
func oldestJob(ctx context.Context, queries *store.Queries, now time.Time, queues ...string) (*time.Time, error) {
	since, err := queries.OldestJob(ctx, store.OldestJobParams{Queues: queues, Now: now})
	if store.IsNone(err) {
		return nil, nil
	}
	return &since, err
}

// judge opens and closes the alerts of a server, and tells when the next that is pending will be one.
func (w *Check) judge(ctx context.Context, queries *store.Queries, server string, findings []alerts.Finding, of map[string]int, now time.Time) (due time.Time, err error) {
	rules, incidentRules := w.Thresholds.serverRules(), w.Thresholds.incidentRules()
	b, err := openBook(ctx, queries, server, now, rules, incidentRules)
	if err != nil {
		return due, err
	}
	if err := b.judge(ctx, rules, findings); err != nil {
		return due, err
	}
	var incidents []alerts.Finding
	for _, incident := range w.Thresholds.incidents() {
		finding, affected := incident.Find(b.state, server, of[incident.Kind], now)
		if finding.Is == alerts.Bad {
			finding.Detail = incidentWords(incident.Kind, server, affected, of[incident.Kind])
		}
		incidents = append(incidents, finding)
	}
	if err := b.judge(ctx, incidentRules, incidents); err != nil {
		return due, err
	}
	if err := b.group(ctx, w.Thresholds.incidents()); err != nil {
		return due, err
	}
	for key, since := range b.state.Pending {
		rule, ok := rules[key.Kind]
		if !ok {
			rule = incidentRules[key.Kind]
		}
		if ripe := since.Add(rule.For); due.IsZero() || ripe.Before(due) {
			due = ripe
		}
	}
	return due, nil
}

func incidentWords(kind, server string, affected, of int) string {
	switch kind {
	case incidentWhatsApp:
		return fmt.Sprintf("%d of %d linked slices of server %s lost their WhatsApp at about the same time. Their users are not told one by one as long as this lasts. Look whether WhatsApp is down or has changed, and whether the server reaches it.", affected, of, server)
	case incidentDown:
		return fmt.Sprintf("The containers of %d of %d slices of server %s do not run. They are started a few at a time; where that does not help, look at the engine.", affected, of, server)
	default:
		return fmt.Sprintf("The backends of %d of %d slices of server %s do not answer: the server, its Postgres or its swap may be overloaded.", affected, of, server)
	}
}
