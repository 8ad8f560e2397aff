package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/store"
	"slicegate/views"
)

// sightLasts is how long an operator sees somebody's account, unless they begin anew.
const sightLasts = 30 * time.Minute

// see registers how an operator sees the app as a user does. It is their own session that shows the other
// account, to the functions behind the app alone: here they stay who they are.
func (rs *routes) see() {
	const page = "/admin/users/:user/see"
	rs.pageThatNeeds(NeedFresh, page, "See the app as a user", seePage)
	rs.act(NeedFresh, page, "admin.user.see", see)
	rs.act(NeedPassed, "/admin/see/end", "admin.user.unsee", unsee)
}

// seen is the account that is to be seen.
func (v *visit) seen() (store.User, error) {
	id, err := v.number("user")
	if err != nil {
		return store.User{}, err
	}
	user, err := v.queries.UserByID(v.Context(), id)
	if err == nil && user.IsAdmin {
		err = errSeesAdmin
	}
	return user, err
}

var errSeesAdmin = answer.Errorf(answer.Conflict, "This is an admin, and nobody sees the app as another admin does. Ask them to show you.")

func seePage(v *visit) (templ.Component, error) {
	user, err := v.seen()
	if err != nil {
		return nil, err
	}
	return views.AdminSee(user, v.now, sightLasts), nil
}

// shortestReason keeps a dot from being one.
const shortestReason = 10

func see(act *act) error {
	user, err := act.seen()
	if err != nil {
		return err
	}
	reason := act.field("reason")
	if utf8.RuneCountInString(reason) < shortestReason || len(reason) > 500 {
		return answer.Errorf(answer.Invalid, "Say why, in a sentence, for whoever reads the audit later.")
	}
	if strings.Contains(reason, "@") {
		return answer.Errorf(answer.Invalid, "Leave addresses out of the reason: the audit keeps it for good, also of an account that is forgotten.")
	}
	until := act.now.Add(sightLasts)
	begun, err := act.queries.BeginSight(act.Context(), store.BeginSightParams{ID: act.operator.Session[:], SeesUserID: user.ID, Until: until})
	if err != nil {
		return err
	}
	if begun == 0 { // one of the two became an admin this moment, or is none any more
		return errSeesAdmin
	}
	setSight(act.w, strconv.FormatInt(until.UnixMilli(), 36), int(sightLasts.Seconds()))
	act.subject, act.then = fmt.Sprintf("user:%d", user.ID), "/"
	act.before = sightIn(act.operator.Sees)
	act.after = map[string]any{
		"sees": user.ID, "until": until, "reason": reason, "supportUntil": user.SupportUntil,
		"mayChange": user.SupportUntil != nil && act.now.Before(*user.SupportUntil),
	}
	return nil
}

// setSight changes the cookie that nginx knows a look by: what it was told of the session a moment before, of the
// operator's own slice, does not hold for it. Who makes one up is asked about anew, and nothing else.
func setSight(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: "sight", Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
}

// unsee is also sent by the app, from the banner that it shows meanwhile.
func unsee(act *act) error {
	if err := act.queries.EndSight(act.Context(), act.operator.Session[:]); err != nil {
		return err
	}
	setSight(act.w, "", -1)
	sees := act.operator.Sees
	if sees == nil {
		act.subject, act.said = act.operator.actor(), "That was over already: you see your own account."
		return nil
	}
	act.subject, act.then = fmt.Sprintf("user:%d", sees.UserID), fmt.Sprintf("/admin/users/%d", sees.UserID)
	act.before, act.after = sightIn(sees), sightIn(nil)
	act.said = "You have left the account of " + sees.Email + "."
	return nil
}

// sightIn is whom a session sees, as the audit has it: by number.
func sightIn(sees *views.AdminSees) map[string]any {
	if sees == nil {
		return map[string]any{"sees": nil}
	}
	return map[string]any{"sees": sees.UserID, "until": sees.Until}
}
