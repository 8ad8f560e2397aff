package admin

import (
	"fmt"

	"slicegate/jobs"
	"slicegate/store"
)

// sliceReclaim registers what an operator may want of one slice's memory.
func (rs *routes) sliceReclaim(page string) {
	rs.act(NeedPassed, page+"/reclaim-now", "admin.slice.reclaim-now", reclaimNow)
	rs.act(NeedPassed, page+"/reclaim-exempt", "admin.slice.reclaim-exempt", func(act *act) error { return act.exempt(true) })
	rs.act(NeedPassed, page+"/reclaim-resume", "admin.slice.reclaim-resume", func(act *act) error { return act.exempt(false) })
}

func reclaimNow(act *act) error {
	slice, err := act.take()
	if err != nil {
		return err
	}
	if err := jobs.AskReclaim(act.Context(), act.tx, slice.ID, act.operator.actor(), act.now); err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d: reclaim is asked for. The runner of %s begins within seconds, unless its user is there; the audit says how it ended.", slice.ID, slice.Server)
	return act.left(slice.ID)
}

func (act *act) exempt(exempt bool) error {
	slice, err := act.take()
	if err != nil {
		return err
	}
	if _, err := act.queries.PauseReclaim(act.Context(), store.PauseReclaimParams{ID: slice.ID, Paused: exempt}); err != nil {
		return err
	}
	act.said = fmt.Sprintf("Slice %d: %s.", slice.ID, map[bool]string{true: "its memory is exempt from reclaim", false: "its memory is reclaimed again"}[exempt])
	return act.left(slice.ID)
}
