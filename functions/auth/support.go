package auth

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/store"
)

// supportLasts is for how long a user allows more than looking at a time.
const supportLasts = 24 * time.Hour

// pastSights is how many times that support looked are told.
const pastSights = 20

// Support is what a user has allowed whoever helps them, and when they looked.
type Support struct {
	Until *time.Time `json:"until"` // they may also act and take copies until then; null: look alone
	Looks []Looked   `json:"looks"` // the newest first
}

// Looked is once that an operator opened the account.
type Looked struct {
	At        time.Time `json:"at"`
	MayChange bool      `json:"mayChange"` // more than looking was allowed then
}

func (a *Auth) support(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	return a.answerSupport(r.Context(), w, visitor.UserID)
}

func (a *Auth) answerSupport(ctx context.Context, w http.ResponseWriter, id int64) error {
	queries := store.New(a.Pool)
	user, err := queries.UserByID(ctx, id)
	if err != nil {
		return err
	}
	rows, err := queries.PastSights(ctx, store.PastSightsParams{Subject: fmt.Sprintf("user:%d", id), Most: pastSights})
	if err != nil {
		return err
	}
	support := Support{Looks: []Looked{}}
	if user.SupportUntil != nil && a.Clock().Before(*user.SupportUntil) {
		support.Until = user.SupportUntil
	}
	for _, row := range rows {
		support.Looks = append(support.Looks, Looked{row.At, row.MayChange})
	}
	answer.JSON(w, http.StatusOK, support)
	return nil
}

func (a *Auth) allowSupport(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	if err := a.AllowSupport(r.Context(), visitor.UserID); err != nil {
		return err
	}
	return a.answerSupport(r.Context(), w, visitor.UserID)
}

// AllowSupport lets operators who see a user's account act and take copies there, for a day from now.
func (a *Auth) AllowSupport(ctx context.Context, id int64) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, until := store.New(tx), a.Clock().Add(supportLasts)
		if err := queries.AllowSupport(ctx, store.AllowSupportParams{ID: id, Until: &until}); err != nil {
			return err
		}
		return queries.RecordUser(ctx, "allow_support", id, map[string]any{"until": until})
	})
}

func (a *Auth) withdrawSupport(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	if err := a.WithdrawSupport(r.Context(), visitor.UserID); err != nil {
		return err
	}
	return a.answerSupport(r.Context(), w, visitor.UserID)
}

// WithdrawSupport takes that back, and ends every look at the account that is under way.
func (a *Auth) WithdrawSupport(ctx context.Context, id int64) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.AllowSupport(ctx, store.AllowSupportParams{ID: id}); err != nil {
			return err
		}
		ended, err := queries.EndSightsOf(ctx, id)
		if err != nil {
			return err
		}
		return queries.RecordUser(ctx, "withdraw_support", id, map[string]any{"ended": ended})
	})
}
