// Package live tells the pages of operators what has changed. While at least one of them is open, one
// connection listens to what Postgres tells and one look is taken every few seconds, however many look; while
// none is, there is neither. It knows nothing of what is on a page, or of who may see it.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/store"
)

// Topic is what a page is about.
type Topic string

// Config of a Hub. Pool, Look and Told are needed; every other zero value stands for the default.
type Config struct {
	Pool *pgxpool.Pool // its database is listened to
	// Look finds what there is of the topics that somebody looks at.
	Look func(ctx context.Context, topics []Topic) (map[Topic]Page, error)
	// Channels are listened to. Told says what a payload of theirs is about.
	Channels []string
	Told     func(channel, payload string) Told

	Every        time.Duration // between two looks; 3 s
	Gather       time.Duration // changes that are told are gathered for so long; 500 ms
	Beat         time.Duration // how often a stream is checked, and says that it lives; 10 s
	PerSession   int           // streams of one session; 8
	WriteTimeout time.Duration // how long a reader may take no bytes; 10 s
}

// Told is what a notification is about.
type Told struct {
	Look    bool   // something that may be on a page has changed
	Poke    Topic  // of this topic there is more to be pulled
	Session string // has ended
}

// Hub is the streams of one process. It is safe for concurrent use.
type Hub struct {
	config  Config
	running sync.WaitGroup // streams, and the one that looks

	mu      sync.Mutex
	closed  bool
	streams map[*stream]struct{}
	boards  map[Topic]*board
	stop    context.CancelFunc // of the one that looks, while somebody does
	told    chan struct{}      // has one thing in it when a look is due
	looks   int
}

// The reasons for which a stream ends.
var (
	errBye     = errors.New("the session, or its second factor, has ended")
	errUnsure  = errors.New("whether the session still holds could not be asked")
	errClosed  = errors.New("the hub is shut down")
	errTooMany = errors.New("too many streams are open in this session")
)

// New makes a Hub. It is ended by Shutdown.
func New(config Config) *Hub {
	byDefault(&config.Every, 3*time.Second)
	byDefault(&config.Gather, 500*time.Millisecond)
	byDefault(&config.Beat, 10*time.Second)
	byDefault(&config.PerSession, 8)
	byDefault(&config.WriteTimeout, 10*time.Second)
	return &Hub{config: config, streams: map[*stream]struct{}{}, boards: map[Topic]*board{}, told: make(chan struct{}, 1)}
}

func byDefault[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// Stats are counts of a Hub.
type Stats struct {
	Streams int
	Looks   int // ever
	Looking bool
}

// Stats counts what is open now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Streams: len(h.streams), Looks: h.looks, Looking: h.stop != nil}
}

// Shutdown ends every stream and waits for that, at most until ctx ends. It must come before the shutdown of the
// HTTP server, which waits for them.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	for s := range h.streams {
		s.end(errClosed)
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end the operators' streams: %w", ctx.Err())
	}
}

// join enters a stream. The first one begins the looking.
func (h *Hub) join(s *stream) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	ofSession := 0
	for other := range h.streams {
		if other.Session == s.Session {
			ofSession++
		}
	}
	if ofSession >= h.config.PerSession {
		return errTooMany
	}
	h.streams[s] = struct{}{}
	s.board = h.boards[s.Topic]
	if s.board == nil {
		s.board = newBoard()
		h.boards[s.Topic] = s.board
		h.lookSoon()
	}
	s.board.streams++
	h.running.Add(1)
	if h.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stop = stop
		h.running.Go(func() { h.watch(ctx) })
	}
	return nil
}

// leave takes a stream out. The last one ends the looking.
func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.running.Done()
	delete(h.streams, s)
	if s.board.streams--; s.board.streams == 0 {
		delete(h.boards, s.Topic)
	}
	if len(h.streams) == 0 {
		h.stop()
		h.stop = nil
	}
}

func (h *Hub) lookSoon() {
	select {
	case h.told <- struct{}{}:
	default:
	}
}

// watch listens and looks until ctx ends.
func (h *Hub) watch(ctx context.Context) {
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		store.Listener{
			Pool: h.config.Pool, Channels: h.config.Channels, Patience: h.config.Every,
			Begun: func(context.Context) { h.lookSoon() },
			Told:  func(_ context.Context, channel, payload string) { h.heed(h.config.Told(channel, payload)) },
			Lost: func(ctx context.Context, err error) {
				slog.WarnContext(ctx, "operators' pages are not told of changes", "error", err.Error())
				h.reset(ctx) // also of sessions that have ended
			},
		}.Run(ctx)
	})
	tick := time.NewTicker(h.config.Every)
	defer tick.Stop()
	gathered := time.NewTimer(0)
	defer gathered.Stop()
	failing := false
	for {
		select {
		case <-h.told:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select { // what comes meanwhile is of the same look
		case <-gathered.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-h.told:
		default:
		}
		gathered.Reset(h.config.Gather)
		err := h.look(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			slog.WarnContext(ctx, "operators' pages are not kept up to date", "error", err.Error())
			h.reset(ctx)
		}
		failing = err != nil
	}
}

// look brings the boards up to date.
func (h *Hub) look(ctx context.Context) error {
	h.mu.Lock()
	h.looks++
	topics := make([]Topic, 0, len(h.boards))
	boards := make(map[Topic]*board, len(h.boards))
	for topic, board := range h.boards {
		topics, boards[topic] = append(topics, topic), board
	}
	h.mu.Unlock()
	pages, err := h.config.Look(ctx, topics)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic, page := range pages {
		boards[topic].put(page)
	}
	return nil
}

// heed does what a notification is about.
func (h *Hub) heed(told Told) {
	if told.Look {
		h.lookSoon()
	}
	if told.Poke == "" && told.Session == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if board := h.boards[told.Poke]; board != nil {
		board.wake()
	}
	for s := range h.streams {
		if told.Session != "" && s.Session == told.Session {
			s.end(errBye)
		}
	}
}

// reset has every stream told that what it has may not be true any more.
func (h *Hub) reset(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, board := range h.boards {
		board.reset()
	}
}
