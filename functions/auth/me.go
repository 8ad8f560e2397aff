package auth

import (
	"context"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/store"
)

// me is what the app needs to know first: who is logged in, and where their slice stands.
func (a *Auth) me(w http.ResponseWriter, r *http.Request) error {
	notAuthenticated := answer.Errorf(answer.Unauthenticated, "Not authenticated")
	_, id, err := a.Signer.Read(r)
	if err != nil {
		return notAuthenticated
	}
	queries := store.New(a.Pool)
	access, err := queries.AccessBySession(r.Context(), store.AccessBySessionParams{ID: id[:], Now: a.Clock()})
	if store.IsNone(err) {
		return notAuthenticated
	}
	if err != nil {
		return err
	}
	user, err := queries.UserByID(r.Context(), access.UserID)
	if err != nil {
		return err
	}
	return a.answerMe(r.Context(), w, user)
}

func (a *Auth) answerMe(ctx context.Context, w http.ResponseWriter, user store.User) error {
	slice, err := store.New(a.Pool).SliceByUser(ctx, user.ID)
	switch {
	case store.IsNone(err):
		answer.JSON(w, http.StatusOK, a.describe(user, nil))
	case err != nil:
		return err
	default:
		answer.JSON(w, http.StatusOK, a.describe(user, &slice))
	}
	return nil
}

// Me is the answer of register, login and me.
type Me struct {
	Brand        string     `json:"brand"`
	User         meUser     `json:"user"`
	Slice        *meSlice   `json:"slice"`        // null: none yet
	WaitingSince *time.Time `json:"waitingSince"` // null: not waiting for one
}

type meUser struct {
	ID                 int64      `json:"id"`
	Email              string     `json:"email"`
	SubscriptionStatus string     `json:"subscriptionStatus"`
	TrialEndsAt        *time.Time `json:"trialEndsAt"`
}

type meSlice struct {
	ID          int64  `json:"id"`
	Status      string `json:"status"`
	WAConnected bool   `json:"waConnected"`
}

func (a *Auth) describe(user store.User, slice *store.Slice) Me {
	me := Me{
		Brand:        a.Brand,
		User:         meUser{user.ID, user.Email, user.SubscriptionStatus, user.TrialEndsAt},
		WaitingSince: user.WaitingSince,
	}
	if slice != nil {
		me.Slice = &meSlice{slice.ID, slice.Status, slice.WaConnected}
	}
	return me
}
