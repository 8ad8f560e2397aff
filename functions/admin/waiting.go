package admin

import (
	"fmt"

	"github.com/a-h/templ"

	"slicegate/jobs"
	"slicegate/views"
)

const waitingPath = "/admin/users/waiting"

// waiting registers what is done about those who wait for a slice.
func (rs *routes) waiting() {
	rs.act(NeedPassed, "/admin/users/:user/put-first", "admin.user.put_first", rs.putFirst)
	rs.act(NeedPassed, "/admin/users/:user/take-off", "admin.user.take_off_list", rs.takeOff)
}

func (rs *routes) waitingPage(v *visit) (templ.Component, error) {
	list := views.AdminWaitingList{Now: v.now}
	var err error
	if list.Users, err = v.queries.WaitingUsers(v.Context(), v.now); err != nil {
		return nil, err
	}
	if list.Servers, err = v.queries.RoomOfServers(v.Context()); err != nil {
		return nil, err
	}
	return views.AdminWaiting(list), nil
}

func (rs *routes) putFirst(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	served, err := jobs.PutFirst(act.Context(), act.tx, rs.Jobs, user, act.operator.actor(), act.now)
	if err != nil {
		return err
	}
	act.then = waitingPath
	act.said = fmt.Sprintf("User %d is the first to get a place.", user.ID)
	if served {
		act.said = fmt.Sprintf("User %d has a slice now.", user.ID)
	}
	return act.stands(user.ID)
}

func (rs *routes) takeOff(act *act) error {
	user, err := act.account()
	if err != nil {
		return err
	}
	if err := jobs.TakeOffList(act.Context(), act.tx, rs.Jobs, user, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.then, act.said = waitingPath, fmt.Sprintf("User %d waits no more.", user.ID)
	return act.stands(user.ID)
}
