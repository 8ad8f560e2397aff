// Package socketio is a client of Socket.IO v4 servers (protocol 5 on Engine.IO 4) that
// receives the events of the root namespace over a websocket. It does not emit, acknowledge,
// poll or join other namespaces, and it trusts nothing that the server sends.
package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

const (
	// MaxMessage is the longest message taken, in bytes; a longer one ends the connection.
	MaxMessage = 1 << 20

	connectTimeout = 20 * time.Second // a slice in swap takes seconds to its first answer
	writeTimeout   = 10 * time.Second
	maxSilence     = 5 * time.Minute // the longest heartbeat accepted from a server
	firstDelay     = 250 * time.Millisecond
	defaultMax     = 5 * time.Second
)

var (
	// ErrDisconnected says that the server ended the connection in its own words.
	ErrDisconnected = errors.New("the server disconnected us")
	// ErrSilent says that the server let its own heartbeat pass without a message.
	ErrSilent = errors.New("the server fell silent")
	// ErrRefused says that the server would not have us in the root namespace.
	ErrRefused = errors.New("the server refused the connection")
)

// Client keeps one connection. Its callbacks run one after another on the goroutine of Run,
// which reads no further until they return.
type Client struct {
	// Address gives the server's address (http://host:port), asked before every attempt.
	Address func(context.Context) (string, error)
	// Connected is called when the root namespace accepted us, each time anew.
	Connected func()
	// Event is called for every event of the root namespace.
	Event func(Event)
	// Lost is called when an attempt or a connection ended, with the reason; may be nil.
	// It is not called for the end of Run's context.
	Lost func(error)
	// MaxDelay bounds the pause between attempts; 0 is 5 s.
	MaxDelay time.Duration
}

// Run connects, and connects again with growing, jittered pauses, until ctx ends.
func (c *Client) Run(ctx context.Context) {
	longest := c.MaxDelay
	if longest <= 0 {
		longest = defaultMax
	}
	delay := min(firstDelay, longest)
	for ctx.Err() == nil {
		began := time.Now()
		err := c.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		if c.Lost != nil {
			c.Lost(err)
		}
		// Only a connection that lasted earns quick attempts again: a server that accepts
		// and drops at once must not be asked four times a second for ever.
		if time.Since(began) > longest {
			delay = min(firstDelay, longest)
		}
		pause := time.NewTimer(delay/2 + rand.N(delay/2+1))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		delay = min(2*delay, longest)
	}
}

// connection lives through one connection and returns why it ended, never nil.
func (c *Client) connection(ctx context.Context) error {
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	ws, err := c.dial(connecting)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer ws.CloseNow()
	silence, err := join(connecting, ws)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	cancel()
	c.Connected()
	for {
		p, err := read(ctx, ws, silence)
		if err != nil {
			return err
		}
		if p.engine != engineMessage || p.kind != packetEvent || p.namespace != rootNamespace {
			continue
		}
		event, err := parseEvent(p.data)
		if err != nil {
			return err
		}
		c.Event(event)
	}
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	address, err := c.Address(ctx)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	endpoint, err := url.JoinPath(address, "/socket.io/")
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	ws, _, err := websocket.Dial(ctx, endpoint+"?EIO=4&transport=websocket", &websocket.DialOptions{HTTPClient: httpClient})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(MaxMessage)
	return ws, nil
}

// join enters the root namespace. It gives how long the server may be quiet, by its own
// word, before it counts as dead.
func join(ctx context.Context, ws *websocket.Conn) (silence time.Duration, err error) {
	open, err := read(ctx, ws, connectTimeout)
	if err != nil {
		return 0, err
	}
	if silence, err = heartbeat(open); err != nil {
		return 0, err
	}
	if err := ws.Write(ctx, websocket.MessageText, []byte{engineMessage, packetConnect}); err != nil {
		return 0, fmt.Errorf("join the namespace: %w", err)
	}
	for {
		p, err := read(ctx, ws, connectTimeout)
		if err != nil {
			return 0, err
		}
		if p.engine == engineMessage && p.kind == packetConnect && p.namespace == rootNamespace {
			return silence, nil
		}
	}
}

// httpClient follows no redirect and no proxy: the server must not choose where we connect.
var httpClient = &http.Client{
	Transport:     &http.Transport{MaxResponseHeaderBytes: 16 << 10, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// heartbeat reads the open packet: how long after one ping the next is overdue.
func heartbeat(open packet) (time.Duration, error) {
	if open.engine != engineOpen {
		return 0, fmt.Errorf("began with Engine.IO packet %q instead of open", open.engine)
	}
	var handshake struct {
		PingInterval int64 `json:"pingInterval"` // both in milliseconds
		PingTimeout  int64 `json:"pingTimeout"`
	}
	if err := json.Unmarshal(open.data, &handshake); err != nil {
		return 0, fmt.Errorf("open packet: %w", err)
	}
	longest := maxSilence.Milliseconds()
	interval, timeout := handshake.PingInterval, handshake.PingTimeout
	if interval <= 0 || timeout <= 0 || interval > longest || timeout > longest-interval {
		return 0, fmt.Errorf("open packet: heartbeat of %d+%d ms is out of range", interval, timeout)
	}
	return time.Duration(interval+timeout) * time.Millisecond, nil
}

// read gives the next packet that is not a ping, and answers the pings. Binary messages are
// attachments of events that we skip. What ends the connection is an error.
func read(ctx context.Context, ws *websocket.Conn, silence time.Duration) (packet, error) {
	for {
		message, err := readText(ctx, ws, silence)
		if err != nil {
			return packet{}, err
		}
		if message == nil {
			continue
		}
		p, err := parsePacket(message)
		switch {
		case err != nil:
			return packet{}, err
		case p.engine == enginePing:
			if err := pong(ctx, ws); err != nil {
				return packet{}, err
			}
			continue
		case p.engine == engineClose:
			return packet{}, ErrDisconnected
		case p.engine == engineMessage && p.namespace == rootNamespace && p.kind == packetDisconnect:
			return packet{}, ErrDisconnected
		case p.engine == engineMessage && p.namespace == rootNamespace && p.kind == packetConnectError:
			return packet{}, fmt.Errorf("%w: %.200q", ErrRefused, p.data)
		}
		return p, nil
	}
}

// readText gives the next message, nil for a binary one, or ErrSilent after that long.
func readText(ctx context.Context, ws *websocket.Conn, silence time.Duration) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	kind, message, err := ws.Read(limited)
	switch {
	case err == nil && kind == websocket.MessageText:
		return message, nil
	case err == nil:
		return nil, nil
	case ctx.Err() == nil && limited.Err() != nil:
		return nil, fmt.Errorf("%w for %s", ErrSilent, silence)
	}
	return nil, fmt.Errorf("read: %w", err)
}

func pong(ctx context.Context, ws *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := ws.Write(ctx, websocket.MessageText, []byte{enginePong}); err != nil {
		return fmt.Errorf("answer a ping: %w", err)
	}
	return nil
}
