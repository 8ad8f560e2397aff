// Package figures counts what the functions answer, by the pattern of a route and never by a path: a path
// may say something of a customer, and there is no end of them.
package figures

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"
	"github.com/prometheus/client_golang/prometheus"
)

// Figures are those of all functions of a process.
type Figures struct {
	requests *prometheus.CounterVec
	answered *prometheus.HistogramVec
}

// New enters the figures in a registry.
func New(registry prometheus.Registerer) *Figures {
	f := &Figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slicegate_http_requests_total",
			Help: "Requests that a function has answered, by the class of the status; gone: the client left before.",
		}, []string{"function", "route", "method", "status"}),
		answered: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slicegate_http_request_duration_seconds",
			Help: "Time from a request to the first byte of its answer: an event stream is answered when it begins.",
			// The question that nginx asks takes half a millisecond, a password a quarter of a second and more.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"function", "route", "method"}),
	}
	registry.MustRegister(f.requests, f.answered)
	return f
}

// Count counts what a function answers.
func (f *Figures) Count(function string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		matched := &route{pattern: "none"}
		counted := &writer{ResponseWriter: w, began: time.Now()}
		r = r.WithContext(context.WithValue(r.Context(), routeKey{}, matched))
		method := known(r.Method)
		defer func() {
			panicked := recover()
			if panicked != nil {
				counted.begin(http.StatusInternalServerError)
			}
			status := "gone"
			if counted.status == 0 && r.Context().Err() == nil {
				counted.begin(http.StatusOK) // net/http says so for who says nothing
			}
			if counted.status != 0 {
				status = fmt.Sprintf("%dxx", counted.status/100)
				f.answered.WithLabelValues(function, matched.pattern, method).Observe(counted.took.Seconds())
			}
			f.requests.WithLabelValues(function, matched.pattern, method, status).Inc()
			if panicked != nil {
				panic(panicked) // net/http ends the connection
			}
		}()
		next.ServeHTTP(counted, r)
	})
}

// known is a method of HTTP, or "other": a stranger's word makes no series.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// writer notes when the answer began, and how.
type writer struct {
	http.ResponseWriter
	began  time.Time
	took   time.Duration
	status int // 0: not yet
}

func (w *writer) begin(status int) {
	if w.status == 0 {
		w.status, w.took = status, time.Since(w.began)
	}
}

func (w *writer) WriteHeader(status int) {
	if status >= 200 { // others come before the answer
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(body []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(body)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type routeKey struct{}

type route struct{ pattern string }

// Router is httprouter's, and says which of its patterns a request has matched.
type Router struct{ *httprouter.Router }

// NewRouter makes one without routes.
func NewRouter() Router { return Router{httprouter.New()} }

// HandlerFunc adds a route.
func (r Router) HandlerFunc(method, pattern string, handle http.HandlerFunc) {
	r.Router.HandlerFunc(method, pattern, func(w http.ResponseWriter, request *http.Request) {
		if matched, counted := request.Context().Value(routeKey{}).(*route); counted {
			matched.pattern = pattern
		}
		handle(w, request)
	})
}
