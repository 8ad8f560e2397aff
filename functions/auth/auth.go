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

// Handler routes what nginx sends here.
func (a *Auth) Handler() http.Handler {
	router := figures.NewRouter()
	router.HandlerFunc(http.MethodPost, "/auth/register", a.handle(a.register))
	router.HandlerFunc(http.MethodPost, "/auth/login", a.handle(a.login))
	router.HandlerFunc(http.MethodPost, "/auth/logout", a.handle(a.logout))
	router.HandlerFunc(http.MethodGet, "/auth/me", a.handle(a.me))
	router.HandlerFunc(http.MethodGet, "/auth/places", a.handle(a.places))
	router.HandlerFunc(http.MethodPost, "/auth/forgot-password", a.handle(a.forgotPassword))
	router.HandlerFunc(http.MethodPost, "/auth/reset-password", a.handle(a.resetPassword))
	router.HandlerFunc(http.MethodPost, "/auth/verify-email", a.handle(a.verifyEmail))
	router.HandlerFunc(http.MethodPost, "/auth/verify-email/send", a.handle(a.sendVerification))
	router.HandlerFunc(http.MethodPut, "/auth/channels", a.handle(a.channels))
	router.HandlerFunc(http.MethodPut, "/auth/email", a.handle(a.changeEmail))
	router.HandlerFunc(http.MethodPost, "/auth/slice/restart", a.handle(a.restart))
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
