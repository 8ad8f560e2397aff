package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	"slicegate/store"
)

// Rows are the tails and their lines: store.Queries.
type Rows interface {
	TailsOfServer(ctx context.Context, of store.TailsOfServerParams) ([]store.LogTail, error)
	NewestLine(ctx context.Context, tail int64) (store.NewestLineRow, error)
	AddLogLines(ctx context.Context, lines store.AddLogLinesParams) (int64, error)
	DropLogLines(ctx context.Context, upTo store.DropLogLinesParams) error
	DropTails(ctx context.Context, before time.Time) (int64, error)
}

var _ Rows = (*store.Queries)(nil)

// Relay is what a runner does for those who look at the logs of its server's slices.
type Relay struct {
	Pool       *pgxpool.Pool // to be told over
	Rows       Rows
	Containers Containers
	Server     string
	Clock      func() time.Time
	Every      time.Duration // between two looks at what is wanted; 5 s
}

const (
	// Functions tell on this channel for which server a log is wanted.
	channel = "log_tails"
	// Tails that nobody has wanted for so long are deleted.
	sweptAfter = time.Minute
)

// Run relays until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	told := make(chan struct{}, 1)
	look := func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		store.Listener{
			Pool: r.Pool, Channels: []string{channel},
			Begun: func(context.Context) { look() },
			Told: func(_ context.Context, _, server string) {
				if server == r.Server {
					look()
				}
			},
			Lost: func(ctx context.Context, err error) {
				slog.WarnContext(ctx, "not told which logs are wanted: it is looked for them now and then", "error", err.Error())
			},
		}.Run(ctx)
	})
	every := r.Every
	if every == 0 {
		every = 5 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	open := tails{}
	defer open.end()
	failing := ""
	for {
		select {
		case <-told:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch err := r.look(ctx, open); {
		case err == nil || ctx.Err() != nil:
			failing = ""
		case err.Error() != failing: // once, not at every look
			failing = err.Error()
			slog.WarnContext(ctx, "logs are not relayed", "error", failing)
		}
	}
}

// tails are those that are being relayed, by number.
type tails map[int64]*relayed

type relayed struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

func (t tails) end() {
	for _, one := range t {
		one.cancel()
	}
	for _, one := range t {
		<-one.ended
	}
}

// look begins what is wanted, ends what is not any more, and sweeps.
func (r *Relay) look(ctx context.Context, open tails) error {
	now := r.Clock()
	wanted, err := r.Rows.TailsOfServer(ctx, store.TailsOfServerParams{Server: r.Server, Now: now})
	if err != nil {
		return err
	}
	still := map[int64]bool{}
	for _, one := range wanted {
		still[one.ID] = true
		if running := open[one.ID]; running != nil {
			select {
			case <-running.ended: // what it failed of may be over
			default:
				continue
			}
		}
		tail := &tail{
			rows: r.Rows, containers: r.Containers, id: one.ID, slice: one.SliceID, clock: r.Clock,
			pace: rate.NewLimiter(perSecond, atOnce), woken: make(chan struct{}, 1),
		}
		within, cancel := context.WithCancel(ctx)
		begun := &relayed{cancel: cancel, ended: make(chan struct{})}
		open[one.ID] = begun
		go func() {
			defer close(begun.ended)
			defer cancel()
			tail.run(within)
		}()
	}
	for id, one := range open {
		if !still[id] {
			one.cancel()
			<-one.ended
			delete(open, id)
		}
	}
	_, err = r.Rows.DropTails(ctx, now.Add(-sweptAfter))
	return err
}
