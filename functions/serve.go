package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"slicegate/config/observe"
	"slicegate/functions/figures"
)

// How long running requests get after SIGTERM.
const finishWithin = 10 * time.Second

// function is one HTTP function and what runs with it.
type function struct {
	name           string
	handler        http.Handler
	beside         func(context.Context)       // runs until the context ends; may be nil
	afterShutdown  func(context.Context) error // may be nil
	beforeShutdown func(context.Context) error // may be nil
	open           func() figures.Access       // what it has open; may be nil
}

// alivePath is asked by the process itself; nginx passes it to no function.
const alivePath = "/healthz"

// observed is the function's handler with the id of every request in its context, and counted.
func (f *function) observed(counted *figures.Figures) http.Handler {
	handler := observe.Requests(counted.Count(f.name, f.handler))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == alivePath {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// alive asks the function over its own socket, as nginx does.
func (f *function) alive(dir string) observe.Check {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", f.socket(dir))
	}}}
	return observe.Check{Name: f.name, Ask: func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://function"+alivePath, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}}
}

func (f *function) socket(dir string) string { return filepath.Join(dir, f.name+".sock") }

// serve runs the function in group until ctx ends.
func (f *function) serve(ctx context.Context, group *errgroup.Group, dir string) {
	server := &http.Server{
		Handler:           f.handler,
		ReadHeaderTimeout: 10 * time.Second,
		// Above nginx's own 60 s, so that it is nginx that closes an idle connection.
		IdleTimeout:    90 * time.Second,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	group.Go(func() error {
		listener, err := listen(f.socket(dir))
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		slog.InfoContext(ctx, "serving", "function", f.name, "socket", listener.Addr().String())
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
		defer cancel()
		var err error
		if f.beforeShutdown != nil {
			err = f.beforeShutdown(finish)
		}
		err = errors.Join(err, server.Shutdown(finish))
		if f.afterShutdown != nil {
			err = errors.Join(err, f.afterShutdown(finish))
		}
		return err
	})
	if f.beside != nil {
		group.Go(func() error { f.beside(ctx); return nil })
	}
}

// listen takes over the socket of a copy that was killed, never that of one which lives.
func listen(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("another copy serves %s: stop it, or give this one another SOCKET_DIR", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// nginx's workers connect as another user of the same group.
	if err := os.Chmod(path, 0o660); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}
