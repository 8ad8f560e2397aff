package auth

import (
	"context"
	"log/slog"
	"time"

	"slicegate/store"
)

// want tells the runner that a user is on their way to their slice, so that its memory can be brought
// back ahead of their first request. It is a hint: that it is lost costs some milliseconds, so
// nothing waits for it, and it fails nothing.
func (a *Auth) want(ctx context.Context, user int64, cause string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	go func() {
		defer cancel()
		if err := store.New(a.Pool).WantSlice(ctx, store.WantSliceParams{UserID: user, Cause: cause}); err != nil {
			slog.WarnContext(ctx, "the runner was not told that a slice is wanted", "user", user, "error", err.Error())
		}
	}()
}
