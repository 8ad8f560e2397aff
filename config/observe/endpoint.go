package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// CheckWithin is how long a check may take; one that takes longer has failed.
const CheckWithin = time.Second

// Check is something that has to be so; its error says in words why it is not.
type Check struct {
	Name string // "postgres"
	Ask  func(context.Context) error
}

// Problem is a check that failed, as the endpoint tells it.
type Problem struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Endpoint serves the figures of a process, whether it lives and whether it is ready, for this machine
// alone. Start it once its fields are set.
//
//	/metrics  Registry, for Prometheus
//	/healthz  200 while all of Alive is so: about the process itself, and never about what it depends on,
//	          or it would be started anew for another's fault
//	/readyz   200 while all of Ready is so; else 503 and a list of what is not
type Endpoint struct {
	Registry *prometheus.Registry // with the process's own figures, Go's and the build's
	Alive    []Check
	Ready    []Check

	listener net.Listener // nil: off
	server   *http.Server
	serving  sync.WaitGroup
}

// Open takes the address that a setting (by its name) gives, or none where it is "off".
func Open(setting, address string) (*Endpoint, error) {
	e := &Endpoint{Registry: prometheus.NewRegistry()}
	e.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	if address == "off" {
		return e, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: figures and health cannot be served on %s (%w): stop what listens there, or set %s to another address or to off", setting, address, err, setting)
	}
	e.listener = listener
	return e, nil
}

// Address is where it serves; empty: off.
func (e *Endpoint) Address() string {
	if e.listener == nil {
		return ""
	}
	return e.listener.Addr().String()
}

// Start serves until Close.
func (e *Endpoint) Start() {
	if e.listener == nil {
		return
	}
	e.server = &http.Server{Handler: e.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	e.serving.Go(func() {
		if err := e.server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("figures and health are not served any more", "error", err.Error())
		}
	})
}

// Close ends it, and what it is answering.
func (e *Endpoint) Close() {
	if e.server != nil {
		_ = e.server.Close() // closes the listener too
	} else if e.listener != nil {
		_ = e.listener.Close()
	}
	e.serving.Wait()
}

func (e *Endpoint) handler() http.Handler {
	mux := http.NewServeMux()
	// A figure that cannot be had does not keep the others back; one scrape at a time is enough, and a
	// second in the wrong moment must not be refused.
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4}))
	mux.Handle("GET /healthz", answer(e.Alive))
	mux.Handle("GET /readyz", answer(e.Ready))
	return mux
}

// answer lists the checks that fail.
func answer(checks []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problems := failing(r.Context(), checks)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if len(problems) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(problems) // a client that left needs no answer
	})
}

// failing asks all at the same time, and gives those that are not so in their order; empty, not nil: none.
func failing(ctx context.Context, checks []Check) []Problem {
	ctx, cancel := context.WithTimeout(ctx, CheckWithin)
	defer cancel()
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() { errs[i] = check.Ask(ctx) })
	}
	all.Wait()
	problems := []Problem{}
	for i, err := range errs {
		if err != nil {
			problems = append(problems, Problem{checks[i].Name, err.Error()})
		}
	}
	return problems
}
