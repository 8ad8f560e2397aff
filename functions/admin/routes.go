package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/jackc/pgx/v5"
	"github.com/julienschmidt/httprouter"

	"slicegate/functions/admin/live"
	"slicegate/functions/answer"
	"slicegate/functions/figures"
	"slicegate/store"
	"slicegate/views"
)

// Need is what an admin has to have passed before a route answers.
type Need int

// The zero value is what a page needs that says nothing of it.
const (
	NeedPassed Need = iota // the second factor, in this session
	NeedFresh              // the second factor, within the last five minutes: for what cannot be undone
	NeedAdmin              // nothing more: for what the second factor is passed with
)

// Route is one that is registered.
type Route struct {
	Method, Pattern string
	Need            Need
	Act             string // its name in the audit; empty: it changes nothing, or writes its own lines
}

type routes struct {
	*Admin
	vault  *vault
	router figures.Router
	all    []Route
	links  []views.AdminLink
	hub    *live.Hub
}

func newRoutes(a *Admin, vault *vault) *routes {
	rs := &routes{Admin: a, vault: vault, router: figures.NewRouter()}
	rs.router.HandleMethodNotAllowed, rs.router.HandleOPTIONS, rs.router.RedirectFixedPath = false, false, false
	rs.router.NotFound = http.HandlerFunc(rs.nothing)
	return rs
}

// visit is a request of an admin who may make it.
type visit struct {
	*http.Request
	w        http.ResponseWriter
	operator Operator
	queries  *store.Queries
	now      time.Time
}

// param is a part of the path; number is one that is the number of something there may be.
func (v *visit) param(name string) string {
	return httprouter.ParamsFromContext(v.Context()).ByName(name)
}

func (v *visit) number(name string) (int64, error) {
	id, err := strconv.ParseInt(v.param(name), 10, 64)
	if err != nil || id < 1 {
		return 0, errNothing
	}
	return id, nil
}

// from is where it came from, as nginx saw it.
func (v *visit) from() string {
	if ip := v.Header.Get("X-Real-IP"); ip != "" {
		return ip
	}
	return v.RemoteAddr
}

var errNothing = answer.Errorf(answer.NotFound, "There is nothing at this address.")

// handle registers what answers by itself.
func (rs *routes) handle(route Route, do func(*visit) error) {
	rs.all = append(rs.all, route)
	rs.router.HandlerFunc(route.Method, route.Pattern, func(w http.ResponseWriter, r *http.Request) {
		operator, _ := r.Context().Value(operatorKey{}).(Operator)
		v := &visit{Request: r, w: w, operator: operator, queries: store.New(rs.Pool), now: rs.Clock()}
		if !operator.may(route.Need, v.now) {
			rs.ask(v)
			return
		}
		if err := do(v); err != nil {
			rs.problem(v, err)
		}
	})
}

// page registers what is looked at.
func (rs *routes) page(pattern, title string, do func(*visit) (templ.Component, error)) {
	rs.pageThatNeeds(NeedPassed, pattern, title, do)
}

func (rs *routes) pageThatNeeds(need Need, pattern, title string, do func(*visit) (templ.Component, error)) {
	rs.handle(Route{Method: http.MethodGet, Pattern: pattern, Need: need}, func(v *visit) error {
		body, err := do(v)
		if err != nil {
			return err
		}
		return rs.show(v, http.StatusOK, title, body)
	})
}

// link puts a page into the navigation.
func (rs *routes) link(path, title string) {
	rs.links = append(rs.links, views.AdminLink{Path: path, Title: title})
}

// act is what an admin does: one transaction, with its line of the audit.
type act struct {
	*visit
	tx            pgx.Tx
	subject       string // of the audit: "slice:12"
	before, after any    // of it; nil: nothing to tell
	said          string // shown on the next page
	then          string // where that is
	title         string
	shown         templ.Component // the answer, in place of the next page: for what is shown once; nil: none
}

// No form is larger.
const formLimit = 16 << 10

// act registers what is done by a form. What do returns is refused, and leaves nothing behind.
func (rs *routes) act(need Need, pattern, name string, do func(*act) error) {
	rs.handle(Route{Method: http.MethodPost, Pattern: pattern, Need: need, Act: name}, func(v *visit) error {
		if err := v.parse(); err != nil {
			return err
		}
		within := *v
		done := &act{visit: &within, then: "/admin"}
		err := pgx.BeginFunc(v.Context(), rs.Pool, func(tx pgx.Tx) error {
			done.tx, done.queries = tx, store.New(tx)
			if err := do(done); err != nil {
				return err
			}
			if done.subject == "" {
				return fmt.Errorf("act %s names no subject", name)
			}
			return done.queries.RecordAct(v.Context(), v.operator.actor(), name, done.subject, v.detail(done.before, done.after))
		})
		if err != nil {
			return err
		}
		if done.shown != nil {
			v.operator = done.operator
			return rs.show(v, http.StatusOK, done.title, done.shown)
		}
		say(v.w, done.said)
		http.Redirect(v.w, v.Request, done.then, http.StatusSeeOther)
		return nil
	})
}

// parse reads a form.
func (v *visit) parse() error {
	v.Body = http.MaxBytesReader(v.w, v.Body, formLimit)
	if err := v.ParseForm(); err != nil {
		return answer.Errorf(answer.Invalid, "The form could not be read.")
	}
	return nil
}

// field is what a form says.
func (v *visit) field(name string) string { return clean(v.PostForm.Get(name)) }

// clean is a text without spaces around it and without bytes that are no text.
func clean(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", ""))
}

// detail is what every line of the audit has beside who, what and when.
func (v *visit) detail(before, after any) map[string]any {
	detail := map[string]any{"from": v.from()}
	if before != nil {
		detail["before"] = before
	}
	if after != nil {
		detail["after"] = after
	}
	return detail
}

// local is a path of this function that a form or a query names, or fallback.
func local(path, fallback string) string {
	parsed, err := url.Parse(path)
	if err != nil || parsed.Host != "" || parsed.Scheme != "" || strings.ContainsAny(path, "\\\r\n") ||
		parsed.Path != "/admin" && !strings.HasPrefix(parsed.Path, "/admin/") {
		return fallback
	}
	return path
}

type operatorKey struct{}

func withOperator(r *http.Request, operator Operator) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), operatorKey{}, operator))
}
