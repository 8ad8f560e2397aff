package proxy

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/session"
)

// The channel on which triggers tell of changes: of sessions, slices, maintenance and announcements.
const accessChannel = "gateway_access"

// lookAfter is how long the connection may be silent before it is asked whether it lives.
const lookAfter = 5 * time.Second

// Listen keeps the cache and the event streams true until ctx ends. When the connection is
// lost nothing is cached until there is a new one, and then every stream is ended: it may
// belong to somebody who logged out meanwhile. Those who did not come back by themselves.
func (p *Proxy) Listen(ctx context.Context) {
	for wait := time.Duration(0); ctx.Err() == nil; wait = min(2*wait+50*time.Millisecond, 2*time.Second) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		listened, err := p.listenOnce(ctx)
		p.cache.setListening(false)
		if listened {
			wait = 0
		}
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "not told of changes: answering from Postgres alone", "error", err)
		}
	}
}

func (p *Proxy) listenOnce(ctx context.Context) (listened bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, p.Pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+accessChannel); err != nil {
		return false, err
	}
	p.cache.setListening(true)
	p.hub.EndAll()
	for {
		wait, cancel := context.WithTimeout(ctx, lookAfter)
		notification, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			p.heed(notification.Payload)
		case ctx.Err() == nil && wait.Err() != nil && !conn.IsClosed():
			if err := conn.Ping(ctx); err != nil {
				return true, err
			}
		default:
			return true, err
		}
	}
}

// heed takes "session <hex>", "user <id>", "support <id>" where a user has allowed more or less than before
// to whoever sees their account, whose streams go on; "maintenance" or "announcements".
func (p *Proxy) heed(payload string) {
	kind, subject, _ := strings.Cut(payload, " ")
	switch kind {
	case "session":
		var id session.ID
		if raw, err := hex.DecodeString(subject); err == nil && copy(id[:], raw) == len(id) {
			p.cache.forgetSession(id)
			p.hub.EndSession(id.String())
		}
	case "support":
		if user, err := strconv.ParseInt(subject, 10, 64); err == nil {
			p.cache.forgetUser(user)
		}
	case "user":
		if user, err := strconv.ParseInt(subject, 10, 64); err == nil {
			p.cache.forgetUser(user)
			p.hub.EndUser(user)
		}
	case "maintenance": // who comes back is told what it is about
		p.cache.forgetAll()
		p.hub.EndAll()
	case "announcements":
		p.hub.Announce()
	}
}
