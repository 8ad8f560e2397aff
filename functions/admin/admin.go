// Package admin is the function behind /admin: the operator's seat. Whoever is not an admin, or is not
// logged in, finds nothing at any of its addresses; an admin who has not passed the second factor in
// their session finds the page that asks for it. Every panel is a file that registers its pages and acts
// with routes, which is the only way to register one: it puts the gate before each, and writes each act
// into the audit.
package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"riverqueue.com/riverui"

	"slicegate/config"
	"slicegate/functions/admin/live"
	"slicegate/functions/session"
	"slicegate/store"
	"slicegate/views"
)

// Admin is the function; its fields are what it needs.
type Admin struct {
	Pool      *pgxpool.Pool
	Jobs      *river.Client[pgx.Tx] // inserts, and what River UI does by hand
	Signer    *session.Signer
	Key       [32]byte // ADMIN_KEY: seals the second factors
	Brand     string
	AppURL    string // without a slash at its end
	Billing   config.Billing
	Economics config.Economics
	Lines     config.Lines // thresholds of alerts that pictures show
	Clock     func() time.Time

	LookEvery time.Duration // how often live pages are brought up to date; 3 s
	BeatEvery time.Duration // how often it is asked whether their sessions hold; 10 s
}

// Function is Admin with its routes.
type Function struct {
	handler http.Handler
	routes  *routes
	river   *riverui.Handler
}

// New puts the panels together.
func New(a Admin) (*Function, error) {
	vault, err := newVault(a.Key)
	if err != nil {
		return nil, err
	}
	ui, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(a.Jobs, nil), Logger: slog.Default(), Prefix: jobsPath,
	})
	if err != nil {
		return nil, fmt.Errorf("make River UI: %w", err)
	}
	rs := newRoutes(&a, vault)
	// In the order of the navigation.
	rs.servers()
	rs.slices()
	rs.telemetry()
	rs.capacity()
	rs.answers()
	rs.alerts()
	rs.users()
	rs.waiting()
	rs.revenue()
	rs.updates()
	rs.announcements()
	rs.jobs(ui)
	rs.secondFactor()
	rs.recoveryCodes()
	rs.live()
	rs.style()
	return &Function{handler: rs.gate(), routes: rs, river: ui}, nil
}

// Handler answers what nginx sends here.
func (f *Function) Handler() http.Handler { return f.handler }

// Routes are all that are registered.
func (f *Function) Routes() []Route { return f.routes.all }

// EndStreams ends the streams of live pages, which would outlast any shutdown of their server.
func (f *Function) EndStreams(ctx context.Context) error { return f.routes.hub.Shutdown(ctx) }

// Live counts the streams of live pages.
func (f *Function) Live() live.Stats { return f.routes.hub.Stats() }

// Run keeps what River UI counts in memory, until ctx ends.
func (f *Function) Run(ctx context.Context) {
	if err := f.river.Start(ctx); err != nil {
		slog.ErrorContext(ctx, "River UI does not count", "error", err)
	}
	<-ctx.Done()
}

// Operator is the admin who sent a request.
type Operator struct {
	ID        int64
	Email     string
	Session   session.ID
	HasFactor bool
	PassedAt  *time.Time       // the second factor, in this session; nil: never
	Codes     int64            // recovery codes that are left
	Sees      *views.AdminSees // whose account this session shows in the app; nil: their own
}

// How long a second factor that was passed counts in its session.
const (
	passLasts  = 12 * time.Hour
	freshLasts = 5 * time.Minute
)

// may tells whether they have passed what a route needs.
func (o Operator) may(need Need, now time.Time) bool {
	if need == NeedAdmin {
		return true
	}
	if !o.HasFactor || o.PassedAt == nil {
		return false
	}
	lasts := passLasts
	if need == NeedFresh {
		lasts = freshLasts
	}
	return now.Sub(*o.PassedAt) < lasts
}

func (o Operator) actor() string { return fmt.Sprintf("admin:%d", o.ID) }

// operator finds the admin who sent a request; false: somebody else did.
func (a *Admin) operator(r *http.Request) (Operator, bool, error) {
	_, id, err := a.Signer.Read(r)
	if err != nil {
		return Operator{}, false, nil
	}
	row, err := store.New(a.Pool).OperatorBySession(r.Context(), store.OperatorBySessionParams{ID: id[:], Now: a.Clock()})
	if store.IsNone(err) {
		return Operator{}, false, nil
	}
	if err != nil {
		return Operator{}, false, err
	}
	operator := Operator{ID: row.ID, Email: row.Email, Session: id, HasFactor: row.HasFactor, PassedAt: row.SecondFactorAt, Codes: row.RecoveryCodes}
	if row.SeesUserID != nil && row.SeesEmail != nil && row.SeesUntil != nil {
		operator.Sees = &views.AdminSees{UserID: *row.SeesUserID, Email: *row.SeesEmail, Until: *row.SeesUntil}
	}
	return operator, true, nil
}
