package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Listener is told on channels of Postgres what others have changed, over a connection of its own.
type Listener struct {
	Pool     *pgxpool.Pool // of the database; none of its connections is taken
	Channels []string
	// Begun is called whenever it listens anew: what was told before has been missed.
	Begun func(ctx context.Context)
	Told  func(ctx context.Context, channel, payload string)
	// Lost is called, until ctx ends, whenever there is no connection (any more).
	Lost func(ctx context.Context, err error)
	// Patience is the longest pause between two attempts; 5 s.
	Patience time.Duration
}

// How long a connection may be silent before it is asked whether it lives.
const askAfter = 5 * time.Second

// Run listens until ctx ends.
func (l Listener) Run(ctx context.Context) {
	if l.Patience == 0 {
		l.Patience = 5 * time.Second
	}
	for wait := time.Duration(0); ctx.Err() == nil; wait = min(2*wait+50*time.Millisecond, l.Patience) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		begun, err := l.once(ctx)
		if begun {
			wait = 0
		}
		if ctx.Err() == nil && l.Lost != nil {
			l.Lost(ctx, err)
		}
	}
}

func (l Listener) once(ctx context.Context) (begun bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, l.Pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, channel := range l.Channels {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return false, err
		}
	}
	if l.Begun != nil {
		l.Begun(ctx)
	}
	for {
		wait, cancel := context.WithTimeout(ctx, askAfter)
		told, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			l.Told(ctx, told.Channel, told.Payload)
		case ctx.Err() == nil && wait.Err() != nil && !conn.IsClosed():
			if err := conn.Ping(ctx); err != nil {
				return true, err
			}
		default:
			return true, err
		}
	}
}
