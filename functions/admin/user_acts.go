package admin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/views"
)

// userActs registers what an operator does to an account.
func (rs *routes) userActs(page string) {
	for _, order := range []jobs.Order{jobs.OrderSuspend, jobs.OrderResume} {
		rs.act(NeedPassed, page+"/"+string(order), "admin.user."+string(order), func(act *act) error { return rs.orderUser(act, order) })
	}
	rs.act(NeedPassed, page+"/extend", "admin.user.extend", rs.extend)
	rs.act(NeedPassed, page+"/release", "admin.user.release", rs.release)
	rs.act(NeedPassed, page+"/verify", "admin.user.verify", rs.sendVerification)
	rs.act(NeedPassed, page+"/mails/:mail/resend", "admin.user.resend", rs.resend)
	rs.act(NeedPassed, page+"/sign-out", "admin.user.sign_out", signOut)
	rs.pageThatNeeds(NeedFresh, page+"/terminate", "Terminate an account", rs.terminatePage)
	rs.act(NeedFresh, page+"/terminate", "admin.user.terminate", rs.terminate)
}

// account takes the account that an act is about, as it is before, and holds it.
func (act *act) account() (store.User, error) {
	id, err := act.number("user")
	if err != nil {
		return store.User{}, err
	}
	user, err := act.queries.LockedAccount(act.Context(), id)
	if err != nil {
		return user, err
	}
	act.subject, act.then = subjectOfUser(id), pathOfUser(id)
	act.before, err = act.accountState(id)
	return user, err
}

// stands notes how the act has left an account.
func (act *act) stands(id int64) (err error) {
	act.after, err = act.accountState(id)
	return err
}

func (act *act) accountState(id int64) (map[string]any, error) {
	row, err := act.queries.AccountStands(act.Context(), id)
	if err != nil {
		return nil, err
	}
	state := map[string]any{"status": row.SubscriptionStatus, "admin": row.IsAdmin}
	for name, at := range map[string]*time.Time{
		"trialEndsAt": row.TrialEndsAt, "graceUntil": row.GraceUntil, "waitingSince": row.WaitingSince, "putFirstAt": row.PutFirstAt, "heldAt": row.HeldAt, "terminateAt": row.TerminateAt,
	} {
		if at != nil {
			state[name] = *at
		}
	}
	if row.SliceID != nil {
		state["slice"], state["sliceStatus"] = *row.SliceID, *row.SliceStatus
	}
	return state, nil
}

func (rs *routes) orderUser(act *act, order jobs.Order) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	slice, err := act.queries.SliceByUser(act.Context(), user.ID)
	if store.IsNone(err) {
		return answer.Errorf(answer.Conflict, "This account has no slice.")
	}
	if err != nil {
		return err
	}
	if reason := stopped(user, act.now); order == jobs.OrderResume && reason != "" {
		return answer.Errorf(answer.Conflict, "%s", reason)
	}
	if err := jobs.Give(act.Context(), act.tx, rs.Jobs, order, slice.ID, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d: %s is ordered. The runner of %s carries it out.", slice.ID, order, slice.Server)
	return act.stands(user.ID)
}

// stopped is why an account's slice would be stopped again at once; empty: it would not.
func stopped(user store.User, now time.Time) string {
	switch {
	case user.IsAdmin:
		return ""
	case user.TerminateAt != nil:
		return "This account is being terminated."
	case user.HeldAt != nil:
		return "A payment of this account is disputed, which keeps its slice stopped: release the hold first."
	case user.SubscriptionStatus == "unpaid", user.SubscriptionStatus == "cancelled",
		user.SubscriptionStatus == "past_due" && user.GraceEndsAt != nil && !now.Before(*user.GraceEndsAt):
		return "Nothing is paid for this account, and its time is over: the slice would be stopped again. Extend it, or have its user pay."
	}
	return ""
}

func (rs *routes) extend(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(act.field("days"))
	if err != nil || days < 1 || days > 365 {
		return answer.Errorf(answer.Invalid, "Say for how many days, from 1 to 365.")
	}
	if act.field("seen") != views.AdminSeen(views.AdminExtended(user)) {
		return answer.Errorf(answer.Conflict, "The end of the trial, or of the grace, has changed since that page was opened. Look at it again, and extend it if that is still what you want.")
	}
	if err := jobs.Extend(act.Context(), act.tx, rs.Jobs, user, days, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("User %d has %d days more.", user.ID, days)
	return act.stands(user.ID)
}

func (rs *routes) release(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	if err := jobs.ReleaseHold(act.Context(), act.tx, rs.Jobs, user, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("User %d is released: what is disputed stops their slice no longer.", user.ID)
	return act.stands(user.ID)
}

func (rs *routes) sendVerification(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	if err := jobs.ResendVerification(act.Context(), act.tx, rs.Jobs, user, act.now); err != nil {
		return err
	}
	act.said = "A mail with a link that confirms the address is on its way. Links of earlier ones work no more."
	return act.stands(user.ID)
}

func (rs *routes) resend(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	mail, err := act.number("mail")
	if err != nil {
		return err
	}
	kind, err := jobs.ResendEmail(act.Context(), act.tx, rs.Jobs, user, mail, act.now)
	if err != nil {
		return err
	}
	act.said = "The mail “" + views.AdminMailKind(kind) + "” is on its way again."
	act.before, act.after = map[string]any{"mail": mail, "kind": kind}, map[string]any{"sentAgain": true}
	return nil
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
	act.subject, act.then = subjectOfUser(id), pathOfUser(id)
	act.before, act.after = map[string]any{"sessions": ended}, map[string]any{"sessions": 0}
	act.said = fmt.Sprintf("User %d is signed out everywhere (%d sessions).", id, ended)
	return nil
}

func (rs *routes) terminatePage(v *visit) (templ.Component, error) {
	id, err := v.number("user")
	if err != nil {
		return nil, err
	}
	user, err := v.queries.UserByID(v.Context(), id)
	if err != nil {
		return nil, err
	}
	return views.AdminTerminate(user), nil
}

// terminate stops an account now, and has it destroyed and forgotten once Stripe knows.
func (rs *routes) terminate(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	if strings.ToLower(act.field("address")) != user.Email {
		return answer.Errorf(answer.Invalid, "The address does not match: to terminate this account, type the address that stands above the form.")
	}
	if user.StripeCustomer != nil && !rs.Billing.On() {
		return answer.Errorf(answer.Conflict, "This account has a customer at Stripe, who must be deleted first, or they would go on to pay; and there is no STRIPE_KEY.")
	}
	err = jobs.Terminate(act.Context(), act.tx, rs.Jobs, user, act.operator.actor(), act.now)
	if errors.Is(err, jobs.ErrRefused) && user.IsAdmin {
		return answer.Errorf(answer.Conflict, "An admin's account is not terminated: take that from them first.")
	}
	if err != nil {
		return err
	}
	act.said = fmt.Sprintf("User %d is signed out and stopped. As soon as Stripe has been told, everything of theirs is destroyed.", user.ID)
	return act.stands(user.ID)
}
