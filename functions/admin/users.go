package admin

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"slicegate/store"
	"slicegate/views"
)

// usersAPage is how many are on one page of the list.
const usersAPage = 50

// users registers the accounts.
func (rs *routes) users() {
	rs.link("/admin/users", "Users")
	rs.page("/admin/users", "Users", rs.usersPage)
	rs.page("/admin/users/:user", "User", rs.userPage)
	rs.act(NeedPassed, "/admin/users/:user/sign-out", "admin.user.sign_out", signOut)
	rs.see()
}

func (rs *routes) usersPage(v *visit) (templ.Component, error) {
	query := v.URL.Query()
	part := strings.ToLower(strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(query.Get("q"), ""), "\x00", "")))
	below, err := strconv.ParseInt(query.Get("below"), 10, 64)
	if err != nil || below < 1 {
		below = math.MaxInt64
	}
	found, err := v.queries.FindUsers(v.Context(), store.FindUsersParams{Part: part, Below: below, Most: usersAPage + 1})
	if err != nil {
		return nil, err
	}
	list := views.AdminUserList{Part: part, Users: found, Now: v.now}
	if len(found) > usersAPage {
		list.Users, list.More = found[:usersAPage], found[usersAPage-1].ID
	}
	return views.AdminUsers(list), nil
}

func (rs *routes) userPage(v *visit) (templ.Component, error) {
	ctx := v.Context()
	id, err := v.number("user")
	if err != nil {
		return nil, err
	}
	page := views.AdminOneUser{Now: v.now}
	if page.User, err = v.queries.UserByID(ctx, id); err != nil {
		return nil, err
	}
	slice, err := v.queries.SliceByUser(ctx, id)
	switch {
	case err == nil:
		page.Slice = slice.ID
	case !store.IsNone(err):
		return nil, err
	}
	if page.Sessions, err = v.queries.SessionsOfUser(ctx, store.SessionsOfUserParams{UserID: id, Now: v.now}); err != nil {
		return nil, err
	}
	if page.Audit, err = v.queries.AuditLines(ctx, store.AuditLinesParams{Subject: fmt.Sprintf("user:%d", id), Most: linesOfSlice}); err != nil {
		return nil, err
	}
	return views.AdminUser(page), nil
}

// signOut ends every session of a user, everywhere, within a second.
func signOut(act *act) error {
	id, err := act.number("user")
	if err != nil {
		return err
	}
	if _, err := act.queries.UserByID(act.Context(), id); err != nil {
		return err
	}
	ended, err := act.queries.EndSessionsOf(act.Context(), id)
	if err != nil {
		return err
	}
	act.subject, act.then = fmt.Sprintf("user:%d", id), fmt.Sprintf("/admin/users/%d", id)
	act.before, act.after = map[string]any{"sessions": ended}, map[string]any{"sessions": 0}
	act.said = fmt.Sprintf("User %d is signed out everywhere (%d sessions).", id, ended)
	return nil
}
