package admin

import (
	"slices"
	"time"

	"slicegate/functions/answer"
	"slicegate/jobs"
	"slicegate/store"
	"slicegate/views"
)

// adminActs registers who is an admin, and who is one no more.
func (rs *routes) adminActs(page string) {
	rs.act(NeedFresh, page+"/make-admin", "admin.user.make_admin", rs.makeAdmin)
	rs.act(NeedFresh, page+"/unmake-admin", "admin.user.unmake_admin", rs.unmakeAdmin)
}

// setUpPause is how long after a set-up code was shown there is another: of two clicks the second would end what the
// first shows.
const setUpPause = time.Minute

// amongAdmins takes the account that an act is about, after all admins are locked: two who remove each other at the same
// time come one after the other, and the second is none any more.
func (act *act) amongAdmins() (user store.User, admins []int64, err error) {
	if admins, err = act.queries.LockAdmins(act.Context()); err != nil {
		return user, nil, err
	}
	if !slices.Contains(admins, act.operator.ID) {
		return user, nil, errNothing
	}
	user, err = act.account()
	return user, admins, err
}

// makeAdmin shows the code with which the second factor is set up, once.
func (rs *routes) makeAdmin(act *act) error {
	user, _, err := act.amongAdmins()
	if err != nil {
		return err
	}
	factor, err := act.queries.SecondFactor(act.Context(), user.ID)
	if err != nil && !store.IsNone(err) {
		return err
	}
	if user.IsAdmin && factor.SetupUntil != nil && act.now.Before(factor.SetupUntil.Add(setUpPause-jobs.SetUpWithin)) {
		return answer.Errorf(answer.Conflict, "A set-up code was shown less than a minute ago: that one is the one to use. Try again in a minute if it is lost.")
	}
	if factor.ConfirmedAt != nil && user.IsAdmin {
		return answer.Errorf(answer.Conflict, "They are an admin and have a second factor. If it is lost, take admin from them and make them one again.")
	}
	word, err := jobs.MakeAdmin(act.Context(), act.tx, user, act.operator.actor(), act.now)
	if err != nil {
		return err
	}
	act.title, act.shown = "An admin", views.AdminMade(user, rs.AppURL, word)
	return act.stands(user.ID)
}

func (rs *routes) unmakeAdmin(act *act) error {
	user, admins, err := act.amongAdmins()
	if err != nil {
		return err
	}
	switch {
	case user.ID == act.operator.ID:
		return answer.Errorf(answer.Conflict, "You cannot take this from yourself: another admin can.")
	case user.IsAdmin && len(admins) == 1:
		return answer.Errorf(answer.Conflict, "This is the last admin: make another one first.")
	}
	if err := jobs.UnmakeAdmin(act.Context(), act.tx, user, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = user.Email + " is an account like others."
	return act.stands(user.ID)
}
