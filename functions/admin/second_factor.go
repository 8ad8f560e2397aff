package admin

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
	"slicegate/views"
)

const secondFactorPath = "/admin/second-factor"

// So many wrong codes may be tried by an admin within so long; then none is looked at, also no right one.
const (
	codeTries   = 5
	triesWithin = 15 * time.Minute
)

// setUpLasts is how long a secret that has been shown can be confirmed.
const setUpLasts = 15 * time.Minute

// secondFactor registers how it is set up, and passed.
func (rs *routes) secondFactor() {
	rs.pageThatNeeds(NeedAdmin, secondFactorPath, "Second factor", rs.secondFactorPage)
	for path, do := range map[string]func(*visit) error{
		secondFactorPath:              rs.pass,
		secondFactorPath + "/begin":   rs.beginSetUp,
		secondFactorPath + "/confirm": rs.confirmSetUp,
	} {
		rs.handle(Route{Method: http.MethodPost, Pattern: path, Need: NeedAdmin}, do)
	}
	rs.act(NeedPassed, "/admin/leave", "admin.leave", func(act *act) error {
		act.subject, act.then = act.operator.actor(), secondFactorPath
		return act.queries.ForgetPass(act.Context(), act.operator.Session[:])
	})
}

func (rs *routes) secondFactorPage(v *visit) (templ.Component, error) {
	factor, err := v.queries.SecondFactor(v.Context(), v.operator.ID)
	if err != nil && !store.IsNone(err) {
		return nil, err
	}
	switch {
	case factor.ConfirmedAt != nil:
		left, err := v.queries.CountRecoveryCodes(v.Context(), v.operator.ID)
		if err != nil {
			return nil, err
		}
		return views.AdminAskCode(views.AdminCode{Then: v.then(), Again: v.operator.may(NeedPassed, v.now), RecoveryCodes: left}), nil
	case rs.isSettingUp(v, factor):
		return rs.showSecret(v, factor, "")
	default:
		return views.AdminAskSetUp(""), nil
	}
}

// then is where to go once it is passed.
func (v *visit) then() string {
	if then := v.PostForm.Get("then"); then != "" {
		return local(then, "/admin")
	}
	return local(v.URL.Query().Get("then"), "/admin")
}

// isSettingUp tells whether a secret may be shown to this session, and to no other.
func (rs *routes) isSettingUp(v *visit, factor store.SecondFactor) bool {
	return factor.ConfirmedAt == nil && factor.Sealed != nil && factor.SetupUntil != nil && v.now.Before(*factor.SetupUntil) &&
		subtle.ConstantTimeCompare(factor.SetupSession, v.operator.Session[:]) == 1
}

func (rs *routes) showSecret(v *visit, factor store.SecondFactor, problem string) (templ.Component, error) {
	secret, err := rs.vault.open(v.operator.ID, factor.Sealed)
	if err != nil {
		return nil, err
	}
	drawn, err := draw(rs.Brand, v.operator.Email, secret)
	if err != nil {
		return nil, err
	}
	return views.AdminSetUp(drawn, secret, problem), nil
}

// errWrong is a code that was not right; it has been counted.
var errWrong = errors.New("wrong code")

// looked is what looking at a code has found out.
type looked struct {
	how      string // in the audit
	recovery []string
}

// look has a code judged with the user's row locked: two at once are two tries, and no code works twice.
// Right or wrong, it is counted and written to the audit before the answer leaves.
func (rs *routes) look(v *visit, judge func(context.Context, *store.Queries, store.SecondFactor) (looked, error)) (found looked, err error) {
	var refused error
	err = pgx.BeginFunc(v.Context(), rs.Pool, func(tx pgx.Tx) error {
		ctx, queries := v.Context(), store.New(tx)
		factor, err := queries.LockSecondFactor(ctx, v.operator.ID)
		if store.IsNone(err) {
			refused = errWrong
			return nil
		}
		if err != nil {
			return err
		}
		recent := factor.FailedAt != nil && v.now.Before(factor.FailedAt.Add(triesWithin))
		if recent && factor.Failures >= codeTries {
			wait := factor.FailedAt.Add(triesWithin).Sub(v.now)
			refused = answer.Later(wait, "Too many wrong codes. Wait %s; until then no code is looked at.", answer.Minutes(wait))
			return nil
		}
		found, err = judge(ctx, queries, factor)
		if errors.Is(err, errWrong) {
			refused = err
			count := store.NoteWrongCodeParams{UserID: v.operator.ID, Failures: 1, FailedAt: v.now}
			if recent {
				count.Failures, count.FailedAt = factor.Failures+1, *factor.FailedAt
			}
			return errors.Join(queries.NoteWrongCode(ctx, count),
				queries.RecordAct(ctx, v.operator.actor(), "admin.second_factor_wrong", v.operator.actor(), v.detail(nil, nil)))
		}
		if err != nil {
			return err
		}
		return queries.RecordAct(ctx, v.operator.actor(), "admin.second_factor", v.operator.actor(), v.detail(nil, found.how))
	})
	if err == nil {
		err = refused
	}
	return found, err
}

// pass takes a code of the app, or one of the recovery codes.
func (rs *routes) pass(v *visit) error {
	if err := v.parse(); err != nil {
		return err
	}
	code := typed(v.field("code"))
	_, err := rs.look(v, func(ctx context.Context, queries *store.Queries, factor store.SecondFactor) (looked, error) {
		if factor.ConfirmedAt == nil {
			return looked{}, errWrong
		}
		if len(code) != digits.Length() {
			used, err := queries.UseRecoveryCode(ctx, store.UseRecoveryCodeParams{Hash: rs.vault.hash(code), UserID: factor.UserID})
			if err == nil && used == 0 {
				err = errWrong
			}
			if err != nil {
				return looked{}, err
			}
			return looked{how: "a recovery code"}, rs.passed(ctx, queries, v, factor.LastStep)
		}
		step, err := rs.stepOf(factor, code, v.now)
		if err != nil {
			return looked{}, err
		}
		return looked{how: "a code"}, rs.passed(ctx, queries, v, step)
	})
	if errors.Is(err, errWrong) {
		left, err := v.queries.CountRecoveryCodes(v.Context(), v.operator.ID)
		if err != nil {
			return err
		}
		return rs.show(v, http.StatusForbidden, "Second factor", views.AdminAskCode(views.AdminCode{
			Then: v.then(), RecoveryCodes: left, Again: v.operator.may(NeedPassed, v.now),
			Problem: "That code is not right, or it has been used. Wait for the next one.",
		}))
	}
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.Request, v.then(), http.StatusSeeOther)
	return nil
}

// stepOf is the half minute of a right code that is newer than the one that was taken last.
func (rs *routes) stepOf(factor store.SecondFactor, code string, now time.Time) (int64, error) {
	secret, err := rs.vault.open(factor.UserID, factor.Sealed)
	if err != nil {
		return 0, err
	}
	found, right, err := step(secret, code, now)
	if err == nil && (!right || found <= factor.LastStep) {
		err = errWrong
	}
	return found, err
}

func (rs *routes) passed(ctx context.Context, queries *store.Queries, v *visit, step int64) error {
	return errors.Join(
		queries.NoteCode(ctx, store.NoteCodeParams{UserID: v.operator.ID, Step: step}),
		queries.PassSecondFactor(ctx, store.PassSecondFactorParams{ID: v.operator.Session[:], Now: v.now}),
	)
}

// beginSetUp takes the code that `runner admin add` has shown, and makes the secret.
func (rs *routes) beginSetUp(v *visit) error {
	if err := v.parse(); err != nil {
		return err
	}
	_, err := rs.look(v, func(ctx context.Context, queries *store.Queries, factor store.SecondFactor) (looked, error) {
		if factor.ConfirmedAt != nil || factor.SetupHash == nil || factor.SetupUntil == nil || !v.now.Before(*factor.SetupUntil) ||
			!bytes.Equal(factor.SetupHash, store.SetupHash(v.field("code"))) {
			return looked{}, errWrong
		}
		return looked{how: "set-up began"}, queries.BeginSecondFactor(ctx, store.BeginSecondFactorParams{
			UserID: factor.UserID, Session: v.operator.Session[:], Sealed: rs.vault.seal(factor.UserID, newSecret()), Until: v.now.Add(setUpLasts),
		})
	})
	if errors.Is(err, errWrong) {
		return rs.show(v, http.StatusForbidden, "Second factor", views.AdminAskSetUp(
			"That code is not right, has been used, or is older than an hour. On the server, “runner admin add” with your address shows a new one."))
	}
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.Request, secondFactorPath, http.StatusSeeOther)
	return nil
}

// confirmSetUp takes the first code of the app, and shows the recovery codes: now and never again.
func (rs *routes) confirmSetUp(v *visit) error {
	if err := v.parse(); err != nil {
		return err
	}
	found, err := rs.look(v, func(ctx context.Context, queries *store.Queries, factor store.SecondFactor) (looked, error) {
		if !rs.isSettingUp(v, factor) {
			return looked{}, errWrong
		}
		step, err := rs.stepOf(factor, typed(v.field("code")), v.now)
		if err != nil {
			return looked{}, err
		}
		shown, hashes := rs.vault.newRecoveryCodes()
		return looked{"set up", shown}, errors.Join(
			queries.ConfirmSecondFactor(ctx, store.ConfirmSecondFactorParams{UserID: factor.UserID, Now: v.now}),
			queries.AddRecoveryCodes(ctx, store.AddRecoveryCodesParams{UserID: factor.UserID, Hashes: hashes, Now: v.now}),
			rs.passed(ctx, queries, v, step),
		)
	})
	if errors.Is(err, errWrong) {
		factor, err := v.queries.SecondFactor(v.Context(), v.operator.ID)
		if err != nil && !store.IsNone(err) {
			return err
		}
		body := views.AdminAskSetUp("The set-up took too long, or was begun in another browser. Begin again.")
		if rs.isSettingUp(v, factor) {
			if body, err = rs.showSecret(v, factor, "That code is not right. Is the clock of the phone right?"); err != nil {
				return err
			}
		}
		return rs.show(v, http.StatusForbidden, "Second factor", body)
	}
	if err != nil {
		return err
	}
	return rs.show(v, http.StatusOK, "Recovery codes", views.AdminRecoveryCodes("The second factor is set up.", found.recovery))
}
