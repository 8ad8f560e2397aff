package admin

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"slicegate/jobs"
	"slicegate/payments"
	"slicegate/store"
	"slicegate/views"
)

// So many accounts are on one page of the list, and mails and lines of the audit on that of one.
const (
	usersAPage  = 50
	mailsOfUser = 20
)

// users registers the accounts.
func (rs *routes) users() {
	rs.link("/admin/users", "Users")
	rs.page("/admin/users", "Users", rs.usersPage)
	const page = "/admin/users/:user"
	rs.handle(Route{Method: http.MethodGet, Pattern: page}, func(v *visit) error {
		title, body := "User", rs.userPage
		if v.URL.Path == waitingPath { // the router has one page at this place
			title, body = "Waiting list", rs.waitingPage
		}
		shown, err := body(v)
		if err != nil {
			return err
		}
		return rs.show(v, http.StatusOK, title, shown)
	})
	rs.userActs(page)
	rs.adminActs(page)
	rs.see()
}

func pathOfUser(user int64) string { return fmt.Sprintf("/admin/users/%d", user) }

func subjectOfUser(user int64) string { return fmt.Sprintf("user:%d", user) }

// asked is what a query says, without bytes that are no text.
func (v *visit) asked(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(v.URL.Query().Get(name), ""), "\x00", ""))
}

func (rs *routes) usersPage(v *visit) (templ.Component, error) {
	list := views.AdminUserList{Part: strings.ToLower(v.asked("q")), State: v.asked("state"), Now: v.now}
	if !slices.ContainsFunc(views.AdminUserStates, func(one views.AdminOption) bool { return one.Value == list.State }) {
		list.State = ""
	}
	below, err := strconv.ParseInt(v.asked("below"), 10, 64)
	if err != nil || below < 1 {
		below = math.MaxInt64
	}
	found, err := v.queries.FindUsers(v.Context(), store.FindUsersParams{Part: list.Part, State: list.State, Below: below, Most: usersAPage + 1})
	if err != nil {
		return nil, err
	}
	if list.Count, err = v.queries.CountUserStates(v.Context()); err != nil {
		return nil, err
	}
	list.Users = found
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
	page := views.AdminOneUser{Now: v.now, CanResend: jobs.CanResend, Stripe: rs.Billing.On(), Operator: v.operator.ID}
	if page.User, err = v.queries.UserByID(ctx, id); err != nil {
		return nil, err
	}
	slice, err := v.queries.SliceByUser(ctx, id)
	switch {
	case err == nil:
		page.Slice = &slice
	case !store.IsNone(err):
		return nil, err
	}
	if page.Sessions, err = v.queries.SessionsOfUser(ctx, store.SessionsOfUserParams{UserID: id, Now: v.now}); err != nil {
		return nil, err
	}
	if page.Audit, err = v.queries.AuditLines(ctx, store.AuditLinesParams{Subject: subjectOfUser(id), Most: linesOfSlice}); err != nil {
		return nil, err
	}
	if page.Mails, err = v.queries.EmailsOfUser(ctx, store.EmailsOfUserParams{UserID: id, Most: mailsOfUser}); err != nil {
		return nil, err
	}
	if page.Disputes, err = v.queries.DisputesOf(ctx, id); err != nil {
		return nil, err
	}
	if page.Exports, err = v.queries.ExportsOf(ctx, id); err != nil {
		return nil, err
	}
	factor, err := v.queries.SecondFactor(ctx, id)
	if err != nil && !store.IsNone(err) {
		return nil, err
	}
	page.HasFactor = factor.ConfirmedAt != nil
	page.Price, page.PriceDetail = priceOf(page.User)
	page.Stopped = stopped(page.User, v.now)
	return views.AdminUser(page), nil
}

// priceOf is what an account costs a month, in words, and what that is made of.
func priceOf(user store.User) (price, detail string) {
	if user.MonthlyPrice == nil || user.Currency == nil {
		return "", ""
	}
	money := func(units *int64) string {
		if units == nil {
			units = new(int64)
		}
		return inMoney(*units, *user.Currency)
	}
	return money(user.MonthlyPrice), "storage " + money(user.MonthlyStorage) + ", discount " + money(user.MonthlyDiscount)
}

// inMoney is an amount with its currency: "4.50 USD".
func inMoney(units int64, currency string) string {
	return payments.InDigits(units, currency) + " " + strings.ToUpper(currency)
}
