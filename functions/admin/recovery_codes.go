package admin

import (
	"errors"
	"time"

	"github.com/a-h/templ"

	"slicegate/functions/answer"
	"slicegate/store"
	"slicegate/views"
)

const recoveryPath = "/admin/recovery-codes"

// recoveryPause is how long after codes were made new ones are: of two clicks the second would end what the first shows.
const recoveryPause = time.Minute

// recoveryCodes registers how many are left, and how there are new ones.
func (rs *routes) recoveryCodes() {
	rs.page(recoveryPath, "Second factor", func(v *visit) (templ.Component, error) {
		made, err := v.queries.RecoveryCodesMade(v.Context(), v.operator.ID)
		if err != nil && !store.IsNone(err) {
			return nil, err
		}
		return views.AdminRecovery(v.operator.Codes, made), nil
	})
	rs.act(NeedFresh, recoveryPath, "admin.recovery_codes", rs.renewCodes)
}

// renewCodes ends the codes that there are, and shows new ones: now and never again.
func (rs *routes) renewCodes(act *act) error {
	ctx := act.Context()
	factor, err := act.queries.LockSecondFactor(ctx, act.operator.ID)
	if err != nil {
		return err
	}
	made, err := act.queries.RecoveryCodesMade(ctx, factor.UserID)
	switch {
	case err == nil && act.now.Before(made.Add(recoveryPause)):
		return answer.Errorf(answer.Conflict, "New codes were made less than a minute ago: the page that showed them is the one to print. Try again in a minute if it is lost.")
	case err != nil && !store.IsNone(err):
		return err
	}
	left, err := act.queries.CountRecoveryCodes(ctx, factor.UserID)
	if err != nil {
		return err
	}
	shown, hashes := rs.vault.newRecoveryCodes()
	act.subject, act.before, act.after = act.operator.actor(), map[string]any{"codes": left}, map[string]any{"codes": len(shown)}
	act.operator.Codes = int64(len(shown))
	act.title, act.shown = "Recovery codes", views.AdminRecoveryCodes("The codes that you had open nothing any more.", shown)
	return errors.Join(act.queries.DropRecoveryCodes(ctx, factor.UserID),
		act.queries.AddRecoveryCodes(ctx, store.AddRecoveryCodesParams{UserID: factor.UserID, Hashes: hashes, Now: act.now}))
}
