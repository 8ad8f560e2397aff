package admin

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/functions/maintenance"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/views"
)

// policy is that of every page here: our own script and style, and nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// gate is before every route, and before the answer that there is none: to whoever is not an admin all
// addresses are alike.
func (rs *routes) gate() http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This request came from another site and was refused.", http.StatusForbidden)
	}))
	within := protection.Handler(rs.router)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		operator, there, err := rs.operator(r)
		switch {
		case err != nil:
			internal(w, r, err)
		case !there:
			rs.nothing(w, r)
		default:
			within.ServeHTTP(w, withOperator(r, operator))
		}
	})
}

func harden(header http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	} {
		header.Set(name, value)
	}
}

// nothing is the one answer to whoever may not be here, and to an address that is not there.
func (rs *routes) nothing(w http.ResponseWriter, r *http.Request) {
	write(w, r, http.StatusNotFound, views.AdminNothing())
}

// ask sends an admin to the page that asks for the second factor, and from there back.
func (rs *routes) ask(v *visit) {
	switch { // asked by a script, which would take the page for an answer
	case strings.HasPrefix(v.URL.Path, jobsPath+"/api/"):
		refuseJobs(v, "The second factor is asked for: reload the page.")
		return
	case strings.HasPrefix(v.URL.Path, livePath):
		http.Error(v.w, "The second factor is asked for: reload the page.", http.StatusForbidden)
		return
	}
	back := v.URL.RequestURI()
	if v.Method != http.MethodGet {
		back = "/admin"
		if came, err := url.Parse(v.Referer()); err == nil {
			back = local(came.RequestURI(), back)
		}
	}
	http.Redirect(v.w, v.Request, secondFactorPath+"?then="+url.QueryEscape(back), http.StatusSeeOther)
}

// problem shows why something was refused.
func (rs *routes) problem(v *visit, err error) {
	var refusal *answer.Error
	switch {
	case store.IsNone(err), errors.As(err, &refusal) && refusal.Code == answer.NotFound:
		rs.nothing(v.w, v.Request)
		return
	case errors.Is(err, jobs.ErrRefused):
		refusal = &answer.Error{Code: answer.Conflict, Message: sentence(err)}
	case refusal == nil && errors.Is(err, context.Canceled) && v.Context().Err() != nil:
		return // the client has gone
	case refusal == nil:
		internal(v.w, v.Request, err)
		return
	}
	if refusal.After > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(refusal.After.Seconds()))))
	}
	if err := rs.show(v, int(refusal.Code), "Refused", views.AdminRefused(refusal.Message, local(refererPath(v.Request), "/admin"))); err != nil {
		internal(v.w, v.Request, err)
	}
}

// sentence is what a refused order says, without the word that marks it.
func sentence(err error) string {
	text := strings.TrimPrefix(err.Error(), jobs.ErrRefused.Error()+": ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func refererPath(r *http.Request) string {
	came, err := url.Parse(r.Referer())
	if err != nil {
		return ""
	}
	return came.RequestURI()
}

func internal(w http.ResponseWriter, r *http.Request, err error) {
	slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	http.Error(w, "Internal error. It has been recorded; please try again.", http.StatusInternalServerError)
}

// show answers with a page: in the frame for whoever has passed, alone for whoever has not.
func (rs *routes) show(v *visit, status int, title string, body templ.Component) error {
	frame := views.AdminFrame{Brand: rs.Brand, Title: title, Style: stylePath, AppURL: rs.AppURL, Path: v.URL.Path}
	if v.operator.may(NeedPassed, v.now) {
		failed, err := v.queries.CountFailedJobs(v.Context())
		if err != nil {
			return err
		}
		paused, err := maintenance.Now(v.Context(), v.queries)
		if err != nil {
			return err
		}
		frame.Maintenance = paused != nil
		frame.Operator, frame.Links, frame.FailedJobs, frame.Said = v.operator.Email, rs.links, failed, said(v.w, v.Request)
		frame.Sees, frame.RecoveryCodes = v.operator.Sees, v.operator.Codes
	}
	write(v.w, v.Request, status, views.AdminPage(frame, body))
	return nil
}

// write renders a page whole before anything of it leaves.
func write(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	var whole bytes.Buffer
	if err := page.Render(r.Context(), &whole); err != nil {
		internal(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The status is out: an error here is a client that has gone.
	_, _ = w.Write(whole.Bytes())
}

// What was done is said on the next page, once.
const saidCookie = "admin_said"

func say(w http.ResponseWriter, text string) {
	if text == "" {
		return
	}
	http.SetCookie(w, saidIn(base64.RawURLEncoding.EncodeToString([]byte(text)), 60))
}

func said(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(saidCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, saidIn("", -1))
	text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return ""
	}
	return string(text)
}

func saidIn(value string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: saidCookie, Value: value, Path: "/admin", MaxAge: seconds,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	}
}
