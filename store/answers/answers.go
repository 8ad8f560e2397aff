// Package answers answers the six questions that telemetry is kept for: pure functions over the
// series that store/answers.sql reads, each with its number, how sure it is, and what a page or a
// terminal draws of it. An answer that the data do not support says what it needs instead.
package answers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"slicegate/store"
)

// Options say what is asked about.
type Options struct {
	Now      time.Time
	Days     int     // looked back on
	MinFree  int64   // bytes of RAM that new slices leave free
	SwapUse  float64 // part of the swap that may be used; zero: DefaultSwapUse
	PageRate float64 // pages a second read back from swap that are too many; zero: DefaultPageRate
}

// Where nothing else is said.
const (
	DefaultDays     = 30
	DefaultSwapUse  = 0.8
	DefaultPageRate = 1000 // sustained, from the plan's alerts

	cpuUse  = 90   // per cent of all cores that may be used, from the plan's alerts
	diskUse = 0.85 // part of the disk that may be, from the same
)

// Answers are to the six questions, in the plan's order.
type Answers struct {
	At          time.Time   `json:"at"`
	Days        int         `json:"days"`
	Footprint   Footprint   `json:"footprint"`
	Ceilings    []Ceiling   `json:"ceilings"` // one for each server
	Connections Connections `json:"connections"`
	Leaks       Leaks       `json:"leaks"`
	Waking      Waking      `json:"waking"`
	Room        []Room      `json:"room"` // one for each server
}

// Verdict is what an answer comes to.
type Verdict struct {
	Known      bool       `json:"known"`
	Says       string     `json:"says"`       // in a sentence or two; of one that is not known, what it needs
	Confidence Confidence `json:"confidence"` // how much it may be relied on
}

// Confidence is a word for it; the intervals beside the numbers are exact.
type Confidence string

// From none to much.
const (
	None   Confidence = "none"
	Low    Confidence = "low"
	Medium Confidence = "medium"
	High   Confidence = "high"
)

func needs(format string, args ...any) Verdict {
	return Verdict{Says: "Not enough data: needs " + fmt.Sprintf(format, args...) + ".", Confidence: None}
}

// Read asks all questions of what the database has, some of them at the same time. What is older than it
// keeps is not missed.
func Read(ctx context.Context, pool *pgxpool.Pool, options Options) (a Answers, err error) {
	if options.SwapUse == 0 {
		options.SwapUse = DefaultSwapUse
	}
	if options.PageRate == 0 {
		options.PageRate = DefaultPageRate
	}
	queries := store.New(pool)
	servers, err := queries.ListServers(ctx)
	if err != nil {
		return a, fmt.Errorf("answers: %w", err)
	}
	a.At, a.Days = options.Now, options.Days
	a.Ceilings, a.Room = make([]Ceiling, len(servers)), make([]Room, len(servers))
	since, until := options.Now.AddDate(0, 0, -options.Days), options.Now
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context, *store.Queries, time.Time, time.Time) error{
		a.readConnections, a.readLeaks, a.readFootprint, a.readWaking,
	} {
		group.Go(func() error { return part(ctx, queries, since, until) })
	}
	group.Go(func() error {
		for i, server := range servers {
			if err := a.readServer(ctx, queries, i, server, since, options); err != nil {
				return fmt.Errorf("server %s: %w", server, err)
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return a, fmt.Errorf("answers: %w", err)
	}
	return a, nil
}

// Known gives the answers that were found last for so many days, by the runner's hourly job. There is
// none before its first.
func Known(ctx context.Context, queries *store.Queries, days int) (a Answers, there bool, err error) {
	row, err := queries.AnswersOf(ctx, int32(days))
	if store.IsNone(err) {
		return a, false, nil
	}
	if err == nil {
		err = json.Unmarshal(row.Found, &a)
	}
	if err != nil {
		return a, false, fmt.Errorf("answers: %w", err)
	}
	return a, true, nil
}

// Save keeps answers for Known.
func (a Answers) Save(ctx context.Context, queries *store.Queries) error {
	found, err := json.Marshal(a)
	if err == nil {
		err = queries.SetAnswers(ctx, store.SetAnswersParams{Days: int32(a.Days), At: a.At, Found: found})
	}
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}

func (a *Answers) readFootprint(ctx context.Context, queries *store.Queries, since, until time.Time) error {
	// A few days of minutes tell what the first hour is like.
	few := until.AddDate(0, 0, -4)
	if few.Before(since) {
		few = since
	}
	minutes, err := queries.RestByMinutes(ctx, store.RestByMinutesParams{Since: few, Until: until})
	if err != nil {
		return err
	}
	hours, err := queries.RestByHours(ctx, store.RestByHoursParams{Since: since, Until: until})
	a.Footprint = FootprintOf(minutes, hours)
	return err
}

func (a *Answers) readConnections(ctx context.Context, queries *store.Queries, since, until time.Time) error {
	rows, err := queries.Connections(ctx, store.ConnectionsParams{Since: since, Until: until})
	a.Connections = ConnectionsOf(rows)
	return err
}

func (a *Answers) readLeaks(ctx context.Context, queries *store.Queries, since, until time.Time) error {
	rows, err := queries.RestByDay(ctx, store.RestByDayParams{Since: since, Until: until})
	a.Leaks = LeaksOf(rows)
	return err
}

func (a *Answers) readWaking(ctx context.Context, queries *store.Queries, since, until time.Time) error {
	rows, err := queries.WakeDelays(ctx, store.WakeDelaysParams{Since: since, Until: until})
	a.Waking = WakingOf(rows)
	return err
}

func (a *Answers) readServer(ctx context.Context, queries *store.Queries, i int, server string, since time.Time, options Options) error {
	bins, err := queries.ServerBins(ctx, store.ServerBinsParams{Server: server, Since: since, Until: options.Now})
	if err != nil {
		return err
	}
	wakes, err := queries.WakesAtOnce(ctx, store.WakesAtOnceParams{Server: server, Since: since, Until: options.Now})
	if err != nil {
		return err
	}
	storage, err := queries.StorageOfSlices(ctx, server)
	if err != nil {
		return err
	}
	a.Ceilings[i] = CeilingOf(server, bins)
	a.Room[i] = RoomOf(server, bins, wakes, storage, a.Ceilings[i], options)
	return nil
}
