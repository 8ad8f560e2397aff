// Package auth is the function behind /auth/: accounts and sessions. Each handler reads or
// writes Postgres in one transaction, with the jobs that follow from it, and answers.
package auth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/functions/answer"
	"slicegate/functions/figures"
	"slicegate/functions/session"
	"slicegate/store"
)

// Auth is the function; its fields are what it needs.
type Auth struct {
	Pool        *pgxpool.Pool
	Jobs        *river.Client[pgx.Tx] // inserts only
	Signer      *session.Signer
	Hasher      *Hasher
	SessionLife time.Duration
	TrialDays   int
	Paid        bool // there is Stripe: a trial of no days means that a new account pays first
	Brand       string
	Clock       func() time.Time
	After       func(time.Duration) <-chan time.Time // time.After if nil

	late sync.RWMutex // what goes on after its answer holds it for reading: a WaitGroup that is waited for takes no more
}

// No body of this function is larger.
const bodyLimit = 8 << 10

// Routes are all that there are.
func (a *Auth) Routes() []session.Route {
	return []session.Route{
		{Method: http.MethodPost, Pattern: "/auth/register", Reach: session.Owner, Do: a.register},
		{Method: http.MethodPost, Pattern: "/auth/login", Reach: session.Owner, Do: a.login},
		{Method: http.MethodPost, Pattern: "/auth/logout", Reach: session.Session, Do: a.logout},
		{Method: http.MethodGet, Pattern: "/auth/me", Reach: session.Look, Do: a.me},
		{Method: http.MethodGet, Pattern: "/auth/places", Reach: session.Look, Do: a.places},
		{Method: http.MethodPost, Pattern: "/auth/forgot-password", Reach: session.Owner, Do: a.forgotPassword},
		{Method: http.MethodPost, Pattern: "/auth/reset-password", Reach: session.Owner, Do: a.resetPassword},
		{Method: http.MethodPost, Pattern: "/auth/verify-email", Reach: session.Owner, Do: a.verifyEmail},
		{Method: http.MethodPost, Pattern: "/auth/verify-email/send", Reach: session.Change, Do: a.sendVerification},
		{Method: http.MethodPut, Pattern: "/auth/channels", Reach: session.Change, Do: a.channels},
		{Method: http.MethodPut, Pattern: "/auth/email", Reach: session.Owner, Do: a.changeEmail},
		{Method: http.MethodPost, Pattern: "/auth/slice/restart", Reach: session.Change, Do: a.restart},
		{Method: http.MethodGet, Pattern: "/auth/support", Reach: session.Look, Do: a.support},
		{Method: http.MethodPut, Pattern: "/auth/support", Reach: session.Owner, Do: a.allowSupport},
		{Method: http.MethodDelete, Pattern: "/auth/support", Reach: session.Owner, Do: a.withdrawSupport},
	}
}

// Handler routes what nginx sends here.
func (a *Auth) Handler() http.Handler {
	router := figures.NewRouter()
	for _, route := range a.Routes() {
		router.HandlerFunc(route.Method, route.Pattern, a.handle(a.Signer.Guard(route, store.New(a.Pool), a.Clock)))
	}
	router.NotFound = a.handle(func(http.ResponseWriter, *http.Request) error {
		return answer.Errorf(answer.NotFound, "There is nothing at this address.")
	})
	router.MethodNotAllowed = a.handle(func(_ http.ResponseWriter, r *http.Request) error {
		return answer.Errorf(http.StatusMethodNotAllowed, "This address does not take %s.", r.Method)
	})
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(a.handle(func(http.ResponseWriter, *http.Request) error {
		return answer.Errorf(answer.Forbidden, "This request came from another site and was refused.")
	}))
	return protection.Handler(router)
}

// Finish waits for what goes on after its answer, until ctx ends.
func (a *Auth) Finish(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		a.late.Lock()
		defer a.late.Unlock()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Auth) payFirst() bool { return a.Paid && a.TrialDays == 0 }

func (a *Auth) after(d time.Duration) <-chan time.Time {
	if a.After != nil {
		return a.After(d)
	}
	return time.After(d)
}

func (a *Auth) handle(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			answer.Problem(w, r, err)
		}
	}
}
