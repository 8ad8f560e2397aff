package billing_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"slicegate/functions/session"
	"slicegate/jobs/billing"
	"slicegate/store"
)

// reaches is how far each route lets an operator who sees somebody else's account: one that is new has to
// be thought about here, too.
var reaches = map[string]session.Reach{
	"GET /billing/status":               session.Look,
	"POST /billing/refresh":             session.Owner,
	"POST /billing/create-checkout":     session.Owner,
	"POST /billing/cancel":              session.Owner,
	"POST /billing/reactivate":          session.Owner,
	"POST /billing/storage":             session.Owner,
	"GET /billing/portal":               session.Owner,
	"GET /billing/invoices":             session.Look,
	"POST /billing/webhook":             session.Session,
	"GET /billing/exports":              session.Look,
	"POST /billing/exports":             session.Copy,
	"GET /billing/exports/:export/file": session.Copy,
}

// operator is an admin who has passed the second factor and sees the account of a user.
func (b *bundle) operator(seen int64) customer {
	b.t.Helper()
	op := b.user()
	op.set("is_admin = true")
	b.exec("UPDATE gateway.sessions SET second_factor_at = $2 WHERE user_id = $1", op.id, b.now)
	var row []byte
	b.value(&row, "SELECT id FROM gateway.sessions WHERE user_id = $1", op.id)
	begun, err := store.New(b.db.Pool).BeginSight(context.Background(), store.BeginSightParams{ID: row, SeesUserID: seen, Until: b.now.Add(30 * time.Minute)})
	if err != nil || begun != 1 {
		b.t.Fatalf("%d, %v", begun, err)
	}
	return op
}

func TestWhoLooksPaysNothingAndTakesNoCopy(t *testing.T) {
	b := setup(t)
	ann := b.user()
	b.slice("assigned", ann.id)
	ann.subscribed()
	op := b.operator(ann.id)
	var export int64
	b.value(&export, `INSERT INTO gateway.exports (user_id, slice_id, server, status, created_at, expires_at)
		SELECT user_id, id, server, 'ready', $1::timestamptz, $1::timestamptz + interval '7 days' FROM gateway.slices RETURNING id`, b.now)
	b.billing.Server = b.db.Server(t)
	b.server.Config.Handler = b.billing.Handler()
	state := func() (all string) {
		b.value(&all, `SELECT jsonb_build_array((SELECT jsonb_agg(u ORDER BY id) FROM gateway.users u), (SELECT jsonb_agg(s ORDER BY id) FROM gateway.slices s),
			(SELECT jsonb_agg(e ORDER BY id) FROM gateway.exports e), (SELECT count(*) FROM gateway.audit), (SELECT count(*) FROM river.river_job))::text`)
		return all
	}
	routes := b.billing.Routes()
	if len(routes) != len(reaches) {
		t.Errorf("%d routes, and %d are known here", len(routes), len(reaches))
	}
	for _, allowed := range []bool{false, true} {
		if allowed {
			ann.set("support_until = $2", b.now.Add(time.Hour))
		}
		before, calls := state(), maps.Clone(b.stripe.calls)
		for _, route := range routes {
			name := route.Method + " " + route.Pattern
			if reach, known := reaches[name]; !known || reach != route.Reach {
				t.Errorf("%s lets an operator as far as %d, which is not known here", name, route.Reach)
			}
			if route.Reach == session.Session || allowed && route.Reach == session.Copy {
				continue
			}
			got := b.do(route.Method, strings.Replace(route.Pattern, ":export", fmt.Sprint(export), 1), `{"gigabytes":3}`, "Cookie", op.cookie)
			if route.Pattern == "/billing/create-checkout" || route.Pattern == "/billing/refresh" || route.Pattern == "/billing/cancel" {
				got = b.do(route.Method, route.Pattern, "{}", "Cookie", op.cookie)
			}
			says := map[session.Reach]string{session.Owner: "You are looking at someone else's account: nothing can be changed.", session.Copy: "no copy of it can be taken."}[route.Reach]
			if allowed {
				says = "its owner alone can do this."
			}
			switch {
			case route.Reach == session.Look:
				if got.code != http.StatusOK {
					t.Errorf("%s refuses to show: %d %s", name, got.code, got.body)
				}
			case !got.refused(http.StatusForbidden, says) || got.header.Get("X-Accel-Redirect") != "" || got.header.Get("Location") != "":
				t.Errorf("%s, allowed %v: %d %s", name, allowed, got.code, got.body)
			}
		}
		if now := state(); now != before {
			t.Errorf("allowed %v: something was changed:\n%s\n%s", allowed, before, now)
		}
		for method, n := range b.stripe.calls {
			if method != "Invoices" && n != calls[method] {
				t.Errorf("allowed %v: Stripe was asked: %s", allowed, method)
			}
		}
	}

	// Allowed, copies are the owner's to be taken, in the operator's name.
	if got := op.get(fmt.Sprintf("/billing/exports/%d/file", export)); got.code != http.StatusOK || got.header.Get("X-Accel-Redirect") == "" {
		t.Errorf("a copy: %d %s", got.code, got.body)
	}
	if got := op.post("/billing/exports", ""); got.code != http.StatusCreated || b.count("SELECT count(*) FROM gateway.audit WHERE actor = $1 AND action = 'user.export' AND subject = $2", fmt.Sprintf("admin:%d", op.id), fmt.Sprintf("user:%d", ann.id)) != 1 {
		t.Errorf("a new copy: %d %s", got.code, got.body)
	}
}

func TestWhatIsSecretAtStripeIsNotShownToWhoLooks(t *testing.T) {
	b := setup(t)
	ann := b.user()
	b.slice("assigned", ann.id)
	ann.subscribed()
	b.stripe.invoices[fmt.Sprintf("cus_%d", ann.id)] = []billing.Invoice{{ID: "in_1", URL: "https://stripe.example/in_1"}}
	ann.set("action_url = 'https://stripe.example/confirm/secret'")
	op := b.operator(ann.id)
	if mine := ann.get("/billing/status"); mine.status.Confirm == nil {
		t.Errorf("the owner is not told: %s", mine.body)
	}
	for _, path := range []string{"/billing/status", "/billing/invoices"} {
		mine, seen := ann.get(path), op.get(path)
		if seen.code != http.StatusOK || strings.Contains(seen.body, "https://") || !strings.Contains(mine.body, "https://") {
			t.Errorf("%s shows %s, and to its owner %s", path, seen.body, mine.body)
		}
	}
	b.now = b.now.Add(30 * time.Minute)
	if got := op.get("/billing/status"); got.status.Status != "unpaid" {
		t.Errorf("after half an hour they see %s", got.body)
	}
}
