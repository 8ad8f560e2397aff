package jobs

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/store"
)

// SetUpWithin is how long the code with which a second factor is set up can be used.
const SetUpWithin = time.Hour

// MakeAdmin makes an account an admin, and gives the code to set up their second factor with: without it, whoever got
// hold of their password first could set up one of their own. Who has a second factor gets none: ErrRefused.
func MakeAdmin(ctx context.Context, tx pgx.Tx, user store.User, actor string, now time.Time) (word string, err error) {
	if user.TerminateAt != nil {
		return "", errEnding
	}
	queries := store.New(tx)
	if _, err := queries.SetAdmin(ctx, store.SetAdminParams{ID: user.ID, IsAdmin: true, Now: now}); err != nil {
		return "", err
	}
	word = rand.Text()
	offered, err := queries.OfferSecondFactor(ctx, store.OfferSecondFactorParams{UserID: user.ID, SetupHash: store.SetupHash(word), SetupUntil: now.Add(SetUpWithin)})
	if err != nil {
		return "", err
	}
	if offered == 0 {
		return "", fmt.Errorf("%[1]w: %[2]s is an admin and has a second factor; if it is lost: runner admin remove %[2]s, then add", ErrRefused, user.Email)
	}
	return word, queries.RecordAct(ctx, actor, "admin.add", subjectUser(user.ID), map[string]any{"before": user.IsAdmin, "after": true})
}

// UnmakeAdmin makes an admin a customer like others, and takes their second factor away. They are none: ErrRefused.
func UnmakeAdmin(ctx context.Context, tx pgx.Tx, user store.User, actor string, now time.Time) error {
	queries := store.New(tx)
	removed, err := queries.SetAdmin(ctx, store.SetAdminParams{ID: user.ID, IsAdmin: false, Now: now})
	if err != nil {
		return err
	}
	if removed == 0 {
		return fmt.Errorf("%w: %s is no admin", ErrRefused, user.Email)
	}
	if _, err := queries.DropSecondFactor(ctx, user.ID); err != nil {
		return err
	}
	if err := queries.ForgetPasses(ctx, user.ID); err != nil {
		return err
	}
	return queries.RecordAct(ctx, actor, "admin.remove", subjectUser(user.ID), map[string]any{"before": true, "after": false})
}
