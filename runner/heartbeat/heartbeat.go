// Package heartbeat tells a service outside, every minute, that this server is looked after. Who misses
// it there tells a person: the one alert that does not depend on the server it is about.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// Every is the pause between two.
	Every = time.Minute
	// fresh is how old the last check may be that ended well.
	fresh = 3 * time.Minute
	// within is how long the service may take.
	within = 10 * time.Second
)

// Heartbeat is sent while this server's checks are made.
type Heartbeat struct {
	URL     string           // never logged: who knows it can pretend; empty: none is sent
	Checked func() time.Time // when the last check of this server ended well; zero: none has yet
	Clock   func() time.Time
	Turn    func()       // called in every round
	Log     *slog.Logger // nil: slog's default

	complaint string // as it was last logged; empty: all is well
}

// Run sends one at each tick for which there is reason, until ctx ends.
func (h *Heartbeat) Run(ctx context.Context, ticks <-chan time.Time) {
	if h.Log == nil {
		h.Log = slog.Default()
	}
	for {
		h.Turn()
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if h.URL == "" {
			continue
		}
		if err := h.beat(ctx); ctx.Err() == nil {
			h.tell(ctx, err)
		}
	}
}

// beat sends one, if the checks are made.
func (h *Heartbeat) beat(ctx context.Context) error {
	switch checked := h.Checked(); {
	case checked.IsZero():
		return errors.New("none of this server's checks has ended well yet")
	case h.Clock().Sub(checked) > fresh:
		return fmt.Errorf("for more than %s none of this server's checks has ended well", fresh)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return errors.New("HEARTBEAT_URL is no address")
	}
	client := http.Client{Timeout: within, CheckRedirect: stay, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return unnamed(err, request.URL)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // what it says does not matter
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the service answers %d", response.StatusCode)
	}
	return nil
}

var errElsewhere = errors.New("the service sends it elsewhere, and it does not go there")

// stay follows the service to no other host, and to no weaker protocol.
func stay(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if request.URL.Host != first.Host || request.URL.Scheme != first.Scheme || len(via) > 3 {
		return errElsewhere
	}
	return nil
}

// unnamed is what went wrong, without the address.
func unnamed(err error, address *url.URL) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return fmt.Errorf("the service did not answer within %s", within)
		}
		err = wrapped.Err
	}
	return errors.New(strings.ReplaceAll(err.Error(), address.Hostname(), "the service"))
}

// tell logs what changes, and not every minute what stays.
func (h *Heartbeat) tell(ctx context.Context, err error) {
	complaint := ""
	if err != nil {
		complaint = err.Error()
	}
	switch {
	case complaint == h.complaint:
	case complaint != "":
		h.Log.WarnContext(ctx, "no heartbeat is sent", "error", complaint)
	default:
		h.Log.InfoContext(ctx, "heartbeats are sent again")
	}
	h.complaint = complaint
}
