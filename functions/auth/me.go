package auth

import (
	"context"
	"net/http"
	"time"

	"slicegate/functions/answer"
	"slicegate/functions/maintenance"
	"slicegate/functions/session"
	"slicegate/store"
)

// me is what the app needs to know first: who is logged in, and where their slice stands.
func (a *Auth) me(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	now, err := maintenance.Now(r.Context(), store.New(a.Pool))
	if err != nil {
		return err
	}
	// Nobody can use a slice during maintenance, and the app asks again and again.
	if now == nil && visitor.Sight == nil {
		a.want(r.Context(), visitor.UserID, "open")
	}
	return a.answerMe(r.Context(), w, http.StatusOK, visitor)
}

// visitor finds who sent r, or refuses.
func (a *Auth) visitor(r *http.Request) (session.Visitor, error) {
	return a.Signer.Visitor(r, store.New(a.Pool), a.Clock())
}

// Me is the answer of register, login and me, and of what changes it.
type Me struct {
	Brand   string     `json:"brand"`
	Billing meBilling  `json:"billing"`
	SeenBy  *meSeenBy  `json:"seenBy"` // null: by its owner
	User    meUser     `json:"user"`
	Slice   *meSlice   `json:"slice"`   // null: none
	Waiting *meWaiting `json:"waiting"` // null: not waiting for one

	Maintenance   *meMaintenance   `json:"maintenance"` // null: there is none
	Announcements []meAnnouncement `json:"announcements"`
}

type meBilling struct {
	Enabled  bool `json:"enabled"`  // one can pay
	PayFirst bool `json:"payFirst"` // and has to, before there is a slice
}

// meSeenBy is told to an operator who sees the account as its owner does.
type meSeenBy struct {
	Until     time.Time `json:"until"`
	MayChange bool      `json:"mayChange"` // the owner has allowed more than looking
}

type meUser struct {
	ID                 int64      `json:"id"`
	Email              string     `json:"email"`
	SubscriptionStatus string     `json:"subscriptionStatus"`
	TrialEndsAt        *time.Time `json:"trialEndsAt"`
	EmailVerified      bool       `json:"emailVerified"`
	EmailBounced       bool       `json:"emailBounced"` // mails to it come back
	Channels           meChannels `json:"channels"`
}

// meChannels are the ways in which somebody wants to be told when something is wrong.
type meChannels struct {
	Email    bool `json:"email"`
	WhatsApp bool `json:"whatsapp"`
}

type meSlice struct {
	ID          int64  `json:"id"`
	Status      string `json:"status"`
	WAConnected bool   `json:"waConnected"`
	Moving      bool   `json:"moving"` // its user and data are being taken to another slice
}

type meWaiting struct {
	Since    time.Time `json:"since"`
	Position int       `json:"position"` // 1 is the next
	Full     bool      `json:"full"`     // no place is left for this position; a mail says when that changes
}

// answerMe tells a visitor of the account as it is now.
func (a *Auth) answerMe(ctx context.Context, w http.ResponseWriter, status int, visitor session.Visitor) error {
	queries := store.New(a.Pool)
	user, err := queries.UserByID(ctx, visitor.UserID)
	if err != nil {
		return err
	}
	me := Me{Brand: a.Brand, Billing: meBilling{Enabled: a.Paid, PayFirst: a.payFirst()}, User: meUser{
		ID: user.ID, Email: user.Email, SubscriptionStatus: user.SubscriptionStatus, TrialEndsAt: user.TrialEndsAt,
		EmailVerified: user.EmailVerifiedAt != nil, EmailBounced: user.EmailBouncedAt != nil,
		Channels: meChannels{Email: user.TellByEmail, WhatsApp: user.TellByWhatsapp},
	}}
	if seen := visitor.Sight; seen != nil {
		me.SeenBy = &meSeenBy{seen.Until, seen.MayChange}
	}
	slice, err := queries.SliceByUser(ctx, user.ID)
	switch {
	case err == nil:
		me.Slice = &meSlice{slice.ID, slice.Status, slice.WaConnected, slice.Moving}
	case !store.IsNone(err):
		return err
	case user.WaitingSince != nil:
		if me.Waiting, err = a.waiting(ctx, queries, user, visitor.Sight != nil); err != nil {
			return err
		}
	}
	if err := a.notices(ctx, queries, &me); err != nil {
		return err
	}
	answer.JSON(w, status, me)
	return nil
}

// waiting tells somebody where they stand. Who is told that there is no place is promised a mail, unless it
// is somebody else who looks.
func (a *Auth) waiting(ctx context.Context, queries *store.Queries, user store.User, seen bool) (*meWaiting, error) {
	before, err := queries.WaitingBefore(ctx, store.WaitingBeforeParams{ID: user.ID, Now: a.Clock()})
	if err != nil {
		return nil, err
	}
	places, err := queries.Places(ctx, a.Clock())
	if err != nil {
		return nil, err
	}
	waiting := meWaiting{Since: *user.WaitingSince, Position: int(before) + 1, Full: before+places.Kept >= places.Places}
	if waiting.Full && !user.WaitListed && !seen {
		if err := queries.WaitList(ctx, user.ID); err != nil {
			return nil, err
		}
	}
	return &waiting, nil
}
