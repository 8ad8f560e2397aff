package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/functions/answer"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/store"
)

// A restart takes a minute or two, and the next one begins it anew.
const restartPause = 5 * time.Minute

// restart orders the slice of whoever asks to be restarted, or begun again if it has failed.
func (a *Auth) restart(w http.ResponseWriter, r *http.Request) error {
	visitor, err := a.visitor(r)
	if err != nil {
		return err
	}
	if err := a.Restart(r.Context(), visitor); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Restart gives the order for the slice of a user, once in five minutes.
func (a *Auth) Restart(ctx context.Context, visitor session.Visitor) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		queries, now := store.New(tx), a.Clock()
		slice, err := queries.NoteUserRestart(ctx, store.NoteUserRestartParams{UserID: visitor.UserID, Now: now, NotSince: now.Add(-restartPause)})
		if store.IsNone(err) {
			return whyNoRestart(ctx, queries, visitor.UserID, now)
		}
		if err != nil {
			return err
		}
		order := jobs.OrderRecycle
		if slice.Status == "failed" {
			order = jobs.OrderResume
		}
		err = jobs.Give(ctx, tx, a.Jobs, order, slice.ID, visitor.Actor(), now)
		if errors.Is(err, jobs.ErrRefused) {
			return errNoRestart
		}
		return err
	})
}

var errNoRestart = answer.Errorf(answer.Conflict, "Your workspace cannot be restarted just now. Try again in a minute or two.")

func whyNoRestart(ctx context.Context, queries *store.Queries, user int64, now time.Time) error {
	slice, err := queries.SliceByUser(ctx, user)
	switch {
	case store.IsNone(err):
		return answer.Errorf(answer.Conflict, "You have no workspace yet: there is nothing to restart.")
	case err != nil:
		return err
	case slice.Moving:
		return answer.Errorf(answer.Conflict, "Your workspace is being moved. It comes back by itself in a minute or two.")
	case slice.Status == "suspended":
		return answer.Errorf(answer.Conflict, "Your workspace is suspended, with all that is in it. It has to be resumed before it can be restarted.")
	case slice.Status == "destroying":
		return answer.Errorf(answer.Conflict, "Your workspace is being deleted and cannot be restarted.")
	case slice.UserRestartAt == nil:
		return errNoRestart // it could not be a moment ago
	}
	wait := slice.UserRestartAt.Add(restartPause).Sub(now)
	return answer.Later(wait, "Your workspace has just been restarted. Give it time to come back; it can be restarted again in %s.", answer.Minutes(wait))
}
